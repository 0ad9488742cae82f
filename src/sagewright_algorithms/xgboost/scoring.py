"""Predictions of a dense batch through libxgboost's C interface.

``Booster.inplace_predict`` gives the same numbers, but its checks in Python take as long as the prediction of one row
does: that is half of an endpoint's answer. https://xgboost.readthedocs.io/en/stable/c.html, XGBoosterPredictFromDense.
"""

from __future__ import annotations

import ctypes
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xgboost.core import _LIB as _LIBRARY
from xgboost.core import XGBoostError

_Shape = ctypes.POINTER(ctypes.c_uint64)
_Result = ctypes.POINTER(ctypes.c_float)


class DenseScorer:
    """One booster's predictions; safe in several threads. rounds: first and last but one, (0, 0) for all."""

    def __init__(self, booster: Any, rounds: tuple[int, int]) -> None:
        self._booster = booster  # owns the handle
        self._handle = booster.handle
        self._config = json.dumps(
            {
                "type": 0,
                "training": False,
                "iteration_begin": rounds[0],
                "iteration_end": rounds[1],
                "missing": float("nan"),
                "strict_shape": False,
                "cache_id": 0,
            }
        ).encode()

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """batch: (rows, d). (rows,), or (rows, classes) of multi:softprob. Raises XGBoostError."""
        batch = np.ascontiguousarray(batch, np.float32)
        interface = b'{"data": [%d, true], "shape": [%d, %d], "typestr": "<f4", "version": 3}' % (
            batch.__array_interface__["data"][0],
            *batch.shape,
        )
        shape, dimensions, result = _Shape(), ctypes.c_uint64(), _Result()
        failed = _LIBRARY.XGBoosterPredictFromDense(
            self._handle,
            interface,
            self._config,
            None,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(result),
        )
        if failed:
            raise XGBoostError(_LIBRARY.XGBGetLastError().decode(errors="replace"))
        sizes = shape[: dimensions.value]
        # The buffer is libxgboost's, and this thread's next prediction overwrites it: string_at copies.
        count = int(np.prod(sizes)) if len(sizes) > 1 else sizes[0]
        return np.frombuffer(ctypes.string_at(result, 4 * count), np.float32).reshape(sizes)
