"""Ranges of hyperparameters as Optuna's distributions, and values as the strings training jobs get.

Scaling types:
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_WIDE = 100.0
"""Upper over lower bound from which ``Auto`` means ``Logarithmic``."""


@dataclass(frozen=True, slots=True)
class Range:
    """One hyperparameter's.

    kind: ``integer``, ``continuous`` or ``categorical``. low, high: inclusive. values: of a categorical one.
    scaling: ``Auto``, ``Linear``, ``Logarithmic`` or ``ReverseLogarithmic`` (log of 1 - x, for ranges within [0, 1)).
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    values: tuple[str, ...] = ()
    scaling: str = "Auto"

    @property
    def reverse(self) -> bool:
        return self.scaling == "ReverseLogarithmic"

    @property
    def logarithmic(self) -> bool:
        if self.scaling == "Auto":
            return self.low > 0 and self.high >= _WIDE * self.low
        return self.scaling in ("Logarithmic", "ReverseLogarithmic")

    def distribution(self) -> BaseDistribution:
        """What Optuna samples; of a reversed range 1 - x."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.kind == "categorical":
            return CategoricalDistribution(self.values)
        if self.kind == "integer":
            return IntDistribution(int(self.low), int(self.high), log=self.logarithmic)
        if self.reverse:
            return FloatDistribution(1 - self.high, 1 - self.low, log=True)
        return FloatDistribution(self.low, self.high, log=self.logarithmic)

    def inside(self, text: str) -> Any:
        """A training job's value as Optuna has it, within the range. Raises ValueError where it is not."""
        if self.kind == "categorical":
            if text not in self.values:
                raise ValueError(f"{self.name}: {text!r} is not one of its values")
            return text
        value = float(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name}: {text} is outside of {self.low} to {self.high}")
        if self.kind == "integer":
            return int(value)
        return min(max(1 - value, 1 - self.high), 1 - self.low) if self.reverse else value

    def outside(self, value: Any) -> str:
        """What Optuna sampled as a training job gets it."""
        if self.kind == "categorical":
            return str(value)
        if self.kind == "integer":
            return str(int(value))
        number = 1 - float(value) if self.reverse else float(value)
        return repr(min(max(number, self.low), self.high))


def space(documents: Iterable[Mapping[str, Any]]) -> list[Range]:
    """From ``{"name", "kind", "low", "high", "values", "scaling"}``, as a request has them."""
    return [Range(**{**document, "values": tuple(document.get("values", ()))}) for document in documents]
