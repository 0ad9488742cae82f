"""What an operation of FSx needs: its action on the file system or association that it names.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonfsx.html
"""

from __future__ import annotations

from collections.abc import Iterator

from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard
from sagewright.services.fsx.shelf import ASSOCIATIONS, FILE_SYSTEMS, Shelf


def fsx_guard(shelf: Shelf) -> Guard:
    def needs(ctx: Context) -> Iterator[Need]:
        for resource in _resources(ctx, shelf):
            yield f"fsx:{ctx.operation}", resource

    return guard("fsx", needs, code="AccessDeniedException", status=400)


def _resources(ctx: Context, shelf: Shelf) -> list[str]:
    request = ctx.request
    if "ResourceARN" in request:
        return [request["ResourceARN"]]
    if "AssociationId" in request:
        key = request["AssociationId"]
        found = shelf.store.documents.get(shelf.space(ctx, ASSOCIATIONS), key)
        return [shelf.arn(ctx, ASSOCIATIONS, key, found.body["FileSystemId"] if found else "*")]
    keys = request.get("FileSystemIds") or [request.get("FileSystemId")]
    return [shelf.arn(ctx, FILE_SYSTEMS, key) if key else "*" for key in keys]
