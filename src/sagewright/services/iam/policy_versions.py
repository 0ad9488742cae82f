"""Versions of managed policies: at most five, one of them the default.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam import aws_managed
from sagewright.services.iam.documents import encoded
from sagewright.services.iam.entities import Entities, conflict, no_such_entity, paged
from sagewright.services.iam.policies import add_version, check_managed, find_policy
from sagewright.store import Document

_MOST = 5


class PolicyVersions:
    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._policies = kinds.policies

    @operation()
    def create_policy_version(
        self, ctx: Context, policy_arn: str, policy_document: str, set_as_default: bool = False
    ) -> dict[str, Any]:
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        check_managed(policy_document)
        if len(policy.body["Versions"]) >= _MOST:
            raise AwsError(
                "LimitExceeded",
                f"A managed policy can have up to {_MOST} versions. Before you create a new version, you must delete "
                "an existing version.",
                409,
            )
        version = f"v{policy.body['Next']}"
        policy = add_version(self._kinds, policy, policy_document, as_default=set_as_default)
        return {"PolicyVersion": _shown(policy, version)}

    @operation()
    def get_policy_version(self, ctx: Context, policy_arn: str, version_id: str) -> dict[str, Any]:
        if aws_managed.is_managed(policy_arn):
            return {"PolicyVersion": _managed_version(policy_arn, version_id)}
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        _check_version(policy, policy_arn, version_id)
        text = encoded(policy.body["Versions"][version_id]["Document"])
        return {"PolicyVersion": {**_shown(policy, version_id), "Document": text}}

    @operation()
    def list_policy_versions(
        self, ctx: Context, policy_arn: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        if aws_managed.is_managed(policy_arn):
            return {"Versions": [{"VersionId": "v1", "IsDefaultVersion": True}], "IsTruncated": False}
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        newest_first = sorted(policy.body["Versions"], key=lambda version: -int(version[1:]))
        found, tail = paged(newest_first, marker, max_items)
        return {"Versions": [_shown(policy, version) for version in found], **tail}

    @operation()
    def set_default_policy_version(self, ctx: Context, policy_arn: str, version_id: str) -> None:
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        _check_version(policy, policy_arn, version_id)
        self._policies.change(policy, Default=version_id)

    @operation()
    def delete_policy_version(self, ctx: Context, policy_arn: str, version_id: str) -> None:
        policy = find_policy(self._kinds, ctx.account, policy_arn)
        _check_version(policy, policy_arn, version_id)
        if version_id == policy.body["Default"]:
            raise conflict("Cannot delete the default version of a policy.")
        left = {version: body for version, body in policy.body["Versions"].items() if version != version_id}
        self._policies.change(policy, Versions=left)


def _shown(policy: Document, version: str) -> dict[str, Any]:
    created = policy.body["Versions"][version]["CreateDate"]
    return {
        "VersionId": version,
        "IsDefaultVersion": version == policy.body["Default"],
        "CreateDate": float(int(created)),
    }


def _check_version(policy: Document, arn: str, version: str) -> None:
    if version not in policy.body["Versions"]:
        raise no_such_entity(f"Policy {arn} version {version} does not exist or is not attachable.")


def _managed_version(arn: str, version: str) -> dict[str, Any]:
    if version != "v1":
        raise no_such_entity(f"Policy {arn} version {version} does not exist or is not attachable.")
    text = aws_managed.text_of(arn)
    if text is None:
        raise AwsError("NotImplemented", f"Sagewright does not carry the text of the AWS-managed policy {arn}.", 501)
    return {"VersionId": version, "IsDefaultVersion": True, "Document": encoded(text)}
