"""Objects in an archive: they can be read once they are restored, for as long as their copy lasts.

An object's document has ``Restore: {"Until": epoch seconds}`` while there is, or was, a restored copy. The bytes lie in
one place all the time, so that nothing has to be done when the copy's time is up.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from sagewright.core.errors import AwsError

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def archive_of(body: dict[str, Any]) -> str | None:
    """The archive that an object's document says it lies in."""
    storage_class: str | None = body["Storage"].get("StorageClass")
    return storage_class if storage_class in ARCHIVES else None


def restored_until(body: dict[str, Any], now: float) -> float | None:
    """When the restored copy's time is up, where there is one at now."""
    until: float = (body.get("Restore") or {}).get("Until", 0.0)
    return until if archive_of(body) and until > now else None


def check_readable(body: dict[str, Any], now: float) -> None:
    """Raises AwsError InvalidObjectState for GetObject of what is archived and not restored."""
    archive = archive_of(body)
    if archive and restored_until(body, now) is None:
        message = "The operation is not valid for the object's storage class"
        raise AwsError("InvalidObjectState", message, 403, StorageClass=archive)


def check_source(body: dict[str, Any], now: float) -> None:
    """Raises AwsError ObjectNotInActiveTierError for a copy of such an object."""
    if archive_of(body) and restored_until(body, now) is None:
        message = "The source object of the COPY operation is not in the active tier and is only stored in "
        raise AwsError("ObjectNotInActiveTierError", f"{message}Amazon S3 Glacier.", 403)


def restore_header(body: dict[str, Any], now: float) -> str | None:
    """``x-amz-restore``."""
    until = restored_until(body, now)
    return None if until is None else f'ongoing-request="false", expiry-date="{formatdate(until, usegmt=True)}"'
