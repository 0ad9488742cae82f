"""Who may do what with a repository: the caller's own policies, and the repository's.

At home either may allow; across accounts both must. AWS lets everybody pull its own images.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
"""

from __future__ import annotations

from sagewright.core.arn import Arn
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import (
    Verdict,
    no_token,
    principal_facts,
    refusal,
    request_facts,
    verdicts,
)
from sagewright.kit.policy import Caller, Decision, evaluate, facts, parse
from sagewright.services.ecr.registry import Registry, arn_of, parsed, space_of


class Guarded:
    """The guard of ECR's operations."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, ctx: Context) -> None:
        """Raises AccessDeniedException."""
        principal = ctx.principal
        if principal is None:
            return
        if principal.kind == "anonymous":
            raise no_token(in_json=True)
        action = f"ecr:{ctx.operation}"
        known = facts(request_facts(ctx))
        for resource in self._resources(ctx):
            (own,) = await verdicts(ctx, principal, action, [resource], known)
            other = self._policy(ctx, principal, action, resource)
            if not _allowed(principal, resource, own, other):
                reason = "with an explicit deny in a resource-based policy" if other.denied else own.reason(action)
                if own.allowed and not other.denied:
                    reason = f"because no resource-based policy allows the {action} action"
                raise refusal(principal, action, resource, reason, "AccessDeniedException", 400)

    def _resources(self, ctx: Context) -> list[str]:
        request, registry = ctx.request, self._registry.of(ctx)
        if "resourceArn" in request:
            return [str(parsed(request["resourceArn"]))]
        names = request.get("repositoryNames") or [request.get("repositoryName")]
        return [arn_of(registry, ctx.region, name) if name else "*" for name in names]

    def _policy(self, ctx: Context, principal: Principal, action: str, resource: str) -> Decision:
        if resource == "*":
            return Decision("implicitDeny")
        arn = Arn.parse(resource)
        name = arn.resource.removeprefix("repository/")
        if self._registry.runners.find(arn.account, arn.region, name) is not None:
            return Decision("allowed")
        found = self._registry.store.documents.get(space_of(arn.account, arn.region), name)
        text = None if found is None else found.body.get("Policy")
        if text is None:
            return Decision("implicitDeny")
        known = {**principal_facts(principal), **facts(request_facts(ctx))}
        return evaluate(parse(text, "trust").statements, action, resource, known, Caller.of(principal))


def _allowed(principal: Principal, resource: str, own: Verdict, other: Decision) -> bool:
    if own.denied or other.denied:
        return False
    if resource == "*" or Arn.parse(resource).account == principal.account:
        return own.allowed or (other.allowed and other.direct and own.kind == "identity-based policy")
    return own.allowed and other.allowed
