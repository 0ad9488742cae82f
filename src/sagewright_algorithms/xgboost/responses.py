"""What a response holds: scores, or what SAGEMAKER_INFERENCE_OUTPUT selects; printed as AWS's container does.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html; the keys are those of selectable inference content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns

Array = NDArray[Any]

_REGRESSION = ("reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie")
_RAW = ("predicted_label", "labels", "raw_score", "raw_scores")
_ALL = ("predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores")
_KEYS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(_REGRESSION, ("predicted_score",)),
    "binary:logistic": _ALL,
    "binary:logitraw": _RAW,
    "binary:hinge": _RAW,
    "multi:softmax": _RAW,
    "multi:softprob": _ALL,
}
_FIRST_VERSION = (0, 72)


@dataclass(frozen=True, slots=True)
class Response:
    """selected: keys in the order asked for; none for plain scores. batch: a transform job. joined: version 0.72."""

    objective: str
    classes: int
    selected: tuple[str, ...] = ()
    batch: bool = False
    joined: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], objective: str, classes: int) -> Response:
        text = environ.get("SAGEMAKER_INFERENCE_OUTPUT", "")
        return cls(
            objective,
            classes,
            selected=tuple(text.replace(" ", "").lower().split(",")) if text.strip() else (),
            batch=bool(environ.get("SAGEMAKER_BATCH")),
            joined=Environment.of_process(environ).version == _FIRST_VERSION,
        )

    def columns(self, scores: Array) -> Columns:
        """scores: (rows,) or (rows, classes). Raises RequestError where the objective has nothing to select."""
        if not self.selected:
            return {"score": scores}
        if self.objective not in _KEYS:
            raise RequestError(500, f"Objective `{self.objective}` unsupported for selectable inference predictions.")
        allowed = _KEYS[self.objective]
        nothing = np.full(len(scores), np.nan)
        return {key: self._column(key, scores) if key in allowed else nothing for key in self.selected}

    def _column(self, key: str, scores: Array) -> Array:
        makers: Mapping[str, Callable[[Array], Array]] = {
            "predicted_score": np.asarray,
            "predicted_label": self._label,
            "labels": self._labels,
            "probability": _top,
            "raw_score": _top,
            "probabilities": _both,
            "raw_scores": _both,
        }
        return makers[key](scores)

    def _label(self, scores: Array) -> Array:
        if scores.ndim > 1:
            labels: Array = scores.argmax(axis=1)
            return labels
        if self.objective in ("binary:hinge", "multi:softmax"):
            return scores
        return (scores > (0.5 if self.objective == "binary:logistic" else 0)).astype(int)

    def _labels(self, scores: Array) -> Array:
        return np.tile(np.arange(self.classes if self.objective.startswith("multi:") else 2), (len(scores), 1))

    def encode(self, columns: Columns, accept: str) -> bytes:
        if not self.selected and self.batch:
            # The container answers a transform job in this form whatever it accepts.
            return ("\n".join(map(str, columns["score"].tolist())) + "\n").encode()
        return _ENCODERS[accept](self, columns)

    def _csv(self, columns: Columns) -> bytes:
        if not self.selected:
            text: bytes = codec("csv").encode(columns)
            return text.rstrip(b"\n").replace(b"\n", b",") if self.joined else text
        lists = [column.tolist() for column in columns.values()]
        lines = (",".join(map(_cell, row)) for row in zip(*lists, strict=True))
        return ("\n".join(lines) + ("\n" if self.batch else "")).encode()


def _top(scores: Array) -> Array:
    best: Array = scores.max(axis=1) if scores.ndim > 1 else scores
    return best


def _both(scores: Array) -> Array:
    """Of a binary objective the second class's score is given; the first's is one less it."""
    if scores.ndim > 1:
        return scores
    wide = scores.astype(np.float64)
    return np.column_stack([1.0 - wide, wide])


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)


def _by_codec(name: str, response: Response, columns: Columns) -> bytes:
    encoded: bytes = codec(name).encode(columns)
    return encoded


_ENCODERS: Mapping[str, Callable[[Response, Columns], bytes]] = {
    "text/csv": Response._csv,
    "application/json": partial(_by_codec, "json"),
    "application/jsonlines": partial(_by_codec, "jsonlines"),
    "application/x-recordio-protobuf": partial(_by_codec, "recordio-protobuf"),
}
