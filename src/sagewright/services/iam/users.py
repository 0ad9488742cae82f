"""Users.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import identity, key_document
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, conflict, paged
from sagewright.services.iam.policies import check_policy_arn
from sagewright.services.iam.roles import boundary_of, check_deletable
from sagewright.store import Document, Store


def user_name_of(ctx: Context, store: Store, clock: Clock) -> str:
    """The calling user's name. Raises ValidationError when the caller is no user."""
    arn = ctx.principal.arn if ctx.principal else identity(store, ctx.access_key, clock.now()).arn
    if ":user/" not in arn:
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
    return arn.rpartition("/")[2]


class Users:
    def __init__(self, kinds: Entities, store: Store, clock: Clock) -> None:
        self._kinds = kinds
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
        body: dict[str, Any] = {"Attached": [], "Inline": {}, "Keys": [], "Groups": []}
        if permissions_boundary is not None:
            check_policy_arn(self._kinds, ctx.account, permissions_boundary)
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
        return {"Users": [described(user, self._users.arn(user)) for user in found], **tail}

    @operation()
    def update_user(
        self, ctx: Context, user_name: str, new_path: str | None = None, new_user_name: str | None = None
    ) -> None:
        """The user's keys stand for the new name from then on."""
        user = self._users.get(ctx.account, user_name)
        with self._store.transaction():
            moved = self._users.move(user, new_user_name or user_name, new_path or user.body["Path"])
            for access_key in user.body["Keys"]:
                key = key_document(self._store, access_key)
                if key is not None:
                    self._store.documents.update(key, body={**key.body, "arn": self._users.arn(moved)})

    @operation()
    def delete_user(self, ctx: Context, user_name: str) -> None:
        user = self._users.get(ctx.account, user_name)
        if user.body["Keys"]:
            raise conflict("Cannot delete entity, must delete access keys first.")
        check_deletable(user)
        if user.body["Groups"]:
            raise conflict("Cannot delete entity, must remove users from group first.")
        self._users.delete(user)

    @operation()
    def put_user_permissions_boundary(self, ctx: Context, user_name: str, permissions_boundary: str) -> None:
        user = self._users.get(ctx.account, user_name)
        check_policy_arn(self._kinds, ctx.account, permissions_boundary)
        self._users.change(user, Boundary=permissions_boundary)

    @operation()
    def delete_user_permissions_boundary(self, ctx: Context, user_name: str) -> None:
        self._users.change(self._users.get(ctx.account, user_name), Boundary=None)

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

    def _whole(self, user: Document) -> dict[str, Any]:
        shown = described(user, self._users.arn(user))
        return {**shown, **boundary_of(user), "Tags": self._users.tags.list(shown["Arn"]) or None}


def described(user: Document, arn: str) -> dict[str, Any]:
    """A user as lists show it: without tags and boundary."""
    return {
        "Path": user.body["Path"],
        "UserName": user.key,
        "UserId": user.body["Id"],
        "Arn": arn,
        "CreateDate": float(int(user.created)),
    }
