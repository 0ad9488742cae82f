"""JSON filter patterns: ``{ ($.user.name = "a*" || $.tags[0] != 3) && $.end NOT EXISTS }``.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax-JSON.html
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from sagewright.services.logs.keeper import invalid

_Test = Callable[[Any], bool]

_TOKENS = re.compile(
    r"""\s*(?:(?P<path>\$(?:\.[\w-]+|\[(?:\d+|\*|"[^"]*")\])*)|(?P<op>&&|\|\||!=|<=|>=|=|<|>|\(|\))"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()=<>!&|"]+))"""
)
_STEPS = re.compile(r"""\.([\w-]+)|\[(\d+|\*)\]|\["([^"]*)"\]""")
_MISSING = object()
_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_json_pattern(text: str) -> Callable[[str], bool]:
    """Raises InvalidParameterException. Messages that are no JSON object never match."""
    if not text.endswith("}"):
        raise invalid("Invalid filter pattern")
    parser = _Parser(text[1:-1].strip())
    test = parser.whole()

    def matches(message: str) -> bool:
        if not message.lstrip().startswith("{"):
            return False
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return test(document)

    return matches


class _Parser:
    """Recursive descent: || below && below a comparison or parentheses."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            found = _TOKENS.match(text, at)
            if found is None or found.lastgroup is None:
                raise invalid("Invalid filter pattern")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def whole(self) -> _Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise invalid("Invalid filter pattern")
        return test

    def _either(self) -> _Test:
        tests = [self._both()]
        while self._skip("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _both(self) -> _Test:
        tests = [self._one()]
        while self._skip("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _one(self) -> _Test:
        if self._skip("("):
            test = self._either()
            if not self._skip(")"):
                raise invalid("Invalid filter pattern")
            return test
        kind, path = self._next()
        if kind != "path":
            raise invalid("Invalid filter pattern")
        kind, word = self._next()
        if kind == "op" and word in _NUMBERS:
            return _comparison(path, word, *self._next())
        keyword = word.upper()
        if kind == "word" and keyword in ("IS", "NOT"):
            keyword += " " + self._next()[1].upper()
        return _keyword(path, keyword)

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise invalid("Invalid filter pattern")
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("op", sign):
            self._at += 1
            return True
        return False


def _keyword(path: str, keyword: str) -> _Test:
    tests: dict[str, _Test] = {
        "IS NULL": lambda value: value is None,
        "IS TRUE": lambda value: value is True,
        "IS FALSE": lambda value: value is False,
        "EXISTS": lambda value: value is not _MISSING,
    }
    if keyword == "NOT EXISTS":
        return lambda document: all(value is _MISSING for value in _values(document, path))
    if keyword not in tests:
        raise invalid("Invalid filter pattern")
    test = tests[keyword]
    return lambda document: any(test(value) for value in _values(document, path))


def _comparison(path: str, sign: str, kind: str, operand: str) -> _Test:
    if kind not in ("quoted", "word"):
        raise invalid("Invalid filter pattern")
    number = _number(operand) if kind == "word" else None
    if number is not None:
        compare = _NUMBERS[sign]
        return lambda document: any(
            compare(value, number)
            for value in _values(document, path)
            if isinstance(value, int | float) and not isinstance(value, bool)
        )
    if sign not in ("=", "!="):
        raise invalid("Invalid filter pattern")
    wanted = re.compile(".*".join(re.escape(part) for part in operand.split("*")), re.DOTALL)
    same = sign == "="
    return lambda document: any(
        (wanted.fullmatch(value) is not None) is same for value in _values(document, path) if isinstance(value, str)
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _values(document: Any, path: str) -> list[Any]:
    """What a path selects: one value, _MISSING, or with ``[*]`` every element."""
    values = [document]
    for name, index, quoted in _STEPS.findall(path):
        values = [found for value in values for found in _step(value, name or quoted, index)]
    return values


def _step(value: Any, name: str, index: str) -> list[Any]:
    if index == "*":
        return value if isinstance(value, list) and value else [_MISSING]
    if index:
        at = int(index)
        return [value[at] if isinstance(value, list) and at < len(value) else _MISSING]
    return [value.get(name, _MISSING) if isinstance(value, dict) else _MISSING]
