"""Roles: who may assume them, their limits and tags.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.documents import check_trust, encoded, size
from sagewright.services.iam.entities import SERVICE_PATH, Entities, conflict, over_quota, paged
from sagewright.services.iam.policies import check_policy_arn
from sagewright.store import Document

_LARGEST_TRUST = 2048


class Roles:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._roles = kinds.roles
        self._profiles = kinds.profiles

    @operation()
    def create_role(
        self,
        ctx: Context,
        role_name: str,
        assume_role_policy_document: str,
        path: str = "/",
        description: str | None = None,
        max_session_duration: int = 3600,
        permissions_boundary: str | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        body = {
            "Trust": _checked_trust(assume_role_policy_document),
            "MaxSessionDuration": max_session_duration,
            "Attached": [],
            "Inline": {},
        }
        if description is not None:
            body["Description"] = description
        if permissions_boundary is not None:
            check_policy_arn(self._kinds, ctx.account, permissions_boundary)
            body["Boundary"] = permissions_boundary
        if path.startswith(SERVICE_PATH):
            raise AwsError("ValidationError", f"Path {SERVICE_PATH} is reserved for service-linked roles.")
        return {"Role": self._whole(self._roles.insert(ctx.account, role_name, path, body, tags or ()))}

    @operation()
    def get_role(self, ctx: Context, role_name: str) -> dict[str, Any]:
        return {"Role": {**self._whole(self._roles.get(ctx.account, role_name)), "RoleLastUsed": {}}}

    @operation()
    def list_roles(
        self, ctx: Context, path_prefix: str = "/", marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        found, tail = paged(self._roles.all(ctx.account, path_prefix), marker, max_items)
        return {"Roles": [described(role, self._roles.arn(role)) for role in found], **tail}

    @operation()
    def update_role(
        self,
        ctx: Context,
        role_name: str,
        description: str | None = None,
        max_session_duration: int | None = None,
    ) -> dict[str, Any]:
        role = self._roles.changeable(ctx, role_name)
        changes = {"Description": description, "MaxSessionDuration": max_session_duration}
        self._roles.change(role, **{name: value for name, value in changes.items() if value is not None})
        return {}

    @operation()
    def update_role_description(self, ctx: Context, role_name: str, description: str) -> dict[str, Any]:
        role = self._roles.change(self._roles.changeable(ctx, role_name), Description=description)
        return {"Role": self._whole(role)}

    @operation()
    def update_assume_role_policy(self, ctx: Context, role_name: str, policy_document: str) -> None:
        role = self._roles.changeable(ctx, role_name)
        self._roles.change(role, Trust=_checked_trust(policy_document))

    @operation()
    def delete_role(self, ctx: Context, role_name: str) -> None:
        role = self._roles.changeable(ctx, role_name)
        if any(role_name in profile.body["Roles"] for profile in self._profiles.all(ctx.account)):
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        check_deletable(role)
        self._roles.delete(role)

    @operation()
    def put_role_permissions_boundary(self, ctx: Context, role_name: str, permissions_boundary: str) -> None:
        role = self._roles.changeable(ctx, role_name)
        check_policy_arn(self._kinds, ctx.account, permissions_boundary)
        self._roles.change(role, Boundary=permissions_boundary)

    @operation()
    def delete_role_permissions_boundary(self, ctx: Context, role_name: str) -> None:
        self._roles.change(self._roles.changeable(ctx, role_name), Boundary=None)

    @operation()
    def tag_role(self, ctx: Context, role_name: str, tags: list[dict[str, str]]) -> None:
        self._roles.tags.add(self._roles.arn(self._roles.changeable(ctx, role_name)), tags)

    @operation()
    def untag_role(self, ctx: Context, role_name: str, tag_keys: list[str]) -> None:
        self._roles.tags.remove(self._roles.arn(self._roles.changeable(ctx, role_name)), tag_keys)

    @operation()
    def list_role_tags(
        self, ctx: Context, role_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        arn = self._roles.arn(self._roles.get(ctx.account, role_name))
        found, tail = paged(self._roles.tags.list(arn), marker, max_items)
        return {"Tags": found, **tail}

    def _whole(self, role: Document) -> dict[str, Any]:
        arn = self._roles.arn(role)
        return {**described(role, arn), **boundary_of(role), "Tags": self._roles.tags.list(arn) or None}


def _checked_trust(document: str) -> str:
    """Raises MalformedPolicyDocument and LimitExceeded."""
    if size(document) > _LARGEST_TRUST:
        raise over_quota("ACLSizePerRole", _LARGEST_TRUST)
    return check_trust(document)


def described(role: Document, arn: str) -> dict[str, Any]:
    """A role as lists show it: without tags and boundary."""
    body = role.body
    return {
        "Path": body["Path"],
        "RoleName": role.key,
        "RoleId": body["Id"],
        "Arn": arn,
        "CreateDate": float(int(role.created)),
        "AssumeRolePolicyDocument": encoded(body["Trust"]),
        "Description": body.get("Description"),
        "MaxSessionDuration": body["MaxSessionDuration"],
    }


def boundary_of(entity: Document) -> dict[str, Any]:
    """The PermissionsBoundary member of a role or user, where it has one."""
    arn = entity.body.get("Boundary")
    if arn is None:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def check_deletable(entity: Document) -> None:
    """Raises DeleteConflict while a role, user or group still has policies."""
    if entity.body["Attached"]:
        raise conflict("Cannot delete entity, must detach all policies first.")
    if entity.body["Inline"]:
        raise conflict("Cannot delete entity, must delete policies first.")
