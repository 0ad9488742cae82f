"""Which managed policies are attached to which roles and users.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.iam import aws_managed
from sagewright.services.iam.entities import Directory, Entities, no_such_entity, paged
from sagewright.services.iam.policies import find_policy
from sagewright.store import Document


class Attachments:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._roles = kinds.roles
        self._users = kinds.users

    @operation("record-only")
    def attach_role_policy(self, ctx: Context, role_name: str, policy_arn: str) -> None:
        self._attach(ctx, self._roles, self._roles.get(ctx.account, role_name), policy_arn)

    @operation("record-only")
    def detach_role_policy(self, ctx: Context, role_name: str, policy_arn: str) -> None:
        _detach(self._roles, self._roles.get(ctx.account, role_name), policy_arn)

    @operation("record-only")
    def list_attached_role_policies(
        self,
        ctx: Context,
        role_name: str,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int = 100,
    ) -> dict[str, Any]:
        return _listed(self._roles.get(ctx.account, role_name), path_prefix, marker, max_items)

    @operation("record-only")
    def attach_user_policy(self, ctx: Context, user_name: str, policy_arn: str) -> None:
        self._attach(ctx, self._users, self._users.get(ctx.account, user_name), policy_arn)

    @operation("record-only")
    def detach_user_policy(self, ctx: Context, user_name: str, policy_arn: str) -> None:
        _detach(self._users, self._users.get(ctx.account, user_name), policy_arn)

    @operation("record-only")
    def list_attached_user_policies(
        self,
        ctx: Context,
        user_name: str,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int = 100,
    ) -> dict[str, Any]:
        return _listed(self._users.get(ctx.account, user_name), path_prefix, marker, max_items)

    @operation("record-only")
    def list_entities_for_policy(
        self,
        ctx: Context,
        policy_arn: str,
        entity_filter: str | None = None,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int = 100,
        **members: Any,
    ) -> dict[str, Any]:
        if not aws_managed.is_managed(policy_arn):
            find_policy(self._kinds, ctx.account, policy_arn)
        wanted = [
            (name, kind)
            for name, kind in (("Role", self._roles), ("User", self._users))
            if entity_filter in (None, name)
        ]
        having = [
            (name, entity)
            for name, kind in wanted
            for entity in kind.all(ctx.account, path_prefix)
            if policy_arn in entity.body["Attached"]
        ]
        found, tail = paged(having, marker, max_items)
        by_kind = {
            f"Policy{name}s": [
                {f"{name}Name": entity.key, f"{name}Id": entity.body["Id"]} for kind, entity in found if kind == name
            ]
            for name in ("Role", "User")
        }
        return {"PolicyGroups": [], **by_kind, **tail}

    def _attach(self, ctx: Context, directory: Directory, entity: Document, arn: str) -> None:
        if not aws_managed.is_managed(arn):
            find_policy(self._kinds, ctx.account, arn)
        if arn not in entity.body["Attached"]:
            directory.change(entity, Attached=[*entity.body["Attached"], arn])


def _detach(directory: Directory, entity: Document, arn: str) -> None:
    if arn not in entity.body["Attached"]:
        raise no_such_entity(f"Policy {arn} was not found.")
    directory.change(entity, Attached=[other for other in entity.body["Attached"] if other != arn])


def _listed(entity: Document, path_prefix: str, marker: str | None, max_items: int) -> dict[str, Any]:
    policies = [(arn, "/" + arn.split(":policy/", 1)[1]) for arn in entity.body["Attached"]]
    within = [arn for arn, resource in policies if resource.startswith(path_prefix)]
    found, tail = paged(within, marker, max_items)
    return {
        "AttachedPolicies": [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in found],
        **tail,
    }
