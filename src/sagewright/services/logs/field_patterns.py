"""Space-delimited filter patterns: ``[ip, user, ..., status_code = 4* && status_code != 404, bytes > 1000]``.

A message is cut into fields at its spaces; what is in [brackets] or "quotes" is one field. Without ``...``, which
stands for any number of fields, there are as many fields as the pattern has.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax-Space-Delimited.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sagewright.services.logs.operands import DEEPEST, bad_pattern, comparison

_Fields = dict[str, str]
_Test = Callable[[_Fields], bool]

_FIELD = re.compile(r'\[[^\]]*\]|"(?:[^"\\]|\\.)*"|[^\s]+')
_TOKENS = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||!=|<=|>=|=|<|>|\(|\)|,)|(?P<rest>\.\.\.)"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)+)%|(?P<word>[^\s()=<>!&|"%,]+))"""
)
_NAME = re.compile(r"[A-Za-z_$][\w$-]*|\d+")


class FieldPattern:
    """Raises InvalidParameterException."""

    def __init__(self, text: str) -> None:
        if not text.endswith("]"):
            raise bad_pattern()
        parser = _Parser(text[1:-1].strip())
        self._names, self._tests = parser.names, parser.tests
        rest = [number for number, name in enumerate(self._names) if name == "..."]
        named = [name for name in self._names if name != "..."]
        if len(rest) > 1 or len(set(named)) < len(named):
            raise bad_pattern()
        self._rest = rest[0] if rest else None

    def matches(self, message: str) -> bool:
        fields = self._fields(message)
        return fields is not None and all(test(fields) for test in self._tests)

    def extract(self, message: str) -> dict[str, str]:
        """Every field of a message, named or by its number from 1."""
        found = _cut(message)
        named = self._fields(message)
        if named is None:
            return {}
        by_place = self._places(len(found))
        return {f"${by_place.get(number, number + 1)}": text for number, text in enumerate(found)}

    def value(self, message: str, name: str) -> str | None:
        return self.extract(message).get(name)

    def _places(self, count: int) -> dict[int, str]:
        """The name of each place of a message that has count fields."""
        if self._rest is None:
            return dict(enumerate(self._names))
        after = len(self._names) - self._rest - 1
        before = {number: self._names[number] for number in range(self._rest)}
        return before | {count - after + number: self._names[self._rest + 1 + number] for number in range(after)}

    def _fields(self, message: str) -> _Fields | None:
        found = _cut(message)
        if len(found) != len(self._names) if self._rest is None else len(found) < len(self._names) - 1:
            return None
        return {name: found[place] for place, name in self._places(len(found)).items()}


def _cut(message: str) -> list[str]:
    return [text[1:-1] if text[0] + text[-1] in ('""', "[]") else text for text in _FIELD.findall(message)]


class _Parser:
    """names: of the fields, in order. tests: one for each field with a condition."""

    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        self.tests: list[_Test] = []
        self._tokens = list(_tokens(text))
        self._at = self._depth = 0
        self._field()
        while self._skip(","):
            self._field()
        if self._at != len(self._tokens):
            raise bad_pattern()

    def _field(self) -> None:
        """One field of the pattern: ``...``, a name, or a condition on one name."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "rest":
            self._at += 1
            self.names.append("...")
            return
        self._name = ""
        alone = self._at + 1 >= len(self._tokens) or self._tokens[self._at + 1] == ("op", ",")
        if alone:
            self.names.append(self._named())
            return
        self.tests.append(self._either())
        self.names.append(self._name)

    def _either(self) -> _Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise bad_pattern()
        tests = [self._both()]
        while self._skip("||"):
            tests.append(self._both())
        self._depth -= 1
        return tests[0] if len(tests) == 1 else lambda fields: any(test(fields) for test in tests)

    def _both(self) -> _Test:
        tests = [self._one()]
        while self._skip("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda fields: all(test(fields) for test in tests)

    def _one(self) -> _Test:
        if self._skip("("):
            test = self._either()
            if not self._skip(")"):
                raise bad_pattern()
            return test
        name = self._named()
        if self._name not in ("", name):
            raise bad_pattern()  # a condition is on its own field
        self._name = name
        kind, sign = self._next()
        if kind != "op":
            raise bad_pattern()
        kind, operand = self._next()
        compare = comparison(sign, kind, re.sub(r"\\(.)", r"\1", operand) if kind == "quoted" else operand)
        return lambda fields: compare(fields[name])

    def _named(self) -> str:
        kind, name = self._next()
        if kind != "word" or _NAME.fullmatch(name) is None:
            raise bad_pattern()
        return name.removeprefix("$")

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


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None or found.lastgroup is None:
            raise bad_pattern()
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
