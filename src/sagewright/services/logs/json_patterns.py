"""JSON filter patterns: ``{ ($.user.name = "a*" || $.tags[0] != 3) && $.end NOT EXISTS }``.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax-JSON.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sagewright.services.logs.operands import DEEPEST, as_text, bad_pattern, comparison, to_number

_Test = Callable[[Any], bool]

_TOKENS = re.compile(
    r"""\s*(?:(?P<path>\$(?:\.[\w-]+|\[(?:\d+|\*|"[^"]*"|'[^']*')\])+)|(?P<op>&&|\|\||!=|<=|>=|=|<|>|\(|\))"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)+)%|(?P<word>[^\s()=<>!&|"%]+))"""
)
_STEPS = re.compile(r"""\.([\w-]+)|\[(\d+|\*)\]|\["([^"]*)"\]|\['([^']*)'\]""")
_MISSING = object()
_KEYWORDS: dict[str, _Test] = {
    "IS NULL": lambda value: value is None,
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
    "EXISTS": lambda value: value is not _MISSING,
}


class JsonPattern:
    """Raises InvalidParameterException. Messages that are no JSON object never match."""

    def __init__(self, text: str) -> None:
        if not text.endswith("}"):
            raise bad_pattern()
        parser = _Parser(text[1:-1].strip())
        self._test = parser.whole()
        self._paths = list(dict.fromkeys(parser.paths))

    def matches(self, message: str) -> bool:
        document = _document(message)
        return document is not None and self._test(document)

    def extract(self, message: str) -> dict[str, str]:
        """What the pattern's own selectors find in a message."""
        return {path: text for path in self._paths if (text := self.value(message, path)) is not None}

    def value(self, message: str, name: str) -> str | None:
        """What a selector finds in a message; None where there is nothing."""
        if _TOKENS.fullmatch(name) is None or not name.startswith("$"):
            return None
        found = [value for value in _values(_document(message), name) if value is not _MISSING]
        return as_text(found[0]) if found else None


def _document(message: str) -> Any:
    if not message.lstrip().startswith("{"):
        return None
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


class _Parser:
    """Recursive descent: || below && below a comparison or parentheses."""

    def __init__(self, text: str) -> None:
        self.paths: list[str] = []
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            found = _TOKENS.match(text, at)
            if found is None or found.lastgroup is None:
                raise bad_pattern()
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = self._depth = 0

    def whole(self) -> _Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise bad_pattern()
        return test

    def _either(self) -> _Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise bad_pattern()
        tests = [self._both()]
        while self._skip("||"):
            tests.append(self._both())
        self._depth -= 1
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
                raise bad_pattern()
            return test
        kind, path = self._next()
        if kind != "path":
            raise bad_pattern()
        self.paths.append(path)
        kind, word = self._next()
        if kind == "op":
            return _any_of(path, _compared(word, *self._next()))
        keyword = word.upper()
        if kind == "word" and keyword in ("IS", "NOT"):
            keyword += " " + self._next()[1].upper()
        if keyword == "NOT EXISTS":
            return lambda document: all(value is _MISSING for value in _values(document, path))
        if keyword not in _KEYWORDS:
            raise bad_pattern()
        return _any_of(path, _KEYWORDS[keyword])

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise bad_pattern()
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("op", sign):
            self._at += 1
            return True
        return False


def _any_of(path: str, test: _Test) -> _Test:
    return lambda document: any(test(value) for value in _values(document, path))


def _compared(sign: str, kind: str, operand: str) -> _Test:
    """A number compares with JSON's numbers only, not with text that looks like one."""
    test = comparison(sign, kind, _unescaped(operand) if kind == "quoted" else operand)
    numeric = kind == "word" and to_number(operand) is not None
    return lambda value: (not numeric or not isinstance(value, str)) and test(value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _values(document: Any, path: str) -> list[Any]:
    """What a path selects: one value, _MISSING, or with ``[*]`` every element."""
    values = [document]
    for name, index, double, single in _STEPS.findall(path):
        values = [found for value in values for found in _step(value, name or double or single, index)]
    return values


def _step(value: Any, name: str, index: str) -> list[Any]:
    if index == "*":
        return value if isinstance(value, list) and value else [_MISSING]
    if index:
        at = int(index) if len(index) < 10 else -1
        return [value[at] if isinstance(value, list) and 0 <= at < len(value) else _MISSING]
    return [value.get(name, _MISSING) if isinstance(value, dict) else _MISSING]
