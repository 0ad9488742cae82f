"""RestoreObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError, not_implemented
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors
from sagewright.services.s3.archive import archive_of, restored_until
from sagewright.services.s3.lifecycle import after_days
from sagewright.services.s3.records import Records

_TIERS = ("Standard", "Bulk", "Expedited")


class Restoring:
    """Brings archived objects back for some days."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def restore_object(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        """202 for a first restore, 200 where it only changes how long the copy stays.

        S3 takes minutes to hours, by the tier, and answers RestoreAlreadyInProgress meanwhile. Here the bytes are at
        hand, so a restore is over when it is answered.
        """
        document = self._records.get(ctx, bucket, key)
        wanted = ctx.request.get("RestoreRequest") or {}
        if wanted.get("Type") or wanted.get("SelectParameters") or wanted.get("OutputLocation"):
            raise not_implemented("s3", "RestoreObject with a query")
        archive = archive_of(document.body)
        if archive is None:
            message = "Restore is not allowed for the object's current storage class"
            present = document.body["Storage"].get("StorageClass", "STANDARD")
            raise AwsError("InvalidObjectState", message, 403, StorageClass=present)
        days = _days(wanted)
        _check_tier(wanted, archive)
        now = self._records.clock.now()
        ctx.status = 202 if restored_until(document.body, now) is None else 200
        restore = {"Until": after_days(now, days)}
        self._records.store.documents.update(document, body={**document.body, "Restore": restore})
        return {}


def _days(wanted: dict[str, Any]) -> int:
    if "Days" not in wanted:
        raise errors.malformed_xml()
    days: int = wanted["Days"]
    if days < 1:
        raise errors.invalid_argument("restoration days should be at least 1", "Days", days)
    return days


def _check_tier(wanted: dict[str, Any], archive: str) -> None:
    tier = (wanted.get("GlacierJobParameters") or {}).get("Tier") or wanted.get("Tier") or "Standard"
    if tier not in _TIERS:
        raise errors.malformed_xml()
    if (tier, archive) == ("Expedited", "DEEP_ARCHIVE"):
        raise errors.invalid_argument("Retrieval option is not supported by this storage class", "Tier", tier)
