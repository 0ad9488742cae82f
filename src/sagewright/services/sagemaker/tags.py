"""AddTags, ListTags and DeleteTags for every SageMaker resource."""

from __future__ import annotations

from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, page
from sagewright.kit.tags import Tag, Tags
from sagewright.store import Space, Store

_PAGE = 50


class ResourceTags:
    """Tags by ARN. A resource of type T (as in its ARN) is a document of the kind ``sagemaker:T``."""

    def __init__(self, store: Store, tags: Tags) -> None:
        self._store = store
        self._tags = tags

    @operation()
    def add_tags(self, ctx: Context, resource_arn: str, tags: list[Tag]) -> dict[str, Any]:
        self._check(ctx, resource_arn)
        return {"Tags": self._tags.add(resource_arn, tags)}

    @operation()
    def list_tags(
        self, ctx: Context, resource_arn: str, next_token: str | None = None, max_results: int = _PAGE
    ) -> dict[str, Any]:
        self._check(ctx, resource_arn)
        offset = decode_token(next_token, int) or 0
        found, token = page(self._tags.list(resource_arn)[offset:], max_results, offset + max_results)
        return {"Tags": found, "NextToken": token}

    @operation()
    def delete_tags(self, ctx: Context, resource_arn: str, tag_keys: list[str]) -> None:
        self._check(ctx, resource_arn)
        self._tags.remove(resource_arn, tag_keys)

    def _check(self, ctx: Context, resource_arn: str) -> None:
        arn = Arn.parse(resource_arn)
        kind, _, name = arn.resource.partition("/")
        here = (arn.account, arn.region) == (ctx.account, ctx.region)
        if not here or self._store.documents.get(Space(f"sagemaker:{kind}", arn.account, arn.region), name) is None:
            raise AwsError("ValidationException", f"Requested resource not found: {resource_arn}")
