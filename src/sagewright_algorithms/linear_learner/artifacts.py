"""``model_algo-1``: a zip of MXNet's files, as AWS's container leaves it.

``mx-mod-symbol.json`` and ``mx-mod-0000.params`` are what ``mx.module.Module.load("mx-mod", 0, label_names=
["out_label"])`` reads: the weights ``fc0_weight`` (classes, d) and ``fc0_bias`` (classes,) for features as they come.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import FormatError

Array = NDArray[Any]

NAME = "model_algo-1"
_PARAMS, _SYMBOL, _MANIFEST, _ADDITIONAL = (
    "mx-mod-0000.params",
    "mx-mod-symbol.json",
    "manifest.json",
    "additional-params.json",
)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of a zip's members, so that the same model is the same file."""
_OUTPUTS = {
    "regressor": "LinearRegressionOutput",
    "binary_classifier": "LogisticRegressionOutput",
    "multiclass_classifier": "SoftmaxOutput",
}


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """weights: (d, classes) float32, of raw features. bias: (classes,). threshold: of a binary model's raw scores."""

    kind: str
    loss: str
    threshold: float
    weights: Array
    bias: Array


def write(model_dir: Path, model: Artifact) -> None:
    additional = {"predictor_type": model.kind, "loss": model.loss, "threshold": model.threshold}
    files = {
        _ADDITIONAL: json.dumps(additional).encode(),
        _MANIFEST: json.dumps({"symbol": _SYMBOL, "params": _PARAMS, "additional_params": _ADDITIONAL}).encode(),
        _SYMBOL: json.dumps(_symbol(_output(model), len(model.bias)), indent=2).encode(),
        _PARAMS: ndarrays.encode({"arg:fc0_weight": np.ascontiguousarray(model.weights.T), "arg:fc0_bias": model.bias}),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), data)
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    part.write_bytes(content.getvalue())
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Artifact:
    """Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        with zipfile.ZipFile(path) as archive:
            additional = json.loads(archive.read(_ADDITIONAL))
            arrays = ndarrays.decode(archive.read(_PARAMS))
        return Artifact(
            str(additional["predictor_type"]),
            str(additional["loss"]),
            float(additional["threshold"]),
            np.ascontiguousarray(arrays["arg:fc0_weight"].T),
            arrays["arg:fc0_bias"],
        )
    except (zipfile.BadZipFile, KeyError, ValueError, FormatError) as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error


def _output(model: Artifact) -> str:
    return "LinearRegressionOutput" if model.loss == "hinge_loss" else _OUTPUTS[model.kind]


def _symbol(output: str, classes: int) -> dict[str, Any]:
    """data -> fully connected layer fc0 -> out, whose label is out_label."""
    layer = {"num_hidden": str(classes), "no_bias": "False"}
    nodes: list[dict[str, Any]] = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "null", "name": "fc0_weight", "attrs": layer, "inputs": []},
        {"op": "null", "name": "fc0_bias", "attrs": layer, "inputs": []},
        {"op": "FullyConnected", "name": "fc0", "attrs": layer, "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]},
        {"op": "null", "name": "out_label", "inputs": []},
        {"op": output, "name": "out", "inputs": [[3, 0, 0], [4, 0, 0]]},
    ]
    return {
        "nodes": nodes,
        "arg_nodes": [0, 1, 2, 4],
        "node_row_ptr": list(range(len(nodes) + 1)),
        "heads": [[5, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10300]},
    }
