"""Hyperparameters as data: each row parses, checks and describes itself.

Values travel as strings. Error texts are those of AWS's algorithm toolkit (``sagemaker_algorithm_toolkit`` in
aws/sagemaker-xgboost-container) unless an algorithm has others; the description is a HyperParameterSpecification of the
CreateAlgorithm API.
"""

from __future__ import annotations

import ast
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sagewright_algorithms.contract.errors import ClientError

Rule = Callable[[Mapping[str, Any]], None]
"""Checks hyperparameters against each other; gets the parsed values and raises ClientError."""

_INTEGER_BOUND = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers; None is unbounded, and an open end excludes its bound. NaN is in none."""

    minimum: float | None = None
    maximum: float | None = None
    open_minimum: bool = False
    open_maximum: bool = False

    def __contains__(self, value: float) -> bool:
        if math.isnan(value):
            return False
        low, high = self.minimum, self.maximum
        above = low is None or value > low or (value == low and not self.open_minimum)
        below = high is None or value < high or (value == high and not self.open_maximum)
        return above and below

    def __str__(self) -> str:
        low = "(-inf" if self.minimum is None else f"{'(' if self.open_minimum else '['}{self.minimum}"
        high = "+inf)" if self.maximum is None else f"{self.maximum}{')' if self.open_maximum else ']'}"
        return f"{low}, {high}"

    def describe(self, unbounded: float) -> dict[str, str]:
        """unbounded: what the API shows for the side without a bound."""
        low = -unbounded if self.minimum is None else self.minimum
        high = unbounded if self.maximum is None else self.maximum
        return {"MinValue": str(low), "MaxValue": str(high)}


@dataclass(frozen=True, slots=True)
class Tunable:
    """The range that AWS recommends to a tuning job."""

    minimum: float
    maximum: float
    scale: str = "Linear"


@dataclass(frozen=True)
class Hyperparameter:
    """One row: free text, and the base of the typed rows.

    default: what an unset value means, for documentation; nothing is filled in. aliases: other names it goes by.
    """

    name: str
    description: str = ""
    required: bool = False
    default: str | None = None
    aliases: tuple[str, ...] = ()
    tunable: Tunable | None = None

    type = "FreeText"

    def parse(self, text: str) -> Any:
        """Raises ValueError."""
        return text

    def check(self, value: Any) -> None:
        """Raises ClientError where the value is out of range."""

    def describe_range(self) -> dict[str, Any]:
        return {}

    def describe(self) -> dict[str, Any]:
        """A HyperParameterSpecification."""
        described: dict[str, Any] = {
            "Name": self.name,
            "Description": self.description or self.name,
            "Type": self.type,
            "IsTunable": self.tunable is not None,
            "IsRequired": self.required,
        }
        if span := self.describe_range():
            described["Range"] = span
        if self.default is not None:
            described["DefaultValue"] = self.default
        return described


@dataclass(frozen=True)
class _Number(Hyperparameter):
    """special: words allowed besides the range, such as ``auto``; they stay text."""

    range: Interval = Interval()
    special: tuple[str, ...] = ()

    def check(self, value: Any) -> None:
        if value not in self.special and value not in self.range:
            raise ClientError(f"Hyperparameter {self.name}: {value} is not in {self.range}")

    def describe(self) -> dict[str, Any]:
        """With Words, which the API has no place for, where there are any."""
        return {**super().describe(), **({"Words": list(self.special)} if self.special else {})}


@dataclass(frozen=True)
class Integer(_Number):
    type = "Integer"

    def parse(self, text: str) -> Any:
        return text if text in self.special else int(text)

    def describe_range(self) -> dict[str, Any]:
        span = self.range.describe(_INTEGER_BOUND)
        return {"IntegerParameterRangeSpecification": {end: str(int(float(bound))) for end, bound in span.items()}}


@dataclass(frozen=True)
class Continuous(_Number):
    type = "Continuous"

    def parse(self, text: str) -> Any:
        return text if text in self.special else float(text)

    def describe_range(self) -> dict[str, Any]:
        return {"ContinuousParameterRangeSpecification": self.range.describe(sys.float_info.max)}


@dataclass(frozen=True)
class Categorical(Hyperparameter):
    values: tuple[str, ...] = ()

    type = "Categorical"

    def check(self, value: Any) -> None:
        if value not in self.values:
            raise ClientError(f"Hyperparameter {self.name}: {value} is not in {list(self.values)}")

    def describe_range(self) -> dict[str, Any]:
        return {"CategoricalParameterRangeSpecification": {"Values": list(self.values)}}


@dataclass(frozen=True)
class Boolean(Categorical):
    """``true`` or ``false``; the Python SDK writes ``True`` and ``False``."""

    values: tuple[str, ...] = ("true", "false")

    def parse(self, text: str) -> str:
        return text.lower()


@dataclass(frozen=True)
class CommaList(Hyperparameter):
    """``a,b``: names separated by commas. values: the names allowed; empty where a rule checks them."""

    values: tuple[str, ...] = ()

    def parse(self, text: str) -> list[str]:
        return [part.strip() for part in text.split(",")]

    def check(self, value: Any) -> None:
        _check_members(self.name, value, value, self.values)


@dataclass(frozen=True)
class JsonList(Hyperparameter):
    """``["a", "b"]``: names in JSON, at least one. values: the names allowed."""

    values: tuple[str, ...] = ()

    def parse(self, text: str) -> list[str]:
        value = json.loads(text)
        if not isinstance(value, list) or not value:
            raise ValueError(f"{text} is not a list of names")
        return value

    def check(self, value: Any) -> None:
        _check_members(self.name, value, value, self.values)


@dataclass(frozen=True)
class IntegerTuple(Hyperparameter):
    """``(1,0,-1)``: a Python tuple of integers."""

    values: tuple[int, ...] = ()

    def parse(self, text: str) -> tuple[int, ...]:
        value = _literal(text)
        return tuple(value) if isinstance(value, tuple | list) else (value,)

    def check(self, value: Any) -> None:
        _check_members(self.name, value, value, self.values)


@dataclass(frozen=True)
class NestedList(Hyperparameter):
    """``[[1,2],[3,4]]``: lists of integers in a list."""

    range: Interval = Interval()

    def parse(self, text: str) -> list[list[int]]:
        value = _literal(text)
        if not isinstance(value, list) or not all(isinstance(inner, list) for inner in value):
            raise ValueError(f"{text} is not a list of lists")
        if not all(isinstance(member, int) for inner in value for member in inner):
            raise ValueError(f"{text} holds something other than integers")
        return value

    def check(self, value: Any) -> None:
        for inner in value:
            if any(member not in self.range for member in inner):
                raise ClientError(f"Hyperparameter {self.name}: value {value} not in range {self.range}")


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _check_members(name: str, value: Any, members: Iterable[Any], allowed: Sequence[Any]) -> None:
    if allowed and any(member not in allowed for member in members):
        raise ClientError(f"Hyperparameter {name}: value {value} not in range {list(allowed)}")


class Wording(Protocol):
    """How a container says what is wrong with its hyperparameters."""

    def missing(self, names: Sequence[str]) -> str: ...

    def unknown(self, name: str) -> str: ...

    def unreadable(self, row: Hyperparameter, text: str) -> str: ...

    def outside(self, row: Hyperparameter, text: str, reason: str) -> str:
        """reason: what the row's check says."""


class ToolkitWording:
    def missing(self, names: Sequence[str]) -> str:
        return f"Missing required hyperparameter: {names[0]}"

    def unknown(self, name: str) -> str:
        return f"Extraneous hyperparameter found: {name}"

    def unreadable(self, row: Hyperparameter, text: str) -> str:
        return f"Hyperparameter {row.name}: could not parse value (caused by ValueError)"

    def outside(self, row: Hyperparameter, text: str, reason: str) -> str:
        return reason


TOOLKIT = ToolkitWording()


def validate(
    rows: Sequence[Hyperparameter], rules: Iterable[Rule], given: Mapping[str, Any], wording: Wording = TOOLKIT
) -> dict[str, Any]:
    """The parsed values of the hyperparameters given, by name (aliases resolved).

    Raises ClientError, which names the hyperparameter.
    """
    by_name = {row.name: row for row in rows}
    names = {alias: row.name for row in rows for alias in row.aliases}
    texts = {names.get(name, name): _text(value) for name, value in given.items()}
    if missing := [row.name for row in rows if row.required and row.name not in texts]:
        raise ClientError(wording.missing(missing))
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in by_name:
            raise ClientError(wording.unknown(name))
        try:
            values[name] = by_name[name].parse(text)
        except ValueError:
            raise ClientError(wording.unreadable(by_name[name], text)) from None
    for name, value in values.items():
        try:
            by_name[name].check(value)
        except ClientError as error:
            raise ClientError(wording.outside(by_name[name], texts[name], error.args[0])) from None
    for rule in rules:
        rule(values)
    return values


def _text(value: Any) -> str:
    """The API has strings only; local runs may write JSON numbers and booleans into hyperparameters.json."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)
