"""A SearchExpression as a function of a record.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchExpression.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.search.properties import Property, find_property, nested_shape

if TYPE_CHECKING:
    from botocore.model import Shape

Predicate = Callable[[Any], bool]

MOST_CONDITIONS = 50
"""Filters, NestedFilters and SubExpressions of one SearchExpression, however deep."""

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def predicate(shape: Shape, expression: Mapping[str, Any]) -> Predicate:
    """Whether a record satisfies an expression. Raises AwsError for an expression that AWS would refuse."""
    conditions = list(_conditions(expression))
    if len(conditions) > MOST_CONDITIONS:
        raise _too_many()
    if sum(condition.get("Operator") == "Contains" for condition in conditions) > 1:
        raise AwsError("ValidationException", "'CONTAINS' operator usage limit of 1 exceeded.")
    return _expression(shape, expression)


def names(expression: Mapping[str, Any]) -> Iterator[str]:
    """The properties an expression names."""
    for condition in _conditions(expression):
        name = condition.get("Name") or condition.get("NestedPropertyName")
        if name:
            yield name


def _conditions(expression: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > MOST_CONDITIONS:
        raise _too_many()
    yield from expression.get("Filters", ())
    for nested in expression.get("NestedFilters", ()):
        yield nested
        yield from nested["Filters"]
    for inner in expression.get("SubExpressions", ()):
        yield inner
        yield from _conditions(inner, depth + 1)


def _too_many() -> AwsError:
    return AwsError(
        "ValidationException",
        f"A SearchExpression cannot have more than {MOST_CONDITIONS} Filters, NestedFilters and SubExpressions.",
    )


def _expression(shape: Shape, expression: Mapping[str, Any]) -> Predicate:
    parts = [
        *(_filter(shape, each) for each in expression.get("Filters", ())),
        *(_nested(shape, each) for each in expression.get("NestedFilters", ())),
        *(_expression(shape, each) for each in expression.get("SubExpressions", ())),
    ]
    if not parts:
        raise AwsError(
            "ValidationException", "A SearchExpression must have at least one Filter, NestedFilter or SubExpression."
        )
    return _either(parts) if expression.get("Operator") == "Or" else _all(parts)


def _all(parts: Iterable[Predicate]) -> Predicate:
    parts = tuple(parts)
    return lambda record: all(part(record) for part in parts)


def _either(parts: Iterable[Predicate]) -> Predicate:
    parts = tuple(parts)
    return lambda record: any(part(record) for part in parts)


def _nested(shape: Shape, described: Mapping[str, Any]) -> Predicate:
    """One and the same element of a list satisfies all filters. Their names may begin with the list's."""
    name = described["NestedPropertyName"]
    inner, elements = nested_shape(shape, name)
    filters = [{**each, "Name": each["Name"].removeprefix(f"{name}.")} for each in described["Filters"]]
    every = _all([_filter(inner, each) for each in filters])
    return lambda record: any(every(element) for element in elements(record))


def _filter(shape: Shape, described: Mapping[str, Any]) -> Predicate:
    """Several values of a property: one that satisfies the filter is enough; NotEquals wants none to be equal."""
    found = find_property(shape, described["Name"])
    value = described.get("Value")
    how = described.get("Operator") or ("Exists" if value is None else "Equals")
    values = found.values
    if how in ("Exists", "NotExists"):
        wanted = how == "Exists"
        return lambda record: (next(values(record), None) is not None) == wanted
    if value is None:
        raise AwsError("ValidationException", f"Filter {found.name}: the operator {how} needs a Value.")
    if found.kind == "structure":
        raise AwsError("ValidationException", f"Property {found.name} holds other properties: name one of them.")
    if how == "NotEquals":
        equal = _test(found, "Equals", value)
        return lambda record: not any(equal(each) for each in values(record))
    test = _test(found, how, value)
    return lambda record: any(test(each) for each in values(record))


def _test(found: Property, how: str, value: str) -> Callable[[Any], bool]:
    textual = found.kind in ("text", "any")
    if how in ("Contains", "In") and not textual:
        raise _unsupported(found, how)
    if how == "Contains":
        return lambda each: value in str(each)
    if how == "In":
        several = frozenset(part.strip() for part in value.split(","))
        return lambda each: str(each) in several
    if found.kind == "any":
        return _loose(found, how, value)
    if how == "Equals":
        wanted = _parsed(found, value)
        return lambda each: bool(each == wanted)
    if found.kind in ("text", "boolean"):
        raise _unsupported(found, how)
    compare, bound = _ORDERS[how], _parsed(found, value)
    return lambda each: compare(each, bound)


def _unsupported(found: Property, how: str) -> AwsError:
    return AwsError(
        "ValidationException", f"Operator {how} is not supported for the {found.kind} property {found.name}."
    )


def _loose(found: Property, how: str, value: str) -> Callable[[Any], bool]:
    """Text that may stand for numbers: where the Value is an integer, decimals are cut to integers."""
    number = as_number(value)
    if number is None:
        if how != "Equals":
            raise _unsupported(Property(found.name, "text", found.values), how)
        return lambda each: bool(each == value)
    compare: Callable[[Any, Any], bool] = _ORDERS.get(how, operator.eq)
    whole = value.strip().lstrip("+-").isdigit()

    def test(each: Any) -> bool:
        have = as_number(each)
        if have is None:
            return False
        return compare(math.trunc(have) if whole and math.isfinite(have) else have, number)

    return test


def as_number(text: Any) -> float | None:
    """None for what is no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _parsed(found: Property, value: str) -> Any:
    """A filter's Value as values of the property are. Raises AwsError."""
    if found.kind == "text":
        return value
    if found.kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    parsed = {"number": as_number, "time": _as_time}.get(found.kind, lambda text: None)(value)
    if parsed is None:
        raise AwsError("ValidationException", f"Filter {found.name}: {value} is not a {found.kind}.")
    return parsed


def _as_time(text: str) -> float | None:
    """Epoch seconds of an ISO 8601 time, UTC where it says nothing else, or of epoch seconds."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return as_number(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
