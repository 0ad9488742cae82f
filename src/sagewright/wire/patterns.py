"""The models' regular expressions, written for Java and JavaScript, as Python's; matched whole, in bounded time.

Python's engine backtracks, and some of AWS's patterns take exponential time on hostile input. So a pattern's structure
gives the length of text up to which it is checked; longer text passes.
"""

from __future__ import annotations

import re
import string
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from re import _constants as _re  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Matches = Callable[[str], bool]

_UNICODE = {
    # Exact in ASCII; beyond it more than Unicode's category, so that nothing AWS takes is refused.
    "L": r"A-Za-z\u00aa-\U0010ffff",
    "Lu": r"A-Z\u00c0-\U0010ffff",
    "Ll": r"a-z\u00b5-\U0010ffff",
    "M": r"\u0300-\U0010ffff",
    "N": r"0-9\u00b2-\U0010ffff",
    "Nd": r"0-9\u0660-\U0010ffff",
    "P": r"!-#%-*,-/:;?@\[-\]_{}\u00a1-\U0010ffff",
    "S": r"$+<=>\^`|~\u00a2-\U0010ffff",
    "Z": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "Zs": r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000",
    "ASCII": r"\x00-\x7f",
    "Alnum": r"A-Za-z0-9",
    "Alpha": r"A-Za-z",
    "Digit": r"0-9",
    "Graph": r"!-~",
    "Lower": r"a-z",
    "Print": r" -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Upper": r"A-Z",
}
_PROPERTY = re.compile(r"\\p\{(?:Is)?(\w+)\}")
_PAIRS = re.compile(r"\\uD800\\uDC00-\\uDBFF\\uDFFF", re.IGNORECASE)
_CLASS_DASH = re.compile(r"(\\[wdsWDS])-(?=[^\]])")

_WILD = 24
"""Characters up to which a pattern that may take exponential time is checked: some 2**24 steps at worst."""
_LIMITS = (None, None, 2048, 256, 128)
"""Characters up to which a pattern is checked, by its number of unbounded repeats, n of which take up to length**n."""


@cache
def matcher(pattern: str) -> Matches | None:
    """A test of text against a model's pattern, or None for a pattern that Python cannot compile."""
    compiled = _compile(pattern)
    if compiled is None:
        return None
    fullmatch = compiled.fullmatch
    limit = _limit(compiled.pattern)
    if limit is None:
        return lambda text: fullmatch(text) is not None
    return lambda text: len(text) > limit or fullmatch(text) is not None


def _compile(pattern: str) -> re.Pattern[str] | None:
    text = _PAIRS.sub(r"\\U00010000-\\U0010ffff", pattern).replace(r"\z", r"\Z")
    if r"\p" in text:
        translated = _properties(text)
        if translated is None:
            return None
        text = translated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for attempt in (text, _CLASS_DASH.sub(r"\1\\-", text)):
            try:
                return re.compile(attempt, re.ASCII)
            except (re.error, OverflowError):
                continue
    return None


def _properties(pattern: str) -> str | None:
    r"""The pattern without ``\p{...}``; None where one is unknown, or in a negated class, where more would be less."""
    out: list[str] = []
    at = 0
    inside = negated = False
    while at < len(pattern):
        found = _PROPERTY.match(pattern, at)
        if found is not None:
            ranges = _UNICODE.get(found[1])
            if ranges is None or negated:
                return None
            out.append(ranges if inside else f"[{ranges}]")
            at = found.end()
            continue
        character = pattern[at]
        if character == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if character == "[" and not inside:
            inside, negated = True, pattern[at + 1 : at + 2] == "^"
        elif character == "]":
            inside = negated = False
        out.append(character)
        at += 1
    return "".join(out)


# How long a pattern may take


def _limit(pattern: str) -> int | None:
    """The longest text that is checked; None for any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = _parser.parse(pattern, re.ASCII)
    if _wild(tree):
        return _WILD
    repeats = _repeats(tree)
    return _LIMITS[min(repeats, len(_LIMITS) - 1)]


def _inner(op: Any, argument: Any) -> list[Any]:
    """The patterns inside an element."""
    if op in (_re.MAX_REPEAT, _re.MIN_REPEAT):
        return [argument[2]]
    if op is _re.SUBPATTERN:
        return [argument[3]]
    if op is _re.BRANCH:
        return list(argument[1])
    if op in (_re.ASSERT, _re.ASSERT_NOT):
        return [argument[1]]
    return []


def _unbounded(op: Any, argument: Any) -> bool:
    return op in (_re.MAX_REPEAT, _re.MIN_REPEAT) and (argument[1] == _re.MAXREPEAT or argument[1] > 16)


def _repeats(tree: Iterable[Any]) -> int:
    """Unbounded repeats, those inside others not counted again: each may stop anywhere."""
    total = 0
    for op, argument in tree:
        if _unbounded(op, argument):
            total += 1
        elif op is _re.BRANCH:
            total += max(_repeats(branch) for branch in argument[1])
        else:
            total += sum(_repeats(inner) for inner in _inner(op, argument))
    return total


def _wild(tree: Iterable[Any]) -> bool:
    """Whether a repeat of a repeat can take the same text in several ways, which makes time exponential."""
    for op, argument in tree:
        if _unbounded(op, argument) and _varies(argument[2]) and not _delimited(argument[2]):
            return True
        if any(_wild(inner) for inner in _inner(op, argument)):
            return True
    return False


def _varies(body: Iterable[Any]) -> bool:
    """Whether a repeat's body can take more than one length of the same text."""
    for op, argument in body:
        if op in (_re.MAX_REPEAT, _re.MIN_REPEAT) and argument[0] != argument[1]:
            return True
        if op is _re.BRANCH:
            firsts = [_characters(list(branch)[:1]) for branch in argument[1]]
            if sum(map(len, firsts)) != len(frozenset().union(*firsts)) or not all(argument[1]):
                return True
        if any(_varies(inner) for inner in _inner(op, argument)):
            return True
    return False


def _delimited(body: Any) -> bool:
    """Whether one character at the start or the end of a repeat's body marks where each round starts or ends."""
    items = list(body)
    while len(items) == 1 and items[0][0] is _re.SUBPATTERN:
        items = list(items[0][1][3])
    if len(items) < 2:
        return False
    first, last = items[0], items[-1]
    return (_single(first) and not _characters([first]) & _characters(items[1:])) or (
        _single(last) and not _characters([last]) & _characters(items[:-1])
    )


def _single(item: Any) -> bool:
    return item[0] in (_re.LITERAL, _re.NOT_LITERAL, _re.IN, _re.ANY)


_ALL = frozenset(range(129))
"""ASCII, and 128 for all else."""
_CATEGORIES = {
    _re.CATEGORY_DIGIT: frozenset(map(ord, string.digits)),
    _re.CATEGORY_SPACE: frozenset(map(ord, string.whitespace)),
    _re.CATEGORY_WORD: frozenset(map(ord, string.ascii_letters + string.digits + "_")),
}
_CATEGORIES |= {
    _re.CATEGORY_NOT_DIGIT: _ALL - _CATEGORIES[_re.CATEGORY_DIGIT],
    _re.CATEGORY_NOT_SPACE: _ALL - _CATEGORIES[_re.CATEGORY_SPACE],
    _re.CATEGORY_NOT_WORD: _ALL - _CATEGORIES[_re.CATEGORY_WORD],
}


def _characters(tree: Iterable[Any]) -> frozenset[int]:
    """The characters that elements may take."""
    found: frozenset[int] = frozenset()
    for op, argument in tree:
        if op is _re.LITERAL:
            found |= {min(argument, 128)}
        elif op is _re.RANGE:
            found |= frozenset(range(min(argument[0], 128), min(argument[1], 128) + 1))
        elif op is _re.CATEGORY:
            found |= _CATEGORIES[argument]
        elif op is _re.IN:
            negated = argument[0][0] is _re.NEGATE
            inside = _characters(argument[negated:])
            found |= _ALL - inside if negated else inside
        elif inner := _inner(op, argument):
            found |= frozenset().union(*(_characters(part) for part in inner))
        elif op is not _re.AT:
            return _ALL
    return found
