"""What a principal may do by its own policies, and the guard of services that ask for no more than that.

A principal's own policies are those IAM has of its user or role, with groups and permissions boundary, and those of its
session. Policies of resources (buckets, keys) are their services' own matter.

    Service("iam", ..., guard=guard("iam", named))

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, and for messages
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context, Guard
from sagewright.kit.policy import Effect, Facts, evaluate, facts, parse, role_arn

_TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "federated": "FederatedUser"}

Need = tuple[str, str]
"""An action (``iam:GetRole``) and the ARN it is on, ``*`` for none in particular."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """kind: of the policies that decided, as messages name them."""

    effect: Effect
    kind: str = "identity-based policy"

    @property
    def allowed(self) -> bool:
        return self.effect == "allowed"

    @property
    def denied(self) -> bool:
        """Explicitly."""
        return self.effect == "explicitDeny"

    def reason(self, action: str) -> str:
        """The end of AWS's message."""
        if self.denied:
            article = "an" if self.kind.startswith("i") else "a"
            return f"with an explicit deny in {article} {self.kind}"
        return f"because no {self.kind} allows the {action} action"


async def verdicts(
    ctx: Context, principal: Principal, action: str, resources: Sequence[str], known: Facts
) -> list[Verdict]:
    """One for each resource (ARN or ``*``). known: of the request; what is known of the principal is added."""
    if principal.kind == "anonymous":
        return [Verdict("implicitDeny")] * len(resources)
    if _may_all(principal):
        return [Verdict("allowed")] * len(resources)
    known = {**principal_facts(principal), **known}
    if principal.kind in ("user", "role") or principal.source:
        found = await _of_iam(ctx, principal, action, resources, known)
    else:  # whom root made is limited by its session's policies alone
        found = [Verdict("allowed")] * len(resources)
    if not principal.policies and principal.kind != "federated":
        return found
    statements = [one for text in principal.policies for one in parse(text, "identity").statements]
    sessions = [Verdict(evaluate(statements, action, arn, known).effect, "session policy") for arn in resources]
    return [_both(own, session) for own, session in zip(found, sessions, strict=True)]


def principal_facts(principal: Principal) -> Facts:
    """Condition keys about who asks."""
    known: dict[str, Any] = {"aws:PrincipalType": _TYPES.get(principal.kind, "Anonymous")}
    if principal.kind == "anonymous":
        return facts({**known, "aws:userid": "anonymous"})
    arn = role_arn(principal.arn) if principal.kind == "role" else principal.arn
    known |= {"aws:PrincipalArn": arn, "aws:PrincipalAccount": principal.account, "aws:userid": principal.user_id}
    if principal.kind == "user":
        known["aws:username"] = principal.arn.rpartition("/")[2]
    return facts(known)


def request_facts(ctx: Context) -> dict[str, Any]:
    """Condition keys about the request itself, for ``kit.policy.facts``."""
    known: dict[str, Any] = {"aws:RequestedRegion": ctx.region, "aws:PrincipalIsAWSService": False}
    if ctx.http is not None:
        known["aws:SecureTransport"] = ctx.http.scheme == "https"
        known["aws:SourceIp"] = ctx.http.client or None
        known["aws:UserAgent"] = ctx.http.headers.get("user-agent") or None
    tags = ctx.request.get("Tags")
    if isinstance(tags, list):
        pairs = {
            str(tag.get("Key") or tag.get("TagKey")): tag.get("Value") or tag.get("TagValue") or "" for tag in tags
        }
        known |= {f"aws:RequestTag/{key}": value for key, value in pairs.items()}
        known["aws:TagKeys"] = list(pairs)
    return known


def refusal(principal: Principal, action: str, resource: str, reason: str, code: str, status: int) -> AwsError:
    """AWS's words for somebody who may not. code, status: the service's."""
    words = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
    return AwsError(code, words.rstrip(), status)


def no_token(*, in_json: bool = False) -> AwsError:
    """What an unsigned request gets wherever nobody but the known is served. in_json: of a service that speaks JSON."""
    if in_json:
        return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def guard(
    prefix: str,
    named: Callable[[Context], Iterable[Need]] | None = None,
    *,
    known: Callable[[Context], Mapping[str, Any]] | None = None,
    free: Iterable[str] = (),
    unsigned: Iterable[str] = (),
    code: str = "AccessDenied",
    status: int = 403,
) -> Guard:
    """A guard by the principal's own policies; root has none and may do all.

    prefix: of the actions, ``<prefix>:<Operation>``. named: what an operation needs, where it is more than that action
    on ``*``. known: condition keys of the request (``request_facts`` and more). free: operations that everybody known
    may call. unsigned: those that everybody may. code, status: of the refusal.
    """
    unchecked, public = frozenset(free), frozenset(unsigned)

    async def check(ctx: Context) -> None:
        principal = ctx.principal
        if principal is None or ctx.operation in public:
            return
        if principal.kind == "anonymous":
            raise no_token()
        if ctx.operation in unchecked:
            return
        about = None if _may_all(principal) else facts((known or request_facts)(ctx))
        for action, resource in named(ctx) if named else ((f"{prefix}:{ctx.operation}", "*"),):
            if about is None:
                continue
            (verdict,) = await verdicts(ctx, principal, action, [resource], about)
            if not verdict.allowed:
                raise refusal(principal, action, resource, verdict.reason(action), code, status)

    return check


def _may_all(principal: Principal) -> bool:
    return principal.kind == "root" and not principal.policies


def _both(own: Verdict, session: Verdict) -> Verdict:
    denied = next((one for one in (own, session) if one.denied), None)
    return denied or (own if session.allowed else session)


async def _of_iam(
    ctx: Context, principal: Principal, action: str, resources: Sequence[str], known: Facts
) -> list[Verdict]:
    try:
        answer = await ctx.clients.client("iam", principal.account, ctx.region).simulate_principal_policy(
            PolicySourceArn=principal.source or role_arn(principal.arn),
            ActionNames=[action],
            ResourceArns=list(dict.fromkeys(resources)),
            ContextEntries=[{"ContextKeyName": key, "ContextKeyValues": list(found)} for key, found in known.items()],
        )
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        return [Verdict("implicitDeny")] * len(resources)  # a session whose role is gone
    by_arn = {result["EvalResourceName"]: _verdict(result) for result in answer["EvaluationResults"]}
    return [by_arn[arn] for arn in resources]


def _verdict(result: Mapping[str, Any]) -> Verdict:
    boundary = result.get("PermissionsBoundaryDecisionDetail") or {}
    bounded = not boundary.get("AllowedByPermissionsBoundary", True)
    effect: Effect = result["EvalDecision"]
    kind = "permissions boundary" if bounded and effect == "implicitDeny" else "identity-based policy"
    return Verdict(effect, kind)
