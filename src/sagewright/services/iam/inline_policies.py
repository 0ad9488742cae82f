"""Policies embedded in a role, a user or a group: the same four operations for each.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.documents import check_policy, encoded, size
from sagewright.services.iam.entities import Directory, no_such_entity, paged
from sagewright.store import Document


class InlinePolicies:
    """Serves put_role_policy, get_role_policy, list_role_policies and delete_role_policy for the directory of roles."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._kind = kind = directory.kind.name
        self._member = f"{directory.kind.title}Name"
        for name, method in (
            (f"put_{kind}_policy", self._put),
            (f"get_{kind}_policy", self._get),
            (f"list_{kind}_policies", self._list),
            (f"delete_{kind}_policy", self._delete),
        ):
            setattr(self, name, method)

    @operation()
    def _put(self, ctx: Context, policy_name: str, policy_document: str, **members: Any) -> None:
        entity = self._entity(ctx)
        inline = {**entity.body["Inline"], policy_name: check_policy(policy_document)}
        most = self._directory.kind.policies
        if sum(map(size, inline.values())) > most:
            words = f"Maximum policy size of {most} bytes exceeded for {self._kind} {entity.key}"
            raise AwsError("LimitExceeded", words, 409)
        self._directory.change(entity, Inline=inline)

    @operation()
    def _get(self, ctx: Context, policy_name: str, **members: Any) -> dict[str, Any]:
        entity = self._entity(ctx)
        text = encoded(self._found(entity, policy_name))
        return {self._member: entity.key, "PolicyName": policy_name, "PolicyDocument": text}

    @operation()
    def _list(self, ctx: Context, marker: str | None = None, max_items: int = 100, **members: Any) -> dict[str, Any]:
        found, tail = paged(sorted(self._entity(ctx).body["Inline"]), marker, max_items)
        return {"PolicyNames": found, **tail}

    @operation()
    def _delete(self, ctx: Context, policy_name: str, **members: Any) -> None:
        entity = self._entity(ctx)
        self._found(entity, policy_name)
        left = {name: text for name, text in entity.body["Inline"].items() if name != policy_name}
        self._directory.change(entity, Inline=left)

    def _entity(self, ctx: Context) -> Document:
        return self._directory.changeable(ctx, ctx.request[self._member])

    def _found(self, entity: Document, name: str) -> str:
        document: str | None = entity.body["Inline"].get(name)
        if document is None:
            raise no_such_entity(f"The {self._kind} policy with name {name} cannot be found.")
        return document
