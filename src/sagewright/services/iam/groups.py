"""Groups of users, whose policies are their members' too.

Who is in which group is kept with the user, in the order they joined.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_groups.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, conflict, no_such_entity, over_quota, paged
from sagewright.services.iam.roles import check_deletable
from sagewright.services.iam.users import described as described_user
from sagewright.store import Document

_MOST = 10


class Groups:
    def __init__(self, kinds: Entities) -> None:
        self._groups = kinds.groups
        self._users = kinds.users

    @operation()
    def create_group(self, ctx: Context, group_name: str, path: str = "/") -> dict[str, Any]:
        group = self._groups.insert(ctx.account, group_name, path, {"Attached": [], "Inline": {}}, ())
        return {"Group": described(group, self._groups.arn(group))}

    @operation()
    def get_group(
        self, ctx: Context, group_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        group = self._groups.get(ctx.account, group_name)
        found, tail = paged(self._members(group), marker, max_items)
        users = [described_user(user, self._users.arn(user)) for user in found]
        return {"Group": described(group, self._groups.arn(group)), "Users": users, **tail}

    @operation()
    def list_groups(
        self, ctx: Context, path_prefix: str = "/", marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        found, tail = paged(self._groups.all(ctx.account, path_prefix), marker, max_items)
        return {"Groups": [described(group, self._groups.arn(group)) for group in found], **tail}

    @operation()
    def list_groups_for_user(
        self, ctx: Context, user_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        user = self._users.get(ctx.account, user_name)
        groups = [self._groups.get(ctx.account, name) for name in user.body["Groups"]]
        found, tail = paged(groups, marker, max_items)
        return {"Groups": [described(group, self._groups.arn(group)) for group in found], **tail}

    @operation()
    def update_group(
        self, ctx: Context, group_name: str, new_path: str | None = None, new_group_name: str | None = None
    ) -> None:
        group = self._groups.get(ctx.account, group_name)
        name = new_group_name or group_name
        with self._groups.transaction():
            members = self._members(group)
            self._groups.move(group, name, new_path or group.body["Path"])
            for user in members:
                renamed = [name if one == group_name else one for one in user.body["Groups"]]
                self._users.change(user, Groups=renamed)

    @operation()
    def delete_group(self, ctx: Context, group_name: str) -> None:
        group = self._groups.get(ctx.account, group_name)
        if self._members(group):
            raise conflict("Cannot delete entity, must remove users from group first.")
        check_deletable(group)
        self._groups.delete(group)

    @operation()
    def add_user_to_group(self, ctx: Context, group_name: str, user_name: str) -> None:
        self._groups.get(ctx.account, group_name)
        user = self._users.get(ctx.account, user_name)
        groups = user.body["Groups"]
        if group_name in groups:
            return
        if len(groups) >= _MOST:
            raise over_quota("GroupsPerUser", _MOST)
        self._users.change(user, Groups=[*groups, group_name])

    @operation()
    def remove_user_from_group(self, ctx: Context, group_name: str, user_name: str) -> None:
        self._groups.get(ctx.account, group_name)
        user = self._users.get(ctx.account, user_name)
        if group_name not in user.body["Groups"]:
            raise no_such_entity(f"User {user_name} is not in group {group_name}.")
        self._users.change(user, Groups=[one for one in user.body["Groups"] if one != group_name])

    def _members(self, group: Document) -> list[Document]:
        return [user for user in self._users.all(group.space.account) if group.key in user.body["Groups"]]


def described(group: Document, arn: str) -> dict[str, Any]:
    return {
        "Path": group.body["Path"],
        "GroupName": group.key,
        "GroupId": group.body["Id"],
        "Arn": arn,
        "CreateDate": float(int(group.created)),
    }
