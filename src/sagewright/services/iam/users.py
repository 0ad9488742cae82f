"""Users.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import identity
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, conflict, paged
from sagewright.services.iam.roles import boundary_of, check_deletable
from sagewright.store import Document, Store


def user_name_of(ctx: Context, store: Store, clock: Clock) -> str:
    """The calling user's name. Raises ValidationError when the caller is no user."""
    arn = identity(store, ctx.access_key, clock.now()).arn
    if ":user/" not in arn:
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
    return arn.rpartition("/")[2]


class Users:
    def __init__(self, kinds: Entities, store: Store, clock: Clock) -> None:
        self._users = kinds.users
        self._store = store
        self._clock = clock

    @operation()
    def create_user(
        self,
        ctx: Context,
        user_name: str,
        path: str = "/",
        permissions_boundary: str | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"Attached": [], "Inline": {}, "Keys": []}
        if permissions_boundary is not None:
            body["Boundary"] = permissions_boundary
        return {"User": self._whole(self._users.insert(ctx.account, user_name, path, body, tags or ()))}

    @operation()
    def get_user(self, ctx: Context, user_name: str | None = None) -> dict[str, Any]:
        name = user_name or user_name_of(ctx, self._store, self._clock)
        return {"User": self._whole(self._users.get(ctx.account, name))}

    @operation()
    def list_users(
        self, ctx: Context, path_prefix: str = "/", marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        found, tail = paged(self._users.all(ctx.account, path_prefix), marker, max_items)
        return {"Users": [self._described(user) for user in found], **tail}

    @operation()
    def update_user(
        self, ctx: Context, user_name: str, new_path: str | None = None, new_user_name: str | None = None
    ) -> None:
        user = self._users.get(ctx.account, user_name)
        if user.body["Keys"]:
            raise AwsError("NotImplemented", "Sagewright does not rename a user that has access keys yet.", 501)
        self._users.move(user, new_user_name or user_name, new_path or user.body["Path"])

    @operation()
    def delete_user(self, ctx: Context, user_name: str) -> None:
        user = self._users.get(ctx.account, user_name)
        if user.body["Keys"]:
            raise conflict("Cannot delete entity, must delete access keys first.")
        check_deletable(user)
        self._users.delete(user)

    @operation()
    def tag_user(self, ctx: Context, user_name: str, tags: list[dict[str, str]]) -> None:
        self._users.tags.add(self._users.arn(self._users.get(ctx.account, user_name)), tags)

    @operation()
    def untag_user(self, ctx: Context, user_name: str, tag_keys: list[str]) -> None:
        self._users.tags.remove(self._users.arn(self._users.get(ctx.account, user_name)), tag_keys)

    @operation()
    def list_user_tags(
        self, ctx: Context, user_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        arn = self._users.arn(self._users.get(ctx.account, user_name))
        found, tail = paged(self._users.tags.list(arn), marker, max_items)
        return {"Tags": found, **tail}

    def _described(self, user: Document) -> dict[str, Any]:
        return {
            "Path": user.body["Path"],
            "UserName": user.key,
            "UserId": user.body["Id"],
            "Arn": self._users.arn(user),
            "CreateDate": float(int(user.created)),
        }

    def _whole(self, user: Document) -> dict[str, Any]:
        shown = self._described(user)
        return {**shown, **boundary_of(user), "Tags": self._users.tags.list(shown["Arn"]) or None}
