"""What may be a bucket's policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

from sagewright.core.errors import AwsError
from sagewright.kit.policy import PolicyError, Statement, like, parse
from sagewright.services.s3 import errors
from sagewright.services.s3.access.ownership import blocks
from sagewright.services.s3.access.permissions import bucket_actions, object_actions
from sagewright.services.s3.access.publicity import is_public
from sagewright.store import Document

_LONGEST = 20 * 1024
_PARTITIONS = ("arn:aws:s3", "arn:aws-cn:s3", "arn:aws-us-gov:s3")
_NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
_INVALID = {
    "Action": "Policy has invalid action",
    "NotAction": "Policy has invalid action",
    "Resource": "Policy has invalid resource",
    "NotResource": "Policy has invalid resource",
}


def check_policy(bucket: Document, text: str) -> None:
    """Raises AwsError MalformedPolicy, PolicyTooLarge, or AccessDenied for a public one where that is blocked."""
    if len(text.encode("utf-8", "replace")) > _LONGEST:
        raise AwsError("PolicyTooLarge", "Policy exceeds the maximum allowed document size.")
    if not text.startswith("{"):
        raise _malformed(_NOT_JSON)
    try:
        statements = parse(text, "resource").statements
    except PolicyError as error:
        raise _told(error) from None
    for statement in statements:
        _check_statement(statement, bucket.key)
    if blocks(bucket, "BlockPublicPolicy") and is_public(text):
        raise errors.access_denied()


def _told(error: PolicyError) -> AwsError:
    """The error in S3's words."""
    if not error.element:
        return _malformed(_NOT_JSON)
    if error.missing:
        return _malformed(f"Missing required field {error.element}")
    detail = error.value if error.element == "Principal" and isinstance(error.value, str) else None
    return _malformed(_INVALID.get(error.element, error.reason), detail)


def _malformed(message: str, detail: str | None = None) -> AwsError:
    error = AwsError("MalformedPolicy", message)
    if detail is not None:
        error.members["Detail"] = detail
    return error


def _check_statement(statement: Statement, bucket: str) -> None:
    on_buckets = on_objects = False
    for resource in statement.resources:
        service, _, name = resource.partition(":::")
        rest = name.removeprefix(bucket)
        if service not in _PARTITIONS or rest == name or (rest and rest[0] not in "/*?"):
            raise _malformed(_INVALID["Resource"])
        on_buckets = on_buckets or "/" not in rest
        on_objects = on_objects or bool(rest)
    both = statement.not_resource or (on_buckets and on_objects)
    for action in statement.actions:
        if action != "*" and not action.startswith("s3:"):
            raise _malformed(_INVALID["Action"])
        if both or statement.not_action:
            continue
        of_buckets = any(like(action, name) for name in bucket_actions())
        of_objects = any(like(action, name) for name in object_actions())
        if (of_buckets or of_objects) and not (of_buckets and on_buckets) and not (of_objects and on_objects):
            raise _malformed("Action does not apply to any resource(s) in statement")
