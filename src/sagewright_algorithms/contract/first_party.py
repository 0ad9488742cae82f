"""What the containers of AWS's own algorithms (k-means, linear learner, PCA ...) have in common besides their log.

Their hyperparameters with a leading underscore are not documented, but Python SDKs and tuning jobs send them. Their
refusals are those of a JSON schema, with a sentence for people before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright_algorithms.contract.hyperparameters import (
    Boolean,
    Categorical,
    Continuous,
    Hyperparameter,
    Integer,
    Interval,
    JsonList,
)

_HIDDEN: tuple[Hyperparameter, ...] = (
    Boolean("_disable_wait_to_read"),
    Boolean("_enable_profiler"),
    Integer("_ftp_port", range=Interval(1, 65535)),
    Categorical("_kvstore", values=("auto", "local", "device", "dist_sync", "dist_async")),
    Categorical("_log_level", values=("debug", "info", "warning", "error", "critical")),
    Integer("_num_gpus", range=Interval(0), special=("auto",)),
    Integer("_num_kv_servers", range=Interval(1), special=("auto",)),
    Integer("_num_slices", range=Interval(1)),
    Hyperparameter("_tuning_objective_metric"),
)


@dataclass(frozen=True)
class FirstParty:
    """algorithm: its name in the structured metrics. hidden: its container's undocumented defaults, by name."""

    algorithm: str
    hidden: Mapping[str, str]

    @property
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        return tuple(row for row in _HIDDEN if row.name in self.hidden)

    def defaults(self, rows: Sequence[Hyperparameter]) -> dict[str, str]:
        """The default configuration that the log shows."""
        return {row.name: row.default for row in rows if row.default is not None} | dict(self.hidden)


def schema_of(row: Hyperparameter) -> dict[str, Any]:
    """The JSON schema of a value. A number may come as text."""
    if isinstance(row, Categorical):
        return {"enum": list(row.values)}
    if isinstance(row, Integer):
        number = "[1-9][0-9]*" if (row.range.minimum or 0) >= 1 else "0|[1-9][0-9]*"
        return _either("integer", row, number)
    if isinstance(row, Continuous):
        return _either("number", row, r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?")
    if isinstance(row, JsonList):
        return {"type": "array", "items": {"enum": list(row.values)}, "minItems": 1}
    return {"type": "string"}


def _either(kind: str, row: Integer | Continuous, pattern: str) -> dict[str, Any]:
    """A number, or text that is one."""
    number: dict[str, Any] = {"type": kind}
    for name, bound, is_open in (
        ("minimum", row.range.minimum, row.range.open_minimum),
        ("maximum", row.range.maximum, row.range.open_maximum),
    ):
        if bound is not None:
            number[name] = bound
            if is_open:
                number[f"exclusive{name.capitalize()}"] = True
    return {"oneOf": [{"type": "string", "pattern": f"^({'|'.join((*row.special, pattern))})$"}, number]}


class SchemaWording:
    def missing(self, names: Sequence[str]) -> str:
        some = ", ".join(f"'{name}'" for name in names)
        return _caused(
            f"No value(s) were specified for {some} which are required hyperparameter(s)",
            f"'{names[0]}' is a required property",
        )

    def unknown(self, name: str) -> str:
        unexpected = f"are not allowed ('{name}' was unexpected)"
        return _caused(f"Additional hyperparameters {unexpected}", f"Additional properties {unexpected}")

    def unreadable(self, row: Hyperparameter, text: str) -> str:
        return _invalid(row, text)

    def outside(self, row: Hyperparameter, text: str, reason: str) -> str:
        return _invalid(row, text)


WORDING = SchemaWording()


def _invalid(row: Hyperparameter, text: str) -> str:
    schema = schema_of(row)
    begin = f"The value '{text}' is not valid for the '{row.name}' hyperparameter which"
    if "enum" in schema:
        known = ", ".join(f"'{value}'" for value in schema["enum"])
        return _caused(f"{begin} accepts one of the following: {known}", f"'{text}' is not one of {schema['enum']}")
    if "oneOf" in schema:
        text_form, number = schema["oneOf"]
        expected = f"a string which matches the pattern '{text_form['pattern']}'; or {_number(number)}"
        return _caused(
            f"{begin} expects one of the following: {expected}",
            f"'{text}' is not valid under any of the given schemas",
        )
    if "items" in schema:
        return _caused(f"{begin} expects a JSON list of {schema['items']['enum']}", f"'{text}' is not such a list")
    return _caused(f"{begin} expects a string", f"'{text}' is not of type 'string'")


def _number(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    kind = "an integer" if schema["type"] == "integer" else "a number"
    bounds = []
    if low is not None:
        bounds.append(f"greater than {'' if schema.get('exclusiveMinimum') else 'or equal to '}{low}")
    if high is not None:
        bounds.append(f"less than {'' if schema.get('exclusiveMaximum') else 'or equal to '}{high}")
    return " ".join((kind, " and ".join(bounds))).rstrip()


def _caused(summary: str, cause: str) -> str:
    return f"{summary} (caused by ValidationError)\n\nCaused by: {cause}"
