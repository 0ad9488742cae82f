"""Regular expressions of filter patterns, searched in time linear in the text.

AWS takes a subset without groups: characters, classes, ``^ $ ? + * {n,m} | .`` and the escapes ``\\d \\s \\w \\xhh``.
Python's own engine would go back and forth over a long message for as long as some expression likes; here the states
an expression may be in are followed side by side.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#regex-expressions
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from re import _constants as _re  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Accepts = Callable[[str], bool]
"""Whether a character fits."""

_MOST_STATES = 2_000
_MOST_SETS = 5_000
"""Sets of states that are remembered."""


def search(expression: str) -> Callable[[str], bool]:
    """Whether a text has a match somewhere. Raises ValueError for what AWS does not take."""
    if re.search(r"(?<!\\)(?:\\\\)*[()]", re.sub(r"\[\^?\]?[^\]]*\]", "", expression)) or not expression.isascii():
        raise ValueError("groups and characters beyond ASCII are not supported")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _parser.parse(expression, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return _Machine(list(parsed)).search


class _Machine:
    """States are numbers. A state has steps (a character and where it leads) or empty moves (an anchor or None)."""

    def __init__(self, nodes: list[Any]) -> None:
        self._steps: list[list[tuple[Accepts, int]]] = []
        self._moves: list[list[tuple[str, int]]] = []
        self._end = self._state()
        self._start = self._sequence(nodes, self._end)
        self._next: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._first = self._closed([self._start], {"", "^"})
        self._later = self._closed([self._start], {""})

    def search(self, text: str) -> bool:
        states, end = self._first, self._end
        for character in text:
            if end in states:
                return True
            key = (states, character)
            found = self._next.get(key)
            if found is None:
                if len(self._next) >= _MOST_SETS:
                    self._next.clear()
                found = self._next[key] = self._step(states, character)
            states = found
        anchors = {"", "$"} if text else {"", "$", "^"}
        return end in self._closed(states, anchors)

    def _step(self, states: frozenset[int], character: str) -> frozenset[int]:
        reached = [to for state in states for accepts, to in self._steps[state] if accepts(character)]
        return self._closed(reached, {""}) | self._later

    def _closed(self, states: Iterable[int], anchors: set[str]) -> frozenset[int]:
        """The states, and those that empty moves lead to."""
        found, left = set(states), list(states)
        while left:
            for anchor, to in self._moves[left.pop()]:
                if anchor in anchors and to not in found:
                    found.add(to)
                    left.append(to)
        return frozenset(found)

    # Building, from the end to the start: each part is told where it leads.

    def _state(self) -> int:
        if len(self._steps) >= _MOST_STATES:
            raise ValueError("the expression is too large")
        self._steps.append([])
        self._moves.append([])
        return len(self._steps) - 1

    def _moving(self, *moves: tuple[str, int]) -> int:
        state = self._state()
        self._moves[state] += moves
        return state

    def _sequence(self, nodes: Iterable[Any], to: int) -> int:
        for kind, value in reversed(list(nodes)):
            to = self._part(kind, value, to)
        return to

    def _part(self, kind: Any, value: Any, to: int) -> int:
        if kind in (_re.MAX_REPEAT, _re.MIN_REPEAT, _re.POSSESSIVE_REPEAT):
            return self._repeat(value[0], value[1], value[2], to)
        if kind is _re.BRANCH:
            return self._moving(*(("", self._sequence(branch, to)) for branch in value[1]))
        if kind is _re.SUBPATTERN:
            return self._sequence(value[3], to)
        if kind is _re.AT and value in (_re.AT_BEGINNING, _re.AT_END):
            return self._moving(("^" if value is _re.AT_BEGINNING else "$", to))
        state = self._state()
        self._steps[state].append((_accepts(kind, value), to))
        return state

    def _repeat(self, least: int, most: Any, nodes: list[Any], to: int) -> int:
        if most is _re.MAXREPEAT:
            loop = self._state()
            self._moves[loop] += [("", to), ("", self._sequence(nodes, loop))]
            to = loop
        else:
            end = to
            for _ in range(most - least):
                to = self._moving(("", end), ("", self._sequence(nodes, to)))
        for _ in range(least):
            to = self._sequence(nodes, to)
        return to


def _accepts(kind: Any, value: Any) -> Accepts:
    if kind is _re.LITERAL:
        return chr(value).__eq__
    if kind is _re.NOT_LITERAL:
        return chr(value).__ne__
    if kind is _re.ANY:
        return "\n".__ne__
    if kind is _re.RANGE:
        low, high = map(chr, value)
        return lambda character: low <= character <= high
    if kind is _re.CATEGORY:
        test = _CATEGORIES[value]
        return lambda character: test.match(character) is not None
    if kind is _re.IN:
        negated = value[0][0] is _re.NEGATE
        items = [_accepts(*item) for item in value[negated:]]
        return lambda character: any(item(character) for item in items) is not negated
    raise ValueError("the expression has a part that is not supported")


_CATEGORIES = {
    _re.CATEGORY_DIGIT: re.compile(r"\d", re.ASCII),
    _re.CATEGORY_NOT_DIGIT: re.compile(r"\D", re.ASCII),
    _re.CATEGORY_SPACE: re.compile(r"\s", re.ASCII),
    _re.CATEGORY_NOT_SPACE: re.compile(r"\S", re.ASCII),
    _re.CATEGORY_WORD: re.compile(r"\w", re.ASCII),
    _re.CATEGORY_NOT_WORD: re.compile(r"\W", re.ASCII),
}
