"""Customer-managed policies, and what is known of AWS-managed ones.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.identity import stable_id
from sagewright.kit.operation import Context, operation
from sagewright.services.iam import aws_managed
from sagewright.services.iam.documents import check_policy, size
from sagewright.services.iam.entities import Entities, conflict, no_such_entity, over_quota, paged
from sagewright.store import Document

_LARGEST = 6144
_AWS_EPOCH = 1423180800.0
"""When AWS made its first managed policies, 6 February 2015: their CreateDate here."""


def find_policy(kinds: Entities, account: str, arn: str) -> Document:
    """A customer-managed policy by ARN. Raises NoSuchEntity."""
    try:
        owner = Arn.parse(arn)
    except ValueError:
        raise AwsError("InvalidInput", f"ARN {arn} is not valid.") from None
    name = owner.resource.rpartition("/")[2]
    found = kinds.policies.find(account, name) if owner.account == account else None
    if found is None or kinds.policies.arn(found) != arn:
        raise no_such_entity(f"Policy {arn} was not found.")
    return found


def check_policy_arn(kinds: Entities, account: str, arn: str) -> None:
    """Raises NoSuchEntity for a policy that is not there."""
    if not aws_managed.is_managed(arn):
        find_policy(kinds, account, arn)


@dataclass(frozen=True, slots=True)
class Uses:
    """How many roles, users and groups each policy ARN is attached to, or bounds."""

    attached: Counter[str]
    bounds: Counter[str]

    @classmethod
    def of(cls, kinds: Entities, account: str) -> Uses:
        everyone = [entity for kind in (kinds.roles, kinds.users, kinds.groups) for entity in kind.all(account)]
        return cls(
            Counter(arn for entity in everyone for arn in entity.body["Attached"]),
            Counter(entity.body["Boundary"] for entity in everyone if "Boundary" in entity.body),
        )


class Policies:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._policies = kinds.policies

    @operation()
    def create_policy(
        self,
        ctx: Context,
        policy_name: str,
        policy_document: str,
        path: str = "/",
        description: str | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        check_managed(policy_document)
        body: dict[str, Any] = {"Versions": {}, "Default": "v1", "Next": 1}
        if description is not None:
            body["Description"] = description
        with self._policies.transaction():
            policy = self._policies.insert(ctx.account, policy_name, path, body, tags or ())
            policy = add_version(self._kinds, policy, policy_document, as_default=True)
        return {"Policy": {**self.shown(policy, Uses(Counter(), Counter())), "Description": None}}

    @operation()
    def get_policy(self, ctx: Context, policy_arn: str) -> dict[str, Any]:
        uses = Uses.of(self._kinds, ctx.account)
        if aws_managed.is_managed(policy_arn):
            return {"Policy": shown_managed(policy_arn, uses)}
        return {"Policy": self.shown(find_policy(self._kinds, ctx.account, policy_arn), uses)}

    @operation()
    def list_policies(
        self,
        ctx: Context,
        scope: str = "All",
        only_attached: bool = False,
        path_prefix: str = "/",
        policy_usage_filter: str | None = None,
        marker: str | None = None,
        max_items: int = 100,
    ) -> dict[str, Any]:
        uses = Uses.of(self._kinds, ctx.account)
        shown = []
        if scope in ("All", "Local"):
            local = self._policies.all(ctx.account, path_prefix)
            shown += [self.shown(policy, uses) for policy in local]
        if scope in ("All", "AWS"):
            known = {aws_managed.PREFIX + name for name in aws_managed.WELL_KNOWN}
            arns = sorted(known | {arn for arn in (*uses.attached, *uses.bounds) if aws_managed.is_managed(arn)})
            managed = [shown_managed(arn, uses) for arn in arns]
            shown += [policy for policy in managed if policy["Path"].startswith(path_prefix)]
        if only_attached:
            shown = [policy for policy in shown if policy["AttachmentCount"]]
        if policy_usage_filter is not None:
            count = "AttachmentCount" if policy_usage_filter == "PermissionsPolicy" else "PermissionsBoundaryUsageCount"
            shown = [policy for policy in shown if policy[count]]
        found, tail = paged(shown, marker, max_items)
        return {"Policies": [{**policy, "Tags": None, "Description": None} for policy in found], **tail}

    @operation()
    def delete_policy(self, ctx: Context, policy_arn: str) -> None:
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        uses = Uses.of(self._kinds, ctx.account)
        if uses.attached[policy_arn] or uses.bounds[policy_arn]:
            raise conflict("Cannot delete a policy attached to entities.")
        if len(policy.body["Versions"]) > 1:
            raise conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        self._policies.delete(policy)

    @operation()
    def tag_policy(self, ctx: Context, policy_arn: str, tags: list[dict[str, str]]) -> None:
        find_policy(self._kinds, ctx.account, policy_arn)
        self._policies.tags.add(policy_arn, tags)

    @operation()
    def untag_policy(self, ctx: Context, policy_arn: str, tag_keys: list[str]) -> None:
        find_policy(self._kinds, ctx.account, policy_arn)
        self._policies.tags.remove(policy_arn, tag_keys)

    @operation()
    def list_policy_tags(
        self, ctx: Context, policy_arn: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        find_policy(self._kinds, ctx.account, policy_arn)
        found, tail = paged(self._policies.tags.list(policy_arn), marker, max_items)
        return {"Tags": found, **tail}

    def shown(self, policy: Document, uses: Uses) -> dict[str, Any]:
        """As GetPolicy answers it."""
        arn = self._policies.arn(policy)
        return {
            "PolicyName": policy.key,
            "PolicyId": policy.body["Id"],
            "Arn": arn,
            "Path": policy.body["Path"],
            "DefaultVersionId": policy.body["Default"],
            "AttachmentCount": uses.attached[arn],
            "PermissionsBoundaryUsageCount": uses.bounds[arn],
            "IsAttachable": True,
            "Description": policy.body.get("Description"),
            "CreateDate": float(int(policy.created)),
            "UpdateDate": float(int(policy.modified)),
            "Tags": self._policies.tags.list(arn) or None,
        }


def check_managed(document: str) -> None:
    """Raises MalformedPolicyDocument and, for more than a managed policy may hold, LimitExceeded."""
    check_policy(document)
    if size(document) > _LARGEST:
        raise over_quota("PolicySize", _LARGEST)


def add_version(kinds: Entities, policy: Document, document: str, *, as_default: bool) -> Document:
    """The policy with one more version."""
    body = policy.body
    version = f"v{body['Next']}"
    return kinds.policies.change(
        policy,
        Versions={**body["Versions"], version: {"Document": document, "CreateDate": policy.modified}},
        Default=version if as_default else body["Default"],
        Next=body["Next"] + 1,
    )


def shown_managed(arn: str, uses: Uses) -> dict[str, Any]:
    """An AWS-managed policy as GetPolicy answers it."""
    path, name = aws_managed.split(arn)
    return {
        "PolicyName": name,
        "PolicyId": stable_id("ANPA", arn),
        "Arn": arn,
        "Path": path,
        "DefaultVersionId": "v1",
        "AttachmentCount": uses.attached[arn],
        "PermissionsBoundaryUsageCount": uses.bounds[arn],
        "IsAttachable": True,
        "CreateDate": _AWS_EPOCH,
        "UpdateDate": _AWS_EPOCH,
    }
