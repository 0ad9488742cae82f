"""Repository policies, and life-cycle policies (kept only: there is nothing that could expire).

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.policy import PolicyError, parse
from sagewright.services.ecr.registry import Registry, invalid
from sagewright.store import Document

_POLICY, _LIFECYCLE = "Policy", "Lifecycle"


class Policies:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation()
    def set_repository_policy(
        self, ctx: Context, repository_name: str, policy_text: str, **members: Any
    ) -> dict[str, Any]:
        try:
            parse(policy_text, "trust")
        except PolicyError as error:
            words = f"'Invalid repository policy provided' ({error.reason})"
            raise invalid(f"Invalid parameter at 'PolicyText' failed to satisfy constraint: {words}") from None
        return self._put(ctx, _POLICY, "policyText", policy_text)

    @operation()
    def get_repository_policy(self, ctx: Context, repository_name: str, **members: Any) -> dict[str, Any]:
        return self._get(ctx, _POLICY, "policyText")

    @operation()
    def delete_repository_policy(self, ctx: Context, repository_name: str, **members: Any) -> dict[str, Any]:
        return self._delete(ctx, _POLICY, "policyText")

    @operation("record-only")
    def put_lifecycle_policy(
        self, ctx: Context, repository_name: str, lifecycle_policy_text: str, **members: Any
    ) -> dict[str, Any]:
        _check_lifecycle(lifecycle_policy_text)
        return self._put(ctx, _LIFECYCLE, "lifecyclePolicyText", lifecycle_policy_text)

    @operation("record-only")
    def get_lifecycle_policy(self, ctx: Context, repository_name: str, **members: Any) -> dict[str, Any]:
        return self._get(ctx, _LIFECYCLE, "lifecyclePolicyText")

    @operation("record-only")
    def delete_lifecycle_policy(self, ctx: Context, repository_name: str, **members: Any) -> dict[str, Any]:
        return self._delete(ctx, _LIFECYCLE, "lifecyclePolicyText")

    def _put(self, ctx: Context, kind: str, member: str, text: str) -> dict[str, Any]:
        found = self._registry.own(ctx)
        self._registry.store.documents.update(found, body={**found.body, kind: text})
        return _shown(found, member, text)

    def _get(self, ctx: Context, kind: str, member: str) -> dict[str, Any]:
        found = self._registry.own(ctx)
        text = found.body.get(kind)
        if text is None:
            noun = "Repository policy" if kind == _POLICY else "Lifecycle policy"
            words = f"{noun} does not exist for the repository with name '{found.key}' in the registry with id "
            code = "RepositoryPolicyNotFoundException" if kind == _POLICY else "LifecyclePolicyNotFoundException"
            raise AwsError(code, f"{words}'{found.space.account}'")
        return _shown(found, member, text)

    def _delete(self, ctx: Context, kind: str, member: str) -> dict[str, Any]:
        answer = self._get(ctx, kind, member)
        found = self._registry.own(ctx)
        body = {name: value for name, value in found.body.items() if name != kind}
        self._registry.store.documents.update(found, body=body)
        return answer


def _shown(repository: Document, member: str, text: str) -> dict[str, Any]:
    return {"registryId": repository.space.account, "repositoryName": repository.key, member: text}


def _check_lifecycle(text: str) -> None:
    try:
        rules = json.loads(text).get("rules")
    except (ValueError, AttributeError, RecursionError):
        rules = None
    needed = ("rulePriority", "selection", "action")
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise _bad_lifecycle("'rules' must be a list of at least one rule")
    for rule in rules:
        lacking = next((name for name in needed if name not in rule), None)
        if lacking is not None:
            raise _bad_lifecycle(f"object has missing required properties (['{lacking}'])")
    priorities = [str(rule["rulePriority"]) for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise _bad_lifecycle("rulePriority must be unique")


def _bad_lifecycle(why: str) -> AwsError:
    where = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    return invalid(f"{where}'Lifecycle policy validation failure: {why}'")
