"""Tags of file systems and associations.

Source: https://docs.aws.amazon.com/fsx/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.fsx.shelf import ASSOCIATIONS, FILE_SYSTEMS, Shelf, paged


class Tagging:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation()
    def tag_resource(self, ctx: Context, resource_arn: str, tags: Sequence[dict[str, str]]) -> None:
        self._shelf.tags.add(self._checked(ctx, resource_arn), tags)

    @operation()
    def untag_resource(self, ctx: Context, resource_arn: str, tag_keys: Sequence[str]) -> None:
        self._shelf.tags.remove(self._checked(ctx, resource_arn), tag_keys)

    @operation()
    def list_tags_for_resource(
        self, ctx: Context, resource_arn: str, max_results: int | None = None, next_token: str | None = None
    ) -> dict[str, Any]:
        found = self._shelf.tags.list(self._checked(ctx, resource_arn))
        page, token = paged(found, next_token, max_results, 50)
        return {"Tags": list(page) or None, "NextToken": token}

    def _checked(self, ctx: Context, arn: str) -> str:
        """Raises ResourceNotFound."""
        kind, _, key = Arn.parse(arn).resource.partition("/")
        try:
            if kind == "association":
                document = self._shelf.find(ctx, ASSOCIATIONS, key.rpartition("/")[2])
                own = self._shelf.arn(ctx, ASSOCIATIONS, document.key, document.body["FileSystemId"])
            elif any(each.id == key for each in self._shelf.registered()):
                own = self._shelf.arn(ctx, FILE_SYSTEMS, key)
            else:
                own = self._shelf.arn(ctx, FILE_SYSTEMS, self._shelf.find(ctx, FILE_SYSTEMS, key).key)
        except AwsError:
            own = ""
        if own != arn:
            raise AwsError("ResourceNotFound", f"Resource '{arn}' does not exist.", ResourceARN=arn)
        return own
