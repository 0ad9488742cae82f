"""Filter patterns: which messages FilterLogEvents gives back.

Terms: every plain or "quoted" term must be in the message, no -excluded one may be; with ?optional ones alone, any will
do; a term in %percent signs% is a regular expression. JSON: ``{ $.level = "ERROR" && $.latency > 100 }``. Matching is
case-sensitive.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sagewright.core.errors import AwsError
from sagewright.services.logs.json_patterns import compile_json_pattern
from sagewright.services.logs.keeper import invalid

Matcher = Callable[[str], bool]

_TERM = re.compile(
    r"""\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)+)%|(?P<plain>[^\s"%]+))(?=\s|$)"""
)


def compile_pattern(pattern: str) -> Matcher:
    """A test for messages. Raises InvalidParameterException for bad syntax, and 501 for ``[w1, w2]`` patterns."""
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        return compile_json_pattern(text)
    if text.startswith("["):
        message = "Sagewright does not implement space-delimited filter patterns of CloudWatch Logs yet."
        raise AwsError("NotImplemented", message, 501)
    return _compile_terms(text)


def _compile_terms(text: str) -> Matcher:
    terms: dict[str, list[Matcher]] = {"": [], "-": [], "?": []}
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise invalid("Invalid filter pattern")
        terms[found["sign"]].append(_term(found))
        at = found.end()
    needed, excluded, optional = terms[""], terms["-"], terms["?"]
    if optional and not needed and not excluded:
        return lambda message: any(test(message) for test in optional)
    return lambda message: all(test(message) for test in needed) and not any(test(message) for test in excluded)


def _term(found: re.Match[str]) -> Matcher:
    if found["regex"] is not None:
        try:
            expression = re.compile(found["regex"])
        except re.error:
            raise invalid("Invalid filter pattern") from None
        return lambda message: expression.search(message) is not None
    text = found["plain"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
    return lambda message: text in message
