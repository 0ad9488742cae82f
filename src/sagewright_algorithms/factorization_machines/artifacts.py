"""``model_algo-1``: a zip of MXNet's files, as AWS's container leaves it.

``symbol.json`` and ``params`` are what ``mx.module.Module.load`` reads once they are called ``model-symbol.json`` and
``model-0000.params``: ``v`` (d, k), ``w1_weight`` (d, 1) and ``w0_weight`` (1, 1). ``meta.json`` has the job's values.
Models of AWS's first years are read too: ``v`` (k, d), ``Linear_Plus_Bias_weight`` (1, d) and ``Linear_Plus_Bias_bias``
(1,).
https://aws.amazon.com/blogs/machine-learning/extending-amazon-sagemaker-factorization-machines-algorithm-to-predict-top-x-recommendations/
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.symbol import symbol
from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import FormatError

NAME = "model_algo-1"
_PARAMS, _SYMBOL, _META = "params", "symbol.json", "meta.json"
_ARRAYS = {"bias": "arg:w0_weight", "linear": "arg:w1_weight", "factors": "arg:v"}
_OLD_ARRAYS = {"bias": "arg:Linear_Plus_Bias_bias", "linear": "arg:Linear_Plus_Bias_weight", "factors": "arg:v"}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of a zip's members, so that the same model is the same file."""
_KINDS = ("binary_classifier", "regressor")


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


@dataclass(frozen=True, slots=True)
class Artifact:
    kind: str
    parameters: Parameters


def write(model_dir: Path, model: Artifact) -> None:
    width, factors = model.parameters.factors.shape
    meta = {"training_parameters": {"predictor_type": model.kind, "feature_dim": width, "num_factors": factors}}
    arrays = {_ARRAYS[name]: array for name, array in model.parameters._asdict().items()}
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    with zipfile.ZipFile(part, "w") as archive:
        for name, data in (
            (_SYMBOL, json.dumps(symbol(model.kind, width, factors), indent=2).encode()),
            (_PARAMS, ndarrays.encode(arrays)),
            (_META, json.dumps(meta).encode()),
        ):
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), data)
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Artifact:
    """Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        with zipfile.ZipFile(path) as archive:
            meta = json.loads(archive.read(_META))
            arrays = ndarrays.decode(archive.read(_PARAMS))
        return _artifact(meta, arrays)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, FormatError) as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error


def _artifact(meta: Any, arrays: Mapping[str, NDArray[Any]]) -> Artifact:
    """Raises KeyError, TypeError and ValueError where the parts do not fit together."""
    given = meta["training_parameters"]
    width, factors = int(given["feature_dim"]), int(given["num_factors"])
    parameters = _old(arrays) if _OLD_ARRAYS["linear"] in arrays else _of(arrays, _ARRAYS)
    if [array.shape for array in parameters] != [(1, 1), (width, 1), (width, factors)]:
        raise ValueError("its arrays do not fit together")
    if given["predictor_type"] not in _KINDS:
        raise ValueError(f"there is no predictor_type {given['predictor_type']}")
    return Artifact(given["predictor_type"], parameters)


def _of(arrays: Mapping[str, NDArray[Any]], names: Mapping[str, str]) -> Parameters:
    return Parameters(**{name: np.ascontiguousarray(arrays[key], np.float32) for name, key in names.items()})


def _old(arrays: Mapping[str, NDArray[Any]]) -> Parameters:
    bias, linear, factors = (np.atleast_2d(array).T for array in _of(arrays, _OLD_ARRAYS))
    return Parameters(bias, linear, np.ascontiguousarray(factors))
