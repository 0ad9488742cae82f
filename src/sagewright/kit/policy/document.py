"""A policy document, read and checked.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sagewright.kit.policy import conditions

Kind = Literal["identity", "resource", "trust"]
"""identity: no Principal. resource: with Principal. trust: with Principal, without Resource (roles; ECR's too)."""

VERSIONS = ("2012-10-17", "2008-10-17")
_DOCUMENT = ("Version", "Id", "Statement")
_STATEMENT = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_ARN = re.compile(r"arn:(?:[a-z-]+|\*):[^:]*:[^:]*:[^:]*:.*", re.DOTALL)
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")
_PRINCIPAL_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:iam::\d{12}:(?:root|(?:user|role)/[^*?]+)|sts::\d{12}:(?:assumed-role|federated-user)/[^*?]+)"
)
_SERVICE = re.compile(r"[a-z0-9.-]+\.(?:amazonaws\.com|amazonaws\.com\.cn|internal|amazon\.com)")
_CANONICAL = re.compile(r"[0-9a-f]{64}")


class PolicyError(ValueError):
    """A document that is no policy. place: ``Statement[1].Effect``. element: the part at fault, empty for the whole.

    missing: the element is not there. value: what stands there, where one value is at fault.
    """

    def __init__(self, place: str, element: str, reason: str, value: Any = None, *, missing: bool = False) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.element = element
        self.reason = reason
        self.value = value
        self.missing = missing


@dataclass(frozen=True, slots=True)
class PrincipalName:
    """kind: AWS, Service, Federated, CanonicalUser, or ``*`` where the element is that alone."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Principals:
    """negated: NotPrincipal."""

    names: tuple[PrincipalName, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """operator: as written. key: in lower case. values: as text."""

    operator: conditions.Operator
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """actions, resources: patterns. policy: the name its policy was parsed under. index: from 0."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    principals: Principals | None
    conditions: tuple[Condition, ...]
    variables: bool
    policy: str
    index: int


@dataclass(frozen=True, slots=True)
class Policy:
    """variables: whether ``${...}`` means anything, which it does from version 2012-10-17 on."""

    version: str
    id: str
    statements: tuple[Statement, ...]


@lru_cache(maxsize=128)
def parse(text: str, kind: Kind, name: str = "") -> Policy:
    """A document from its JSON. name: what Statement.policy is to be. Raises PolicyError, a ValueError."""
    document = _load(text)
    _only(document, _DOCUMENT, "")
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError("Version", "Version", "The policy must contain a valid version string", version)
    policy_id = document.get("Id", "")
    if not isinstance(policy_id, str):
        raise PolicyError("Id", "Id", "Syntax errors in policy.")
    found = document.get("Statement")
    listed = found if isinstance(found, list) else [found]
    if found is None or not listed:
        raise PolicyError("Statement", "Statement", "Syntax errors in policy.", missing=True)
    statements = [
        _Reader(entry, f"Statement[{index}]", kind).statement(version == VERSIONS[0], name, index)
        for index, entry in enumerate(listed)
    ]
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) != len(set(sids)):
        raise PolicyError("Statement", "Sid", "Statement IDs (SID) in a single policy must be unique.")
    return Policy(version, policy_id, tuple(statements))


def _load(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PolicyError("", "", "Syntax errors in policy.")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a member twice")
    return found


def _only(entry: dict[str, Any], allowed: tuple[str, ...], place: str) -> None:
    unknown = next((name for name in entry if name not in allowed), None)
    if unknown is not None:
        raise PolicyError(place, unknown, f"Unknown field {unknown}")


class _Reader:
    """One statement of a document."""

    def __init__(self, entry: Any, place: str, kind: Kind) -> None:
        if not isinstance(entry, dict):
            raise PolicyError(place, "Statement", "Syntax errors in policy.")
        _only(entry, _STATEMENT, place)
        self._entry = entry
        self._place = place
        self._kind = kind

    def statement(self, variables: bool, policy: str, index: int) -> Statement:
        effect = self._entry.get("Effect")
        if effect not in ("Allow", "Deny"):
            reason = "Missing required field Effect" if effect is None else f"Invalid effect: {effect}"
            raise self._wrong("Effect", reason, effect, missing=effect is None)
        principals = self._principals(effect)
        actions, not_action = self._actions()
        resources, not_resource = self._resources()
        return Statement(
            self._sid(),
            effect == "Allow",
            actions,
            not_action,
            resources,
            not_resource,
            principals,
            tuple(self._conditions()),
            variables,
            policy,
            index,
        )

    def _wrong(self, element: str, reason: str, value: Any = None, *, missing: bool = False) -> PolicyError:
        return PolicyError(f"{self._place}.{element}", element, reason, value, missing=missing)

    def _sid(self) -> str:
        sid = self._entry.get("Sid", "")
        if not isinstance(sid, str) or (self._kind == "identity" and not _SID.fullmatch(sid)):
            reason = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
            raise self._wrong("Sid", f"{reason}expression [0-9A-Za-z]*", sid)
        return sid

    def _either(self, name: str) -> tuple[Any, bool]:
        """The element or its negation, whichever is there, and whether it is the negation."""
        plain, negated = self._entry.get(name), self._entry.get(f"Not{name}")
        if plain is not None and negated is not None:
            raise self._wrong(name, f"Statement must not have both {name} and Not{name}")
        return (plain, False) if negated is None else (negated, True)

    def _texts(self, element: str, value: Any) -> tuple[str, ...]:
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in listed):
            raise self._wrong(element, "Syntax errors in policy.", value)
        return tuple(listed)

    def _actions(self) -> tuple[tuple[str, ...], bool]:
        value, negated = self._either("Action")
        texts = self._texts("Action", value) if value is not None else ()
        if not texts:
            raise self._wrong("Action", "Policy statement must contain actions.", missing=True)
        for text in texts:
            if text != "*" and not _ACTION.fullmatch(text):
                reason = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                raise self._wrong("Action", reason, text)
        return tuple(text.lower() for text in texts), negated

    def _resources(self) -> tuple[tuple[str, ...], bool]:
        value, negated = self._either("Resource")
        if self._kind == "trust":
            if value is not None:
                raise self._wrong("Resource", "Has prohibited field Resource", value)
            return ("*",), False
        texts = self._texts("Resource", value) if value is not None else ()
        if not texts:
            raise self._wrong("Resource", "Policy statement must contain resources.", missing=True)
        for text in texts:
            if text != "*" and not _ARN.fullmatch(text):
                raise self._wrong("Resource", f'Resource {text} must be in ARN format or "*".', text)
        return texts, negated

    def _principals(self, effect: str) -> Principals | None:
        value, negated = self._either("Principal")
        if self._kind == "identity":
            if value is not None:
                raise self._wrong("Principal", "Policy document should not specify a principal.", value)
            return None
        if value is None:
            raise self._wrong("Principal", "Missing required field Principal", missing=True)
        if negated and effect == "Allow":
            raise self._wrong("NotPrincipal", "Allow with NotPrincipal is not allowed.", value)
        if value == "*":
            return Principals((PrincipalName("*", "*"),), negated)
        if not isinstance(value, dict) or not value:
            raise self._wrong("Principal", "Invalid principal in policy", value)
        names = [
            PrincipalName(kind, text) for kind, listed in value.items() for text in self._texts("Principal", listed)
        ]
        for name in names:
            if not _names_somebody(name):
                raise self._wrong("Principal", "Invalid principal in policy", f'"{name.kind}":"{name.text}"')
        return Principals(tuple(names), negated)

    def _conditions(self) -> list[Condition]:
        blocks = self._entry.get("Condition") or {}
        if not isinstance(blocks, dict) or not all(isinstance(block, dict) for block in blocks.values()):
            raise self._wrong("Condition", "Syntax errors in policy.")
        found = []
        for written, block in blocks.items():
            operator = conditions.operator(written)
            if operator is None:
                raise self._wrong("Condition", f"Invalid Condition type : {written}", written)
            for key, value in block.items():
                texts = tuple(self._condition_text(item) for item in (value if isinstance(value, list) else [value]))
                wrong = next((text for text in texts if not operator.takes(text)), None)
                if wrong is not None:
                    raise self._wrong("Condition", f"Invalid value of {written} for {key}: {wrong}", wrong)
                found.append(Condition(operator, key.lower(), texts))
        return found

    def _condition_text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise self._wrong("Condition", "Syntax errors in policy.", value)


def _names_somebody(name: PrincipalName) -> bool:
    text = name.text
    match name.kind:
        case "AWS":
            patterns = (_ACCOUNT, _PRINCIPAL_ARN, _UNIQUE_ID)
            return text == "*" or any(pattern.fullmatch(text) for pattern in patterns)
        case "Service":
            return bool(_SERVICE.fullmatch(text))
        case "Federated":
            return bool(text)
        case "CanonicalUser":
            return bool(_CANONICAL.fullmatch(text))
    return False
