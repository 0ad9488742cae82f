"""Settings of which a bucket has many, each with an id: analytics, inventory, metrics, intelligent tiering.

``s3:configuration`` (parent: bucket and kind) holds one document each. They are kept and given back; nothing is
analysed, listed, measured or moved by them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketInventoryConfiguration.html and its kin
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, page
from sagewright.services.s3 import errors
from sagewright.services.s3.records import Records
from sagewright.store import Space, Store
from sagewright.wire import models

if TYPE_CHECKING:
    from botocore.model import Shape

_MOST = 1000
_PAGE = 100
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}")
_TIER_DAYS = {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}
"""Fewest days by access tier."""
_MOST_TIER_DAYS = 730


@dataclass(frozen=True, slots=True)
class Kind:
    """``put_bucket_<name>_configuration`` and its kin, for members called ``<member>Configuration``."""

    name: str
    member: str


KINDS = (
    Kind("analytics", "Analytics"),
    Kind("inventory", "Inventory"),
    Kind("metrics", "Metrics"),
    Kind("intelligent_tiering", "IntelligentTiering"),
)


def _space(bucket: str, kind: Kind) -> Space:
    return Space("s3:configuration", parent=f"{bucket}/{kind.name}")


def drop_lists(store: Store, bucket: str) -> None:
    """Forget all of a bucket that goes; call it in the same transaction."""
    for kind in KINDS:
        for document in store.documents.find(_space(bucket, kind)):
            store.documents.delete(document.space, document.key)


class SettingLists:
    """Put, Get, Delete and List of every kind."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._documents = records.store.documents
        for kind in KINDS:
            self._serve(kind)

    def _serve(self, kind: Kind) -> None:
        """Make the kind's operations methods of this object."""

        @operation("record-only")
        def put(self: SettingLists, ctx: Context, bucket: str, id: str, **members: Any) -> None:
            self._put(ctx, kind, bucket, id)

        @operation("record-only")
        def get(self: SettingLists, ctx: Context, bucket: str, id: str, **members: Any) -> dict[str, Any]:
            self._records.bucket(ctx, bucket)
            document = self._documents.get(_space(bucket, kind), id)
            if document is None:
                raise _no_such_configuration()
            return {f"{kind.member}Configuration": document.body}

        @operation("record-only")
        def delete(self: SettingLists, ctx: Context, bucket: str, id: str, **members: Any) -> None:
            self._records.bucket(ctx, bucket)
            if not self._documents.delete(_space(bucket, kind), id):
                raise _no_such_configuration()

        @operation("record-only")
        def list_(self: SettingLists, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
            return self._list(ctx, kind, bucket)

        setattr(self, f"put_bucket_{kind.name}_configuration", MethodType(put, self))
        setattr(self, f"get_bucket_{kind.name}_configuration", MethodType(get, self))
        setattr(self, f"delete_bucket_{kind.name}_configuration", MethodType(delete, self))
        setattr(self, f"list_bucket_{kind.name}_configurations", MethodType(list_, self))

    def _put(self, ctx: Context, kind: Kind, bucket: str, name: str) -> None:
        self._records.bucket(ctx, bucket)
        member = f"{kind.member}Configuration"
        configuration = ctx.request[member]
        operation_model = models.operation("s3", f"PutBucket{member}")
        if not _fits(operation_model.input_shape.members[member], configuration):
            raise errors.malformed_xml()
        if configuration["Id"] != name or not _ID.fullmatch(name):
            raise errors.invalid_argument("The configuration id is not valid", "id", name)
        _check_filter(configuration.get("Filter") or {})
        _check_destinations(configuration)
        _check_tiers(configuration.get("Tierings"))
        space = _space(bucket, kind)
        if self._documents.get(space, name) is None and self._documents.count(space) >= _MOST:
            message = "You are attempting to create a new configuration but have already reached the "
            raise AwsError("TooManyConfigurations", f"{message}{_MOST:,}-configuration limit.")
        self._documents.put(space, name, configuration)

    def _list(self, ctx: Context, kind: Kind, bucket: str) -> dict[str, Any]:
        self._records.bucket(ctx, bucket)
        token = ctx.request.get("ContinuationToken")
        after = decode_token(token, str, code="InvalidArgument") or ""
        found = self._documents.find(_space(bucket, kind), after=after, limit=_PAGE + 1)
        shown, following = page(found, _PAGE, found[_PAGE - 1].key if len(found) > _PAGE else "")
        return {
            f"{kind.member}ConfigurationList": [document.body for document in shown],
            "IsTruncated": following is not None,
            "ContinuationToken": token,
            "NextContinuationToken": following,
        }


def _no_such_configuration() -> AwsError:
    return AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)


def _fits(shape: Shape, value: Any) -> bool:
    """Whether every word that the model lists values for is one of them."""
    match shape.type_name:
        case "structure":
            return all(_fits(shape.members[name], item) for name, item in value.items())
        case "list":
            return all(_fits(shape.member, item) for item in value)
        case _:
            words = shape.metadata.get("enum")
            return not words or value in words


def _check_filter(wanted: dict[str, Any]) -> None:
    if len(wanted) > 1:
        raise errors.malformed_xml()
    both = wanted.get("And")
    if both is not None and sum(name in both for name in ("Prefix", "AccessPointArn")) + len(both.get("Tags", ())) < 2:
        raise errors.malformed_xml()


def _check_destinations(value: Any) -> None:
    """Buckets are named by ARN wherever a configuration has one."""
    if isinstance(value, dict):
        target = value.get("S3BucketDestination")
        if target is not None and not _BUCKET_ARN.fullmatch(target["Bucket"]):
            raise errors.invalid_argument("Invalid bucket ARN.", "Bucket", target["Bucket"])
        for item in value.values():
            _check_destinations(item)


def _check_tiers(tiers: list[dict[str, Any]] | None) -> None:
    if tiers is None:
        return
    names = [tier["AccessTier"] for tier in tiers]
    if not names or len(set(names)) < len(names):
        raise errors.malformed_xml()
    for tier in tiers:
        least = _TIER_DAYS[tier["AccessTier"]]
        if not least <= tier["Days"] <= _MOST_TIER_DAYS:
            message = f"Days for {tier['AccessTier']} must be between {least} and {_MOST_TIER_DAYS}"
            raise errors.invalid_argument(message, "Days", tier["Days"])
