"""SimulatePrincipalPolicy and SimulateCustomPolicy: what policies decide. Services that check permissions ask it too.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context, operation
from sagewright.kit.policy import Caller, Decision, Facts, PolicyError, Statement, evaluate, parse
from sagewright.services.iam.documents import decoded
from sagewright.services.iam.entities import Entities, paged
from sagewright.services.iam.standing import Source, Standing, Standings

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*]+")


@dataclass(frozen=True, slots=True)
class _Resource:
    """A resource's own policy, and who asks for it."""

    statements: tuple[Statement, ...]
    caller: Caller
    is_foreign: bool


class Simulation:
    def __init__(self, kinds: Entities) -> None:
        self._standings = Standings(kinds)

    @operation()
    def simulate_principal_policy(
        self,
        ctx: Context,
        policy_source_arn: str,
        action_names: Sequence[str],
        policy_input_list: Sequence[str] = (),
        permissions_boundary_policy_input_list: Sequence[str] | None = None,
        policy_exclusion_list: Sequence[Mapping[str, str]] = (),
        **members: Any,
    ) -> dict[str, Any]:
        """Raises NoSuchEntity for a principal that is not there."""
        plain = not policy_input_list and permissions_boundary_policy_input_list is None and not policy_exclusion_list
        standing = self._standings.of(policy_source_arn)
        if not plain:
            excluded = {
                one.get("PolicyId") or one.get("PolicyArn", "").rpartition("/")[2] for one in policy_exclusion_list
            }
            kept = [one for one in self._standings.sources(policy_source_arn) if one[0] not in excluded]
            limit = permissions_boundary_policy_input_list
            standing = _standing([*kept, *_inputs(policy_input_list, "PolicyInputList")], limit, standing)
        return _answer(ctx, standing, action_names, policy_source_arn)

    @operation()
    def simulate_custom_policy(
        self,
        ctx: Context,
        policy_input_list: Sequence[str],
        action_names: Sequence[str],
        permissions_boundary_policy_input_list: Sequence[str] | None = None,
        ordered_organization_policy_input_list: Any = None,
        **members: Any,
    ) -> dict[str, Any]:
        if ordered_organization_policy_input_list:
            raise AwsError("NotImplemented", "Sagewright does not simulate policies of AWS Organizations yet.", 501)
        sources = _inputs(policy_input_list, "PolicyInputList")
        return _answer(ctx, _standing(sources, permissions_boundary_policy_input_list), action_names, "")

    @operation()
    def get_context_keys_for_principal_policy(
        self, ctx: Context, policy_source_arn: str, policy_input_list: Sequence[str] = ()
    ) -> dict[str, Any]:
        sources = [*self._standings.sources(policy_source_arn), *_inputs(policy_input_list, "PolicyInputList")]
        return {"ContextKeyNames": sorted(_standing(sources, None).keys)}

    @operation()
    def get_context_keys_for_custom_policy(self, ctx: Context, policy_input_list: Sequence[str]) -> dict[str, Any]:
        return {"ContextKeyNames": sorted(_standing(_inputs(policy_input_list, "PolicyInputList"), None).keys)}


def _inputs(documents: Sequence[str], name: str) -> list[Source]:
    return [(f"{name}.{number}", "none", decoded(text)) for number, text in enumerate(documents, start=1)]


def _standing(sources: Sequence[Source], limit: Sequence[str] | None, present: Standing | None = None) -> Standing:
    """Of documents from a request. limit: a boundary in place of the present one's. Raises InvalidInput."""
    boundary = None if limit is None else _inputs(limit, "PermissionsBoundaryPolicyInputList")
    try:
        made = Standing.of(sources, boundary)
    except PolicyError as error:
        raise AwsError("InvalidInput", f"The policy is not valid: {error}") from None
    if present is None or limit is not None:
        return made
    return Standing(made.statements, present.boundary, made.types, made.keys | present.keys)


def _answer(ctx: Context, standing: Standing, actions: Sequence[str], source: str) -> dict[str, Any]:
    request = ctx.request
    known: Facts = {
        entry["ContextKeyName"].lower(): tuple(entry.get("ContextKeyValues", ()))
        for entry in request.get("ContextEntries", ())
        if "ContextKeyName" in entry
    }
    resource = _resource(request, source)
    results = [
        _result(standing, action, arn, known, resource)
        for action in actions
        for arn in request.get("ResourceArns") or ("*",)
    ]
    found, tail = paged(results, request.get("Marker"), request.get("MaxItems", len(results)))
    return {"EvaluationResults": found, **tail}


def _resource(request: Mapping[str, Any], source: str) -> _Resource | None:
    text = request.get("ResourcePolicy")
    if text is None:
        return None
    asks = request.get("CallerArn") or source
    if not asks:
        raise AwsError("InvalidInput", "CallerArn is required with a ResourcePolicy.")
    try:
        statements = parse(decoded(text), "resource").statements
    except PolicyError as error:
        raise AwsError("InvalidInput", f"The policy is not valid: {error}") from None
    account, owner = _account(asks), _account(request.get("ResourceOwner", ""))
    caller = Caller.of(Principal("user", account, asks, ""))
    return _Resource(statements, caller, owner not in ("", account))


def _account(name: str) -> str:
    """Of an ARN, or the account itself. Raises InvalidInput."""
    if not name.startswith("arn:"):
        return name
    try:
        return Arn.parse(name).account
    except ValueError:
        raise AwsError("InvalidInput", f"{name} is not valid.") from None


def _result(standing: Standing, action: str, arn: str, known: Facts, resource: _Resource | None) -> dict[str, Any]:
    if not _ACTION.fullmatch(action):
        raise AwsError("InvalidInput", f"Invalid input: {action} is not an action.")
    decision, passes = standing.decide(action, arn, known)
    if resource is not None:
        decision = _with_resource(
            decision, passes, evaluate(resource.statements, action, arn, known, resource.caller), resource
        )
    answer: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": arn,
        "EvalDecision": decision.effect,
        "MatchedStatements": [
            {"SourcePolicyId": one.policy, "SourcePolicyType": standing.types.get(one.policy, "resource")}
            for one in decision.matched
        ],
        "MissingContextValues": sorted(standing.keys.difference(known)) if standing.keys else [],
    }
    if standing.boundary is not None:
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": passes}
    return answer


def _with_resource(own: Decision, passes: bool, other: Decision, resource: _Resource) -> Decision:
    """One decision of identity policies and a resource's: either may allow at home, both must across accounts."""
    denied = next((one for one in (own, other) if one.denied), None)
    if denied is not None:
        return denied
    if resource.is_foreign:
        both = own.allowed and other.allowed
        return Decision("allowed" if both else "implicitDeny", (*own.matched, *other.matched))
    if own.allowed or not (other.allowed and other.direct and passes):
        return own
    return other
