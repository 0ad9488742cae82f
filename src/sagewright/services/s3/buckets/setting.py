"""One setting of a bucket, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagewright.kit.operation import Context, Coverage
from sagewright.services.s3.records import Records
from sagewright.store import Document


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants a setting to be."""

    value: Any
    ctx: Context
    bucket: Document
    records: Records


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``put_bucket_<name>``, ``get_bucket_<name>``, ``delete_bucket_<delete>`` (empty: cannot be deleted).

    member: the input member with it. whole: Get answers with that member; else with the members inside it.
    code, message: Get's error (404) while nothing is set; without a code it answers with ``unset``.
    initial: what a new bucket has. check: raises AwsError; what it returns, where that is not None, is kept instead.
    coverage: whether the setting acts, or is only kept.
    """

    name: str
    member: str
    code: str = ""
    message: str = ""
    whole: bool = False
    delete: str = ""
    prefix: str = "bucket_"
    unset: dict[str, Any] | None = None
    initial: dict[str, Any] | None = None
    check: Callable[[Asked], Any] | None = None
    coverage: Coverage = "record-only"


def change(asked: Asked, member: str, value: Any, *, status: str | None = None) -> None:
    """Set a member of the bucket's settings; None takes it away. status: the bucket document's."""
    settings = {name: kept for name, kept in asked.bucket.body["Configurations"].items() if name != member}
    if value is not None:
        settings[member] = value
    body = {**asked.bucket.body, "Configurations": settings}
    asked.records.store.documents.update(asked.bucket, body=body, status=status)
