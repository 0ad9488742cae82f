"""The hyperparameters a tuning job varies: what AWS takes for them, and how the optimiser is told of them.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoParameter.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.core.errors import AwsError

_KINDS = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}
_AUTO_SPREAD = 10.0
"""An automatic range reaches from the hint over this to the hint times this."""


def check(ranges: Mapping[str, Any], static: Mapping[str, str]) -> None:
    """Raises AwsError for ranges that cross or exceed their numbers, and names that are there twice."""
    names = list(_names(ranges))
    if not names:
        raise AwsError("ValidationException", "At least one hyperparameter range or AutoParameter must be given.")
    if len(names) > _MOST:
        raise AwsError(
            "ResourceLimitExceeded", f"At most {_MOST} hyperparameters can be tuned at once; there are {len(names)}."
        )
    for name in names:
        if names.count(name) > 1:
            raise AwsError("ValidationException", f"The hyperparameter {name} has more than one range.")
        if name in static:
            raise AwsError("ValidationException", f"The hyperparameter {name} is both static and tuned.")
    for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
        for each in ranges.get(kind, ()):
            _check_bounds(each, integer=kind.startswith("Integer"))
    for each in ranges.get("CategoricalParameterRanges", ()):
        if len(set(each["Values"])) < len(each["Values"]):
            raise AwsError("ValidationException", f"The values of the hyperparameter {each['Name']} must be distinct.")


_MOST = 30
"""https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html"""


def _names(ranges: Mapping[str, Any]) -> Iterator[str]:
    for kind in (*_KINDS, "AutoParameters"):
        yield from (each["Name"] for each in ranges.get(kind, ()))


def _check_bounds(each: Mapping[str, str], *, integer: bool) -> None:
    name, scaling = each["Name"], each.get("ScalingType", "Auto")
    low, high = (_number(name, each[member], integer=integer) for member in ("MinValue", "MaxValue"))
    if low > high:
        raise AwsError(
            "ValidationException",
            f"The MinValue {each['MinValue']} of the hyperparameter {name} is above its MaxValue {each['MaxValue']}.",
        )
    if scaling == "Logarithmic" and low <= 0:
        raise AwsError(
            "ValidationException",
            f"The hyperparameter {name} has Logarithmic scaling, which is for values above 0; "
            f"its MinValue is {each['MinValue']}.",
        )
    if scaling == "ReverseLogarithmic" and (integer or low < 0 or high >= 1):
        raise AwsError(
            "ValidationException",
            f"The hyperparameter {name} has ReverseLogarithmic scaling, which is for continuous "
            "ranges within 0 <= x < 1.",
        )


def _number(name: str, text: str, *, integer: bool) -> float:
    try:
        value = float(int(text)) if integer else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = "an integer" if integer else "a number"
        raise AwsError("ValidationException", f"The bound {text} of the hyperparameter {name} is not {what}.")
    return value


def size(ranges: Mapping[str, Any]) -> int:
    """How many points a grid has."""
    return math.prod(len(each["Values"]) for each in ranges.get("CategoricalParameterRanges", ()))


def only_categorical(ranges: Mapping[str, Any]) -> bool:
    return not any(
        ranges.get(kind) for kind in ("IntegerParameterRanges", "ContinuousParameterRanges", "AutoParameters")
    )


def described(ranges: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As the optimiser takes them."""
    found: list[dict[str, Any]] = []
    for member, kind in _KINDS.items():
        for each in ranges.get(member, ()):
            if kind == "categorical":
                found.append({"name": each["Name"], "kind": kind, "values": list(each["Values"])})
                continue
            bounds = {"low": float(each["MinValue"]), "high": float(each["MaxValue"])}
            found.append({"name": each["Name"], "kind": kind, **bounds, "scaling": each.get("ScalingType", "Auto")})
    return [*found, *(_automatic(each["Name"], each["ValueHint"]) for each in ranges.get("AutoParameters", ()))]


def _automatic(name: str, hint: str) -> dict[str, Any]:
    """A range around the hint: AWS says only that it depends on the hint, not how."""
    try:
        value = float(hint)
    except ValueError:
        return {"name": name, "kind": "categorical", "values": [hint]}
    if not math.isfinite(value):
        return {"name": name, "kind": "categorical", "values": [hint]}
    ends = sorted((value / _AUTO_SPREAD, value * _AUTO_SPREAD)) if value else [0.0, 1.0]
    if hint.strip().lstrip("+-").isdigit():
        low = math.ceil(ends[0]) if value <= 0 else max(1, math.floor(ends[0]))
        return {"name": name, "kind": "integer", "low": low, "high": math.ceil(ends[1]), "scaling": "Auto"}
    return {"name": name, "kind": "continuous", "low": ends[0], "high": ends[1], "scaling": "Auto"}
