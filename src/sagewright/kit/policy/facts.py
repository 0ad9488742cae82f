"""What is known of a request: the values of condition keys, and the policy variables that name them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sagewright.kit.policy.wildcards import tokens

Facts = Mapping[str, tuple[str, ...]]
"""Values by condition key in lower case. A key that is not there is not known."""

_LITERAL = ("*", "?", "$")


def facts(values: Mapping[str, str | bool | int | float | Iterable[str] | None]) -> Facts:
    """From values of any of those types; None leaves a key out."""
    return {name.lower(): _texts(value) for name, value in values.items() if value is not None}


def _texts(value: str | bool | int | float | Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str | int | float):
        return (str(value),)
    return tuple(value)


def expand(text: str, known: Facts, *, wild: bool) -> list[str] | None:
    """The tokens of a text with its variables replaced, None where one has no single value.

    wild: whether ``*`` and ``?`` outside variables match; what a variable stands for never does.
    """
    found: list[str] = []
    plain, marker, rest = text.partition("${")
    found += tokens(plain) if wild else plain
    while marker:
        name, closing, after = rest.partition("}")
        value = _value(name, known) if closing else f"{marker}{name}"
        if value is None:
            return None
        found += value
        plain, marker, rest = after.partition("${")
        found += tokens(plain) if wild else plain
    return found


def variables(text: str) -> Iterable[str]:
    """Names of condition keys that a text's variables use."""
    for part in text.split("${")[1:]:
        name = part.partition("}")[0].partition(",")[0].strip()
        if name not in _LITERAL:
            yield name


def _value(name: str, known: Facts) -> str | None:
    if name in _LITERAL:
        return name
    name, comma, default = name.partition(",")
    values = known.get(name.strip().lower(), ())
    if len(values) == 1:
        return values[0]
    default = default.strip()
    quoted = len(default) > 1 and default[0] == default[-1] == "'"
    return default[1:-1] if comma and quoted else None
