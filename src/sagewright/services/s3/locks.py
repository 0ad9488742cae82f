"""Object lock: what keeps a version from being deleted, as its document's ``Lock`` has it.

``Lock`` holds Mode and Until (epoch seconds) of a retention, and Hold (ON or OFF), as far as they were set.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.store import Document

GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"
_DAY = 86_400.0


def is_on(bucket: Document) -> bool:
    return "ObjectLockConfiguration" in bucket.body["Configurations"]


def check_on(bucket: Document) -> None:
    """Raises AwsError InvalidRequest."""
    if not is_on(bucket):
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")


def of_write(ctx: Context, bucket: Document, now: float) -> dict[str, Any]:
    """The Lock member of a new version: from the request's headers, else the bucket's default. Raises AwsError."""
    request = ctx.request
    mode, until = request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus")
    if mode is not None or until is not None or hold is not None:
        check_on(bucket)
    if (mode is None) != (until is None):
        message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise errors.invalid_argument(message, "x-amz-object-lock-mode", mode)
    lock = _default(bucket, now)
    if mode is not None and until is not None:
        lock = retention(mode, until, now)
    if hold is not None:
        if hold not in ("ON", "OFF"):
            message = "Legal Hold must be either of 'ON' or 'OFF'"
            raise errors.invalid_argument(message, "x-amz-object-lock-legal-hold", hold)
        lock["Hold"] = hold
    return {"Lock": lock} if lock else {}


def check_digest(ctx: Context, lock: dict[str, Any], noun: str) -> None:
    """A body that comes under a lock must come with a checksum. Raises AwsError InvalidRequest."""
    if not lock or ctx.http is None or "x-amz-trailer" in ctx.http.headers:
        return
    if not any(name == "ContentMD5" or name.startswith("Checksum") for name in ctx.request):
        message = f"Content-MD5 OR x-amz-checksum- HTTP header is required for Put {noun} requests with Object Lock "
        raise errors.invalid_request(f"{message}parameters")


def retention(mode: str, until: datetime, now: float) -> dict[str, Any]:
    """Raises AwsError InvalidArgument."""
    if mode not in (GOVERNANCE, COMPLIANCE):
        raise errors.invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    if until.timestamp() <= now:
        shown = until.strftime("%a %b %d %H:%M:%S UTC %Y")
        message = "The retain until date must be in the future!"
        raise errors.invalid_argument(message, "x-amz-object-lock-retain-until-date", shown)
    return {"Mode": mode, "Until": until.timestamp()}


def check_removal(body: dict[str, Any], now: float, *, bypass: bool) -> None:
    """Whether a version may be deleted for good. bypass: of GOVERNANCE. Raises AwsError AccessDenied."""
    lock = body.get("Lock") or {}
    if lock.get("Hold") == "ON" or (_retained(lock, now) and not (bypass and lock["Mode"] == GOVERNANCE)):
        raise protected()


def check_change(lock: dict[str, Any], new: dict[str, Any], now: float, *, bypass: bool) -> None:
    """Whether a retention may become another, or none: it may always grow. Raises AwsError AccessDenied."""
    if not _retained(lock, now) or (bypass and lock["Mode"] == GOVERNANCE):
        return
    if new.get("Mode") != lock["Mode"] or new["Until"] < lock["Until"]:
        raise protected()


def protected() -> AwsError:
    return AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """Output members of a GET or HEAD."""
    lock = body.get("Lock")
    if not lock:
        return {}
    until = lock.get("Until")
    return {
        "ObjectLockMode": lock.get("Mode"),
        "ObjectLockRetainUntilDate": as_datetime(until) if until is not None else None,
        "ObjectLockLegalHoldStatus": lock.get("Hold"),
    }


def _retained(lock: dict[str, Any], now: float) -> bool:
    return bool(lock.get("Mode") and lock["Until"] > now)


def _default(bucket: Document, now: float) -> dict[str, Any]:
    rule = bucket.body["Configurations"].get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
    if not rule:
        return {}
    start = as_datetime(now)
    if "Days" in rule:
        return {"Mode": rule["Mode"], "Until": now + rule["Days"] * _DAY}
    try:
        end = start.replace(year=start.year + rule["Years"])
    except ValueError:  # the 29th of February
        end = start.replace(year=start.year + rule["Years"], day=28)
    return {"Mode": rule["Mode"], "Until": end.timestamp()}
