"""Tags of keys; KMS spells them TagKey and TagValue.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.kms.paging import paged
from sagewright.services.kms.ring import Ring, arn_of, check_customer, check_no_alias, check_not_pending
from sagewright.store import Document


def as_kit(tags: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """KMS's tags as the kit has them."""
    return [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags]


class Tagging:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def tag_resource(self, ctx: Context, key_id: str, tags: list[dict[str, str]]) -> None:
        self._ring.tags.add(arn_of(self._own(ctx, key_id)), as_kit(tags))

    @operation()
    def untag_resource(self, ctx: Context, key_id: str, tag_keys: list[str]) -> None:
        self._ring.tags.remove(arn_of(self._own(ctx, key_id)), tag_keys)

    @operation()
    def list_resource_tags(
        self, ctx: Context, key_id: str, limit: int = 50, marker: str | None = None
    ) -> dict[str, Any]:
        key = self._ring.find(ctx, check_no_alias(key_id))
        found, tail = paged(self._ring.tags.list(arn_of(key)), marker, limit)
        return {"Tags": [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in found], **tail}

    def _own(self, ctx: Context, key_id: str) -> Document:
        key = self._ring.find(ctx, check_no_alias(key_id))
        check_customer(key, ctx.operation)
        check_not_pending(key)
        return key
