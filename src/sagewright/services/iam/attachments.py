"""Which managed policies are attached to a role, a user or a group: the same three operations for each.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Directory, Entities, no_such_entity, over_quota, paged
from sagewright.services.iam.policies import check_policy_arn
from sagewright.store import Document

_MOST = 10
_PERMISSIONS, _BOUNDARY = "PermissionsPolicy", "PermissionsBoundary"


class Attachments:
    """Serves attach_role_policy, detach_role_policy and list_attached_role_policies for the directory of roles."""

    def __init__(self, kinds: Entities, directory: Directory) -> None:
        self._kinds = kinds
        self._directory = directory
        self._title = directory.kind.title
        kind = directory.kind.name
        for name, method in (
            (f"attach_{kind}_policy", self._attach),
            (f"detach_{kind}_policy", self._detach),
            (f"list_attached_{kind}_policies", self._list),
        ):
            setattr(self, name, method)

    @operation()
    def _attach(self, ctx: Context, policy_arn: str, **members: Any) -> None:
        entity = self._entity(ctx)
        check_policy_arn(self._kinds, ctx.account, policy_arn)
        attached = entity.body["Attached"]
        if policy_arn in attached:
            return
        if len(attached) >= _MOST:
            raise over_quota(f"PoliciesPer{self._title}", _MOST)
        self._directory.change(entity, Attached=[*attached, policy_arn])

    @operation()
    def _detach(self, ctx: Context, policy_arn: str, **members: Any) -> None:
        entity = self._entity(ctx)
        if policy_arn not in entity.body["Attached"]:
            raise no_such_entity(f"Policy {policy_arn} was not found.")
        left = [other for other in entity.body["Attached"] if other != policy_arn]
        self._directory.change(entity, Attached=left)

    @operation()
    def _list(
        self,
        ctx: Context,
        path_prefix: str = "/",
        marker: str | None = None,
        max_items: int = 100,
        **members: Any,
    ) -> dict[str, Any]:
        arns = self._entity(ctx).body["Attached"]
        within = [arn for arn in arns if ("/" + arn.split(":policy/", 1)[1]).startswith(path_prefix)]
        found, tail = paged(within, marker, max_items)
        return {"AttachedPolicies": attached_policies(found), **tail}

    def _entity(self, ctx: Context) -> Document:
        return self._directory.changeable(ctx, ctx.request[f"{self._title}Name"])


def attached_policies(arns: Any) -> list[dict[str, str]]:
    """ARNs as AttachedPolicies shows them."""
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]


class AttachedTo:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds

    @operation()
    def list_entities_for_policy(
        self,
        ctx: Context,
        policy_arn: str,
        entity_filter: str | None = None,
        path_prefix: str = "/",
        policy_usage_filter: str | None = None,
        marker: str | None = None,
        max_items: int = 100,
    ) -> dict[str, Any]:
        check_policy_arn(self._kinds, ctx.account, policy_arn)
        having = [
            (directory.kind.title, entity)
            for directory in (self._kinds.roles, self._kinds.users, self._kinds.groups)
            if entity_filter in (None, directory.kind.title)
            for entity in directory.all(ctx.account, path_prefix)
            if (policy_usage_filter != _BOUNDARY and policy_arn in entity.body["Attached"])
            or (policy_usage_filter != _PERMISSIONS and policy_arn == entity.body.get("Boundary"))
        ]
        found, tail = paged(having, marker, max_items)
        by_kind = {
            f"Policy{title}s": [
                {f"{title}Name": entity.key, f"{title}Id": entity.body["Id"]} for kind, entity in found if kind == title
            ]
            for title in ("Role", "User", "Group")
        }
        return {**by_kind, **tail}
