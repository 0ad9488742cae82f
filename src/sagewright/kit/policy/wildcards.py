"""Text against patterns with ``*`` and ``?``, in time that grows with their lengths alone.

A pattern is a row of tokens: a single character stands for itself, ``ANY`` for any text, ``ONE`` for any character.
It is matched as an automaton whose states are the bits of one integer, so that no pattern is slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

ANY, ONE = "**", "??"
"""Two characters each, so that they are no literal."""

_WILD = {"*": ANY, "?": ONE}


def tokens(pattern: str) -> list[str]:
    return [_WILD.get(letter, letter) for letter in pattern]


def like(pattern: str, text: str) -> bool:
    """Whether the whole of text fits."""
    head, star, rest = pattern.partition("*")
    if "?" not in pattern and not rest:
        return text.startswith(head) if star else text == head
    return _automaton(pattern).accepts(text)


def fits(pattern: Iterable[str], text: str) -> bool:
    """Whether the whole of text fits a row of tokens."""
    return _Automaton(pattern).accepts(text)


class _Automaton:
    """Bit i of a state: the first i tokens that are no ANY have been matched. _loops: states an ANY stays in."""

    def __init__(self, pattern: Iterable[str]) -> None:
        places: dict[str, list[int]] = {}
        self._loops = count = 0
        for token in pattern:
            if token == ANY:
                self._loops |= 1 << count
            else:
                places.setdefault(token, []).append(count)
                count += 1
        self._one = _bits(places.pop(ONE, []))
        self._steps = {letter: _bits(where) | self._one for letter, where in places.items()}
        self._end = 1 << count

    def accepts(self, text: str) -> bool:
        state = 1
        for letter in text:
            state = (state & self._steps.get(letter, self._one)) << 1 | (state & self._loops)
            if not state:
                return False
        return bool(state & self._end)


def _bits(places: list[int]) -> int:
    found = bytearray(places[-1] // 8 + 1) if places else bytearray()
    for place in places:
        found[place // 8] |= 1 << place % 8
    return int.from_bytes(found, "little")


@lru_cache(maxsize=512)
def _automaton(pattern: str) -> _Automaton:
    return _Automaton(tokens(pattern))
