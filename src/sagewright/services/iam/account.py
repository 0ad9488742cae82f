"""An account as a whole: its alias, its counts and quotas, and everything in it at once.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, no_such_entity
from sagewright.store import DuplicateKey, Space, Store

_ALIASES = Space("iam.alias")
"""Aliases are unique over all accounts; each document names its own."""

_QUOTAS = {
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
    "PolicySizeQuota": 6144,
    "AssumeRolePolicySizeQuota": 2048,
    "GroupsPerUserQuota": 10,
    "AccessKeysPerUserQuota": 2,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "VersionsPerPolicyQuota": 5,
    "PolicyVersionsInUseQuota": 10000,
}


class Account:
    def __init__(self, kinds: Entities, store: Store) -> None:
        self._kinds = kinds
        self._documents = store.documents
        self._transaction = store.transaction

    @operation("record-only")
    def create_account_alias(self, ctx: Context, account_alias: str) -> None:
        """An account has one; a second takes the first one's place."""
        with self._transaction():
            taken = self._documents.get(_ALIASES, account_alias)
            if taken is None:
                self._forget(ctx.account)
            try:
                self._documents.insert(_ALIASES, account_alias, {"Account": ctx.account})
            except DuplicateKey:
                words = f"The account alias {account_alias} already exists."
                raise AwsError("EntityAlreadyExists", words, 409) from None

    @operation("record-only")
    def delete_account_alias(self, ctx: Context, account_alias: str) -> None:
        if account_alias not in self._of(ctx.account):
            raise no_such_entity(f"The account alias {account_alias} cannot be found.")
        self._forget(ctx.account)

    @operation("record-only")
    def list_account_aliases(self, ctx: Context, **members: Any) -> dict[str, Any]:
        return {"AccountAliases": self._of(ctx.account), "IsTruncated": False}

    @operation()
    def get_account_summary(self, ctx: Context) -> dict[str, Any]:
        kinds, account = self._kinds, ctx.account
        policies = kinds.policies.all(account)
        counts = {
            "Users": len(kinds.users.all(account)),
            "Groups": len(kinds.groups.all(account)),
            "Roles": len(kinds.roles.all(account)),
            "Policies": len(policies),
            "InstanceProfiles": len(kinds.profiles.all(account)),
            "PolicyVersionsInUse": sum(len(policy.body["Versions"]) for policy in policies),
        }
        return {"SummaryMap": {**counts, **_QUOTAS}}

    def _of(self, account: str) -> list[str]:
        found = self._documents.find(_ALIASES, limit=1_000_000)
        return [alias.key for alias in found if alias.body["Account"] == account]

    def _forget(self, account: str) -> None:
        for alias in self._of(account):
            self._documents.delete(_ALIASES, alias)
