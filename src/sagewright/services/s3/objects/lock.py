"""Retention and legal hold of versions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import as_datetime
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, locks
from sagewright.services.s3.records import Records
from sagewright.store import Document


class Locking:
    """What PutObject's headers set, afterwards."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def get_object_retention(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        lock = self._find(ctx, bucket, key).body.get("Lock") or {}
        if not lock.get("Mode"):
            raise _no_lock()
        return {"Retention": {"Mode": lock["Mode"], "RetainUntilDate": as_datetime(lock["Until"])}}

    @operation()
    def put_object_retention(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        document = self._find(ctx, bucket, key)
        wanted = ctx.request.get("Retention") or {}
        mode, until = wanted.get("Mode"), wanted.get("RetainUntilDate")
        if (mode is None) != (until is None) or mode not in (None, locks.GOVERNANCE, locks.COMPLIANCE):
            raise errors.malformed_xml()
        now = self._records.clock.now()
        new = locks.retention(mode, until, now) if mode is not None and until is not None else {}
        bypass = bool(ctx.request.get("BypassGovernanceRetention"))
        lock = document.body.get("Lock") or {}
        locks.check_change(lock, new, now, bypass=bypass)
        self._set(document, {**{name: value for name, value in lock.items() if name == "Hold"}, **new})
        return {}

    @operation()
    def get_object_legal_hold(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        hold = (self._find(ctx, bucket, key).body.get("Lock") or {}).get("Hold")
        if hold is None:
            raise _no_lock()
        return {"LegalHold": {"Status": hold}}

    @operation()
    def put_object_legal_hold(self, ctx: Context, bucket: str, key: str, **members: Any) -> dict[str, Any]:
        document = self._find(ctx, bucket, key)
        status = (ctx.request.get("LegalHold") or {}).get("Status")
        if status not in ("ON", "OFF"):
            raise errors.malformed_xml()
        self._set(document, {**(document.body.get("Lock") or {}), "Hold": status})
        return {}

    def _find(self, ctx: Context, bucket: str, key: str) -> Document:
        document = self._records.get(ctx, bucket, key)
        locks.check_on(self._records.home(bucket))
        return document

    def _set(self, document: Document, lock: dict[str, Any]) -> None:
        self._records.store.documents.update(document, body={**document.body, "Lock": lock})


def _no_lock() -> AwsError:
    message = "The specified object does not have a ObjectLock configuration"
    return AwsError("NoSuchObjectLockConfiguration", message, 404)
