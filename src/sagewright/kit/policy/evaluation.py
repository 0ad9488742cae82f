"""What statements decide about one request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sagewright.kit.policy.document import Statement
from sagewright.kit.policy.facts import Facts, expand, variables
from sagewright.kit.policy.principals import Caller, meant, spared
from sagewright.kit.policy.wildcards import fits, like

Effect = Literal["allowed", "explicitDeny", "implicitDeny"]
"""As SimulatePrincipalPolicy spells them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """matched: the statements that made it. direct: an allowing one means the caller itself or everybody.

    An allowance that is not direct means the caller's account, which leaves it to its identity policies.
    """

    effect: Effect
    matched: tuple[Statement, ...] = ()
    direct: bool = False

    @property
    def allowed(self) -> bool:
        return self.effect == "allowed"

    @property
    def denied(self) -> bool:
        """Explicitly."""
        return self.effect == "explicitDeny"


def evaluate(
    statements: Iterable[Statement], action: str, resource: str, known: Facts, caller: Caller | None = None
) -> Decision:
    """What the statements of one or more policies say together.

    action: ``s3:GetObject``. resource: an ARN, or ``*`` for none in particular. caller: for policies with principals.
    """
    action = action.lower()
    allowing: list[Statement] = []
    denying: list[Statement] = []
    direct = False
    for statement in statements:
        how = _applies(statement, action, resource, known, caller)
        if not how:
            continue
        (allowing if statement.allows else denying).append(statement)
        direct = direct or (statement.allows and how == "direct")
    if denying:
        return Decision("explicitDeny", tuple(denying))
    return Decision("allowed", tuple(allowing), direct) if allowing else Decision("implicitDeny")


def context_keys(statements: Iterable[Statement]) -> set[str]:
    """Condition keys that the statements ask for, in conditions and in variables; those of conditions in lower case."""
    found: set[str] = set()
    for statement in statements:
        texts = list(statement.resources)
        for condition in statement.conditions:
            found.add(condition.key)
            texts += condition.values
        if statement.variables:
            found.update(name for text in texts for name in variables(text))
    return found


def _applies(statement: Statement, action: str, resource: str, known: Facts, caller: Caller | None) -> str:
    """Whether a statement is about the request: "direct", "account" or ""."""
    if any(like(pattern, action) for pattern in statement.actions) == statement.not_action:
        return ""
    how = _principal(statement, caller)
    if not how or not _resource(statement, resource, known):
        return ""
    held = (
        condition.operator.holds(condition.key, condition.values, known, variables=statement.variables)
        for condition in statement.conditions
    )
    return how if all(held) else ""


def _principal(statement: Statement, caller: Caller | None) -> str:
    if statement.principals is None or caller is None:
        return "direct"
    if statement.principals.negated:
        return "" if spared(statement.principals, caller) else "direct"
    return meant(statement.principals, caller)


def _resource(statement: Statement, resource: str, known: Facts) -> bool:
    hit = any(_names(pattern, resource, known, statement.variables) for pattern in statement.resources)
    return hit != statement.not_resource


def _names(pattern: str, resource: str, known: Facts, variables: bool) -> bool:
    if not variables or "${" not in pattern:
        return like(pattern, resource)
    expanded = expand(pattern, known, wild=True)
    return expanded is not None and fits(expanded, resource)
