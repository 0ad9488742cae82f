"""https://github.com/aws/sagemaker-xgboost-container, in script mode."""

from __future__ import annotations

import io
import os
import pickle
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import ReadOptions
from sagewright_frameworks.serving.content_types import CSV, name_of
from sagewright_frameworks.serving.defaults.base import output_fn
from sagewright_frameworks.serving.encoding import UnsupportedFormatError

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]

_LIBSVM = ("text/libsvm", "text/x-libsvm")
_FORMATS = {CSV: "csv", "application/x-recordio-protobuf": "recordio-protobuf"}
_NAME = "xgboost-model"
_PICKLED = b"\x80"


def model_fn(model_dir: str) -> Any:
    """The booster that was saved as ``xgboost-model``, or as the folder's only file; pickled or in XGBoost's formats.

    Raises ValueError where there is none.
    """
    import xgboost

    file = os.path.join(model_dir, _NAME)
    if not os.path.isfile(file):
        files = [name for name in sorted(os.listdir(model_dir)) if os.path.isfile(os.path.join(model_dir, name))]
        if len(files) != 1:
            raise ValueError(f"Exactly one model file is required where there is no {_NAME}: {files}")
        file = os.path.join(model_dir, files[0])
    log.warning(f"The script has no model_fn, which AWS's container asks for; {os.path.basename(file)} is loaded.")
    with open(file, "rb") as opened:
        if opened.read(1) == _PICKLED:
            opened.seek(0)
            return pickle.load(opened)  # noqa: S301 - the user's own model
    booster = xgboost.Booster()
    booster.load_model(file)
    return booster


def input_fn(body: Any, content_type: str) -> Any:
    """A DMatrix."""
    import xgboost

    raw = body.encode() if isinstance(body, str) else body
    name = name_of(content_type)
    if name in _LIBSVM:
        return xgboost.DMatrix(_labelled(raw))
    if name not in _FORMATS:
        raise UnsupportedFormatError(content_type)
    return xgboost.DMatrix(codec(_FORMATS[name]).decode(raw))


def _labelled(body: bytes) -> Any:
    """(rows, d), sparse: libsvm as a file of training data has it, labels first and indices as they are."""
    from scipy import sparse

    blocks = [examples.features for examples in codec("libsvm").stream(io.BytesIO(body), ReadOptions())]
    width = max((block.shape[1] for block in blocks), default=0)
    for block in blocks:
        block.resize((block.shape[0], width))
    return sparse.vstack(blocks, "csr")


def predict_fn(data: Any, model: Any) -> Any:
    """model: a booster, or one of the scikit-learn interface."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    return booster.predict(data, validate_features=False)
