"""What filter patterns compare values with: numbers, text with ``*`` for anything, ``%regular expressions%``."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.logs.keeper import invalid
from sagewright.services.logs.regex import search

Test = Callable[[Any], bool]
"""Of one value: a text, a number, a boolean, None."""

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
DEEPEST = 50
"""Parentheses in parentheses."""


def bad_pattern() -> AwsError:
    return invalid("Invalid filter pattern")


def comparison(sign: str, kind: str, operand: str) -> Test:
    """A test ``value <sign> operand``. kind: ``word``, ``quoted`` or ``regex``. Raises InvalidParameterException."""
    if sign not in _SIGNS or kind not in ("word", "quoted", "regex"):
        raise bad_pattern()
    number = to_number(operand) if kind == "word" else None
    if number is not None:
        compare, wanted = _SIGNS[sign], number
        return lambda value: (given := to_number(value)) is not None and compare(given, wanted)
    if sign not in ("=", "!="):
        raise bad_pattern()
    test = regex(operand) if kind == "regex" else glob(operand)
    same, loose = sign == "=", kind != "quoted"  # a quoted operand is text, and equals no number

    def matches(value: Any) -> bool:
        text = value if isinstance(value, str) else as_text(value) if loose and _is_number(value) else None
        return text is not None and test(text) is same

    return matches


def to_number(value: Any) -> float | None:
    """A number, or the one a text is."""
    if _is_number(value):
        return float(value)
    if not isinstance(value, str) or "_" in value:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str:
    """A value as TestMetricFilter shows it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def regex(expression: str) -> Callable[[str], bool]:
    """Raises InvalidParameterException."""
    try:
        return search(expression)
    except ValueError:
        raise bad_pattern() from None


def glob(pattern: str) -> Callable[[str], bool]:
    """Text with ``*`` for any characters."""
    head, *parts = pattern.split("*")
    if not parts:
        return pattern.__eq__
    *middle, tail = parts

    def matches(text: str) -> bool:
        if not text.startswith(head) or len(text) < len(head) + len(tail) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for part in middle:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return matches
