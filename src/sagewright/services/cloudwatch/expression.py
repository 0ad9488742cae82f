"""Metric math: the grammar.

    expression := or;  or := and (("||" | OR) and)*;  and := comparison (("&&" | AND) comparison)*
    comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?;  sum := product (("+" | "-") product)*
    product := sign (("*" | "/") sign)*;  sign := "-" sign | power;  power := atom ("^" sign)?
    atom := number | "text" | name | name "(" expression,* ")" | "[" expression,* "]" | "(" expression ")"

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TOKENS = re.compile(
    r"""\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"""
    r"""|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<sign>\|\||&&|<=|>=|==|!=|[-+*/^<>(),\[\]]))"""
)
_DEEPEST = 40


class BadExpression(Exception):
    """The message says what is wrong with an expression."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Several:
    items: tuple[Node, ...]


Node = Number | Text | Name | Call | Binary | Several


def parse(text: str) -> Node:
    """Raises BadExpression."""
    parser = _Parser(list(_tokens(text)))
    node = parser.expression()
    parser.end()
    return node


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"Unexpected character '{text[at:].lstrip()[:1]}'")
        kind, word = found.lastgroup, found[found.lastgroup]
        if kind == "name" and word in ("AND", "OR"):
            kind, word = "sign", {"AND": "&&", "OR": "||"}[word]
        yield ("text" if kind in ("double", "single") else kind), word
        at = found.end()


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadExpression("The expression is nested too deeply")
        node = self._chain(("||",), lambda: self._chain(("&&",), self._comparison))
        self._depth -= 1
        return node

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise BadExpression(f"Unexpected '{self._tokens[self._at][1]}'")

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node = operand()
        while (sign := self._take(*signs)) is not None:
            node = Binary(sign, node, operand())
        return node

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take("<", "<=", ">", ">=", "==", "!=")
        return left if sign is None else Binary(sign, left, self._sum())

    def _sum(self) -> Node:
        return self._chain(("+", "-"), lambda: self._chain(("*", "/"), self._sign))

    def _sign(self) -> Node:
        negative = False
        while self._take("-") is not None:
            negative = not negative
        node = self._power()
        return Binary("-", Number(0.0), node) if negative else node

    def _power(self) -> Node:
        base = self._atom()
        exponents = []
        while self._take("^") is not None:
            exponents.append(self._exponent())
        if not exponents:
            return base
        node = exponents.pop()
        while exponents:
            node = Binary("^", exponents.pop(), node)
        return Binary("^", base, node)

    def _exponent(self) -> Node:
        return Binary("-", Number(0.0), self._atom()) if self._take("-") is not None else self._atom()

    def _atom(self) -> Node:
        if self._at == len(self._tokens):
            raise BadExpression("Unexpected end of the expression")
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return Number(float(word))
        if kind == "text":
            return Text(word)
        if kind == "name":
            return Call(word.upper(), self._items(")")) if self._take("(") is not None else Name(word)
        if word == "[":
            return Several(self._items("]"))
        if word == "(":
            node = self.expression()
            self._expect(")")
            return node
        raise BadExpression(f"Unexpected '{word}'")

    def _items(self, closing: str) -> tuple[Node, ...]:
        if self._take(closing) is not None:
            return ()
        items = [self.expression()]
        while self._take(",") is not None:
            items.append(self.expression())
        self._expect(closing)
        return tuple(items)

    def _take(self, *signs: str) -> str | None:
        if self._at < len(self._tokens):
            kind, word = self._tokens[self._at]
            if kind == "sign" and word in signs:
                self._at += 1
                return word
        return None

    def _expect(self, sign: str) -> None:
        if self._take(sign) is None:
            raise BadExpression(f"Missing '{sign}'")
