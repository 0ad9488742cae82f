"""Tags of file systems and access points, named by id or ARN.

Source: https://docs.aws.amazon.com/efs/latest/ug/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.efs.shelf import ACCESS_POINTS, FILE_SYSTEMS, Shelf, paged, plain_id


class Tagging:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation()
    def tag_resource(self, ctx: Context, resource_id: str, tags: Sequence[dict[str, str]]) -> None:
        self._shelf.tags.add(self._arn(ctx, resource_id), tags)

    @operation()
    def untag_resource(self, ctx: Context, resource_id: str, tag_keys: Sequence[str]) -> None:
        self._shelf.tags.remove(self._arn(ctx, resource_id), tag_keys)

    @operation()
    def list_tags_for_resource(
        self, ctx: Context, resource_id: str, next_token: str | None = None, max_results: int | None = None
    ) -> dict[str, Any]:
        found = self._shelf.tags.list(self._arn(ctx, resource_id))
        shown, token = paged(found, next_token, max_results, lambda tag: tag)
        return {"Tags": shown, "NextToken": token}

    def _arn(self, ctx: Context, key: str) -> str:
        """Raises EFS's error where there is no such resource."""
        if plain_id(key).startswith("fsap-"):
            return self._shelf.arn(ctx, ACCESS_POINTS, self._shelf.find(ctx, ACCESS_POINTS, key).key)
        return self._shelf.arn(ctx, FILE_SYSTEMS, self._shelf.check_system(ctx, key))
