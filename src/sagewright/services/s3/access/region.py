"""The region that a request is signed for is the bucket's, or the signature is none for it.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (AuthorizationHeaderMalformed)
"""

from __future__ import annotations

from sagewright.kit.operation import Context
from sagewright.store import Document
from sagewright.wire.signing import credentials, refusals, sigv2

_ANYWHERE = ("CreateBucket", "GetBucketLocation")


def check_region(ctx: Context, bucket: Document) -> None:
    """Raises AwsError, which tells the right region. Forms and calls from inside are good for any."""
    scope = credentials.scope(ctx.http) if ctx.http is not None and ctx.operation not in _ANYWHERE else None
    if scope is None:
        return
    _, signed, _, presigned = scope
    region = bucket.body["Region"]
    if not signed and region not in sigv2.REGIONS:
        raise refusals.old_signature()
    if signed not in ("", region):
        error = refusals.wrong_region(signed, region, presigned=presigned)
        error.headers = {"x-amz-bucket-region": region}
        raise error
