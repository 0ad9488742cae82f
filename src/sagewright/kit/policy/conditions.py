"""Condition operators.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sagewright.kit.policy import wildcards
from sagewright.kit.policy.facts import Facts, expand

_Test = Callable[[str, str], bool]
"""(policy's value, request's value) -> whether they match. Raises ValueError for a value of the wrong kind."""

_ANY_OF, _ALL_OF = "ForAnyValue", "ForAllValues"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """negated: holds where none of the policy's values does. wild: takes tokens rather than text."""

    test: _Test | None
    negated: bool = False
    wild: Callable[[list[str], str], bool] | None = None
    read: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with what stands before and behind it. quantifier: ForAllValues, ForAnyValue or empty."""

    name: str
    comparison: _Comparison
    quantifier: str = ""
    if_exists: bool = False

    def takes(self, value: str) -> bool:
        """Whether the policy may say this value."""
        if "${" in value:
            return True
        try:
            self.comparison.read(value)
        except ValueError:
            return False
        return True

    def holds(self, key: str, wanted: tuple[str, ...], known: Facts, *, variables: bool) -> bool:
        """Whether the condition is met. key: in lower case."""
        found = known.get(key)
        if self.name == "Null":
            return any((not found) == (value.lower() == "true") for value in wanted)
        if not found:
            if self.quantifier == _ANY_OF:
                return self.if_exists
            return self.if_exists or self.quantifier == _ALL_OF or self.comparison.negated
        negated = self.comparison.negated
        hits = (any(self._meets(value, text, known, variables) for value in wanted) != negated for text in found)
        if self.quantifier:
            return all(hits) if self.quantifier == _ALL_OF else any(hits)
        return all(hits) if negated else any(hits)

    def _meets(self, wanted: str, found: str, known: Facts, variables: bool) -> bool:
        wild, test = self.comparison.wild, self.comparison.test
        if wild is not None:
            pattern = expand(wanted, known, wild=True) if variables else wildcards.tokens(wanted)
            return pattern is not None and wild(pattern, found)
        if variables and "${" in wanted:
            letters = expand(wanted, known, wild=False)
            if letters is None:
                return False
            wanted = "".join(letters)
        try:
            return test is not None and test(wanted, found)
        except ValueError:
            return False


@lru_cache(maxsize=256)
def operator(written: str) -> Operator | None:
    """The operator that a condition block names; None for one that IAM lacks."""
    quantifier, colon, rest = written.partition(":")
    if not colon:
        quantifier, rest = "", written
    elif quantifier not in (_ANY_OF, _ALL_OF):
        return None
    name = rest.removesuffix("IfExists")
    comparison = _COMPARISONS.get(name)
    if comparison is None or (name == "Null" and (name != rest or quantifier)):
        return None
    return Operator(name, comparison, quantifier, name != rest)


def _number(text: str) -> float:
    return float(text)


def _moment(text: str) -> float:
    """Epoch seconds, of those or of a date in ISO 8601."""
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@lru_cache(maxsize=256)
def _network(text: str) -> Any:
    import ipaddress

    return ipaddress.ip_network(text, strict=False)


def _within(wanted: str, found: str) -> bool:
    import ipaddress

    return ipaddress.ip_address(found) in _network(wanted)


def _arn_fits(pattern: list[str], found: str) -> bool:
    """Each of the six parts of an ARN on its own, so that a wildcard does not reach beyond a colon."""
    wanted: list[list[str]] = [[]]
    for letter in pattern:
        if letter == ":" and len(wanted) < 6:
            wanted.append([])
        else:
            wanted[-1].append(letter)
    parts = found.split(":", 5)
    if pattern == [wildcards.ANY]:
        return len(parts) == 6
    return len(wanted) == len(parts) == 6 and all(map(wildcards.fits, wanted, parts))


def _compared(read: Callable[[str], Any]) -> dict[str, _Comparison]:
    return {
        "Equals": _Comparison(lambda wanted, found: bool(read(found) == read(wanted)), read=read),
        "NotEquals": _Comparison(lambda wanted, found: bool(read(found) == read(wanted)), negated=True, read=read),
        "LessThan": _Comparison(lambda wanted, found: bool(read(found) < read(wanted)), read=read),
        "LessThanEquals": _Comparison(lambda wanted, found: bool(read(found) <= read(wanted)), read=read),
        "GreaterThan": _Comparison(lambda wanted, found: bool(read(found) > read(wanted)), read=read),
        "GreaterThanEquals": _Comparison(lambda wanted, found: bool(read(found) >= read(wanted)), read=read),
    }


def _same(wanted: str, found: str) -> bool:
    return wanted == found


def _same_letters(wanted: str, found: str) -> bool:
    return wanted.casefold() == found.casefold()


_COMPARISONS = {
    "StringEquals": _Comparison(_same),
    "StringNotEquals": _Comparison(_same, negated=True),
    "StringEqualsIgnoreCase": _Comparison(_same_letters),
    "StringNotEqualsIgnoreCase": _Comparison(_same_letters, negated=True),
    "StringLike": _Comparison(None, wild=wildcards.fits),
    "StringNotLike": _Comparison(None, negated=True, wild=wildcards.fits),
    **{f"Numeric{name}": comparison for name, comparison in _compared(_number).items()},
    **{f"Date{name}": comparison for name, comparison in _compared(_moment).items()},
    "Bool": _Comparison(lambda wanted, found: _truth(wanted) == _truth(found), read=_truth),
    "BinaryEquals": _Comparison(lambda wanted, found: _bytes(wanted) == _bytes(found), read=_bytes),
    "IpAddress": _Comparison(_within, read=_network),
    "NotIpAddress": _Comparison(_within, negated=True, read=_network),
    **dict.fromkeys(("ArnEquals", "ArnLike"), _Comparison(None, wild=_arn_fits)),
    **dict.fromkeys(("ArnNotEquals", "ArnNotLike"), _Comparison(None, negated=True, wild=_arn_fits)),
    "Null": _Comparison(_same, read=_truth),
}
