"""Access points, kept as asked for: training jobs name file systems, not access points.

Source: https://docs.aws.amazon.com/efs/latest/ug/API_CreateAccessPoint.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagewright.core.ids import short_id
from sagewright.core.lifecycle import FILE_SYSTEM
from sagewright.kit.operation import Context, operation
from sagewright.services.efs.shelf import ACCESS_POINTS, Shelf, bad, error, paged
from sagewright.store import Document


class AccessPoints:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation("record-only")
    def create_access_point(
        self,
        ctx: Context,
        client_token: str,
        file_system_id: str,
        tags: Sequence[dict[str, str]] = (),
        posix_user: dict[str, Any] | None = None,
        root_directory: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        system = shelf.check_system(ctx, file_system_id)
        for other in shelf.all(ctx, ACCESS_POINTS, ClientToken=client_token):
            message = f"Access point '{other.key}' already exists with client token '{client_token}'"
            raise error("AccessPointAlreadyExists", message, 409, AccessPointId=other.key)
        body = {"ClientToken": client_token, "FileSystemId": system, "RootDirectory": root_directory or {"Path": "/"}}
        if posix_user is not None:
            body["PosixUser"] = posix_user
        key = f"fsap-{short_id(17)}"
        with shelf.store.transaction():
            made = shelf.store.documents.insert(shelf.space(ctx, ACCESS_POINTS), key, body, status=FILE_SYSTEM.initial)
            shelf.tags.add(shelf.arn(ctx, ACCESS_POINTS, key), tags)
        return self._shown(ctx, made)

    @operation()
    def describe_access_points(
        self,
        ctx: Context,
        access_point_id: str | None = None,
        file_system_id: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if access_point_id and file_system_id:
            raise bad("AccessPointId and FileSystemId cannot be specified at the same time.")
        if access_point_id:
            found = [shelf.find(ctx, ACCESS_POINTS, access_point_id)]
        elif file_system_id:
            found = shelf.all(ctx, ACCESS_POINTS, FileSystemId=shelf.check_system(ctx, file_system_id))
        else:
            found = shelf.all(ctx, ACCESS_POINTS)
        shown, token = paged(found, next_token, max_results, lambda each: self._shown(ctx, each))
        return {"AccessPoints": shown, "NextToken": token}

    @operation()
    def delete_access_point(self, ctx: Context, access_point_id: str) -> None:
        shelf = self._shelf
        found = shelf.find(ctx, ACCESS_POINTS, access_point_id)
        with shelf.store.transaction():
            shelf.store.documents.delete(found.space, found.key)
            shelf.tags.forget(shelf.arn(ctx, ACCESS_POINTS, found.key))

    def _shown(self, ctx: Context, document: Document) -> dict[str, Any]:
        arn = self._shelf.arn(ctx, ACCESS_POINTS, document.key)
        tags = self._shelf.tags.list(arn)
        return {
            **document.body,
            "AccessPointId": document.key,
            "AccessPointArn": arn,
            "Name": next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None),
            "Tags": tags,
            "OwnerId": ctx.account,
            "LifeCycleState": document.status,
        }
