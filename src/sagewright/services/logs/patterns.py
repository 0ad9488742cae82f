"""Filter patterns: which messages FilterLogEvents, metric filters and live tails are about.

Terms: every plain or "quoted" term must be in the message, no -excluded one may be; with ?optional ones alone, any will
do, and beside others they are not looked at; a term in %percent signs% is a regular expression. JSON:
``{ $.level = "ERROR" && $.latency > 100 }``. Fields: ``[ip, user, ..., status = 4*]``. Matching is case-sensitive.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from sagewright.services.logs.field_patterns import FieldPattern
from sagewright.services.logs.json_patterns import JsonPattern
from sagewright.services.logs.operands import bad_pattern, regex

_TERM = re.compile(
    r"""\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)+)%|(?P<plain>[^\s"%]+))(?=\s|$)"""
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_REGEX = re.compile(r"%(?:[^%\\]|\\.)+%")
_MOST_REGEXES = 2


class Pattern(Protocol):
    def matches(self, message: str) -> bool: ...

    def extract(self, message: str) -> dict[str, str]:
        """The values the pattern names in a message that matches, by ``$.selector`` or ``$field``."""

    def value(self, message: str, name: str) -> str | None:
        """One value, by any selector of the same form; None where there is none."""


def compile_pattern(pattern: str) -> Pattern:
    """Raises InvalidParameterException for bad syntax."""
    text = pattern.strip()
    if len(_REGEX.findall(_QUOTED.sub("", text))) > _MOST_REGEXES:
        raise bad_pattern()
    if text.startswith("{"):
        return JsonPattern(text)
    if text.startswith("["):
        return FieldPattern(text)
    return Terms(text)


class Terms:
    """Raises InvalidParameterException."""

    def __init__(self, text: str) -> None:
        terms: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
        at = 0
        while at < len(text):
            found = _TERM.match(text, at)
            if found is None:
                raise bad_pattern()
            terms[found["sign"]].append(_term(found))
            at = found.end()
        self._needed, self._excluded, self._optional = terms[""], terms["-"], terms["?"]

    def matches(self, message: str) -> bool:
        if self._optional and not self._needed and not self._excluded:
            return any(test(message) for test in self._optional)
        return all(test(message) for test in self._needed) and not any(test(message) for test in self._excluded)

    def extract(self, message: str) -> dict[str, str]:
        return {}

    def value(self, message: str, name: str) -> str | None:
        return None


def _term(found: re.Match[str]) -> Callable[[str], bool]:
    if found["regex"] is not None:
        return regex(found["regex"])
    text = found["plain"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
    return lambda message: text in message
