"""Whether a caller may assume a role: the role's trust policy, and the caller's own policies where that leaves it to
the caller's account.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import no_token, principal_facts, refusal, request_facts, verdicts
from sagewright.kit.policy import Caller, Facts, evaluate, facts, parse

_MEMBERS = {
    "sts:ExternalId": "ExternalId",
    "sts:RoleSessionName": "RoleSessionName",
    "sts:SourceIdentity": "SourceIdentity",
    "sts:DurationSeconds": "DurationSeconds",
    "sts:TransitiveTagKeys": "TransitiveTagKeys",
}


async def check_trust(ctx: Context, role_arn: str, role: dict[str, Any] | None) -> None:
    """Raises AccessDenied, in the same words for a role that is not there. Nothing where callers are not checked."""
    principal = ctx.principal
    if principal is None:
        return
    if principal.kind == "anonymous":
        raise no_token()
    if principal.kind == "root":
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    known = facts({**request_facts(ctx), **{key: ctx.request.get(member) for key, member in _MEMBERS.items()}})
    actions = ["sts:AssumeRole"]
    actions += ["sts:TagSession"] if ctx.request.get("Tags") else []
    actions += ["sts:SetSourceIdentity"] if ctx.request.get("SourceIdentity") else []
    for action in actions:
        (own,) = await verdicts(ctx, principal, action, [role_arn], known)
        trusted = role is not None and _trusts(role, principal, action, known, own.allowed)
        if own.denied or not trusted:
            raise refusal(principal, action, role_arn, own.reason(action) if own.denied else "", "AccessDenied", 403)


def _trusts(role: dict[str, Any], principal: Principal, action: str, known: Facts, own: bool) -> bool:
    statements = parse(unquote(role["AssumeRolePolicyDocument"]), "trust").statements
    about = {**principal_facts(principal), **known}
    decision = evaluate(statements, action, "*", about, Caller.of(principal))
    at_home = role["Arn"].split(":")[4] == principal.account
    return decision.allowed and (own or (decision.direct and at_home and not principal.policies))
