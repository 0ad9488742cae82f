"""GetAccountAuthorizationDetails: every user, group, role and policy with what it may do.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.iam import aws_managed, groups, roles, users
from sagewright.services.iam.attachments import attached_policies
from sagewright.services.iam.documents import encoded
from sagewright.services.iam.entities import Entities, paged
from sagewright.services.iam.instance_profiles import InstanceProfiles
from sagewright.services.iam.policies import Policies, Uses, shown_managed
from sagewright.store import Document

_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


class Details:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._profiles = InstanceProfiles(kinds)
        self._policies = Policies(kinds)

    @operation()
    def get_account_authorization_details(
        self, ctx: Context, filter: Sequence[str] = (), marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        found, tail = paged(list(self._all(ctx.account, frozenset(filter))), marker, max_items)
        return {name: [shown() for kind, shown in found if kind == name] for name in _LISTS} | tail

    def _all(self, account: str, wanted: frozenset[str]) -> Iterator[tuple[str, Callable[[], Mapping[str, Any]]]]:
        """The list an entity belongs to, and how to show it."""
        kinds = self._kinds
        for name, title, directory, shown in (
            ("UserDetailList", "User", kinds.users, self._user),
            ("GroupDetailList", "Group", kinds.groups, self._group),
            ("RoleDetailList", "Role", kinds.roles, self._role),
        ):
            if not wanted or title in wanted:
                for entity in directory.all(account):
                    yield name, lambda entity=entity, shown=shown: shown(entity)  # type: ignore[misc]
        uses = Uses.of(kinds, account)
        if not wanted or "LocalManagedPolicy" in wanted:
            for policy in kinds.policies.all(account):
                yield "Policies", lambda policy=policy: self._local(policy, uses)  # type: ignore[misc]
        if not wanted or "AWSManagedPolicy" in wanted:
            for arn in sorted(filter(aws_managed.is_managed, {*uses.attached, *uses.bounds})):
                yield "Policies", lambda arn=arn: _of_aws(arn, uses)  # type: ignore[misc]

    def _user(self, user: Document) -> dict[str, Any]:
        arn = self._kinds.users.arn(user)
        return {
            **users.described(user, arn),
            **roles.boundary_of(user),
            "UserPolicyList": _inline(user),
            "GroupList": user.body["Groups"],
            "AttachedManagedPolicies": attached_policies(user.body["Attached"]),
            "Tags": self._kinds.users.tags.list(arn),
        }

    def _group(self, group: Document) -> dict[str, Any]:
        return {
            **groups.described(group, self._kinds.groups.arn(group)),
            "GroupPolicyList": _inline(group),
            "AttachedManagedPolicies": attached_policies(group.body["Attached"]),
        }

    def _role(self, role: Document) -> dict[str, Any]:
        arn = self._kinds.roles.arn(role)
        shown = roles.described(role, arn)
        return {
            **{name: value for name, value in shown.items() if name not in ("Description", "MaxSessionDuration")},
            **roles.boundary_of(role),
            "InstanceProfileList": self._profiles.having(role.space.account, role.key),
            "RolePolicyList": _inline(role),
            "AttachedManagedPolicies": attached_policies(role.body["Attached"]),
            "Tags": self._kinds.roles.tags.list(arn),
        }

    def _local(self, policy: Document, uses: Uses) -> dict[str, Any]:
        versions = [
            {
                "Document": encoded(body["Document"]),
                "VersionId": version,
                "IsDefaultVersion": version == policy.body["Default"],
                "CreateDate": float(int(body["CreateDate"])),
            }
            for version, body in policy.body["Versions"].items()
        ]
        shown = self._policies.shown(policy, uses)
        return {**{name: value for name, value in shown.items() if name != "Tags"}, "PolicyVersionList": versions}


def _of_aws(arn: str, uses: Uses) -> dict[str, Any]:
    """Without versions where AWS's text is not known."""
    text = aws_managed.text_of(arn)
    shown = shown_managed(arn, uses)
    if text is not None:
        version = {"Document": encoded(text), "VersionId": "v1", "IsDefaultVersion": True}
        shown["PolicyVersionList"] = [version]
    return shown


def _inline(entity: Document) -> list[dict[str, str]]:
    return [
        {"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in sorted(entity.body["Inline"].items())
    ]
