"""Policies embedded in a role or a user.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.iam.documents import check_policy, encoded
from sagewright.services.iam.entities import Directory, Entities, no_such_entity, paged
from sagewright.store import Document


class InlinePolicies:
    def __init__(self, kinds: Entities) -> None:
        self._roles = kinds.roles
        self._users = kinds.users

    @operation("record-only")
    def put_role_policy(self, ctx: Context, role_name: str, policy_name: str, policy_document: str) -> None:
        _put(self._roles, self._roles.get(ctx.account, role_name), policy_name, policy_document)

    @operation("record-only")
    def get_role_policy(self, ctx: Context, role_name: str, policy_name: str) -> dict[str, Any]:
        role = self._roles.get(ctx.account, role_name)
        return {"RoleName": role_name, "PolicyName": policy_name, "PolicyDocument": _get(role, "role", policy_name)}

    @operation("record-only")
    def list_role_policies(
        self, ctx: Context, role_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        return _list(self._roles.get(ctx.account, role_name), marker, max_items)

    @operation("record-only")
    def delete_role_policy(self, ctx: Context, role_name: str, policy_name: str) -> None:
        _delete(self._roles, self._roles.get(ctx.account, role_name), "role", policy_name)

    @operation("record-only")
    def put_user_policy(self, ctx: Context, user_name: str, policy_name: str, policy_document: str) -> None:
        _put(self._users, self._users.get(ctx.account, user_name), policy_name, policy_document)

    @operation("record-only")
    def get_user_policy(self, ctx: Context, user_name: str, policy_name: str) -> dict[str, Any]:
        user = self._users.get(ctx.account, user_name)
        return {"UserName": user_name, "PolicyName": policy_name, "PolicyDocument": _get(user, "user", policy_name)}

    @operation("record-only")
    def list_user_policies(
        self, ctx: Context, user_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        return _list(self._users.get(ctx.account, user_name), marker, max_items)

    @operation("record-only")
    def delete_user_policy(self, ctx: Context, user_name: str, policy_name: str) -> None:
        _delete(self._users, self._users.get(ctx.account, user_name), "user", policy_name)


def _put(directory: Directory, entity: Document, name: str, document: str) -> None:
    directory.change(entity, Inline={**entity.body["Inline"], name: check_policy(document)})


def _get(entity: Document, kind: str, name: str) -> str:
    document = entity.body["Inline"].get(name)
    if document is None:
        raise no_such_entity(f"The {kind} policy with name {name} cannot be found.")
    return encoded(document)


def _list(entity: Document, marker: str | None, max_items: int) -> dict[str, Any]:
    found, tail = paged(sorted(entity.body["Inline"]), marker, max_items)
    return {"PolicyNames": found, **tail}


def _delete(directory: Directory, entity: Document, kind: str, name: str) -> None:
    _get(entity, kind, name)
    left = {other: document for other, document in entity.body["Inline"].items() if other != name}
    directory.change(entity, Inline=left)
