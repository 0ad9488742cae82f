"""https://github.com/aws/sagemaker-scikit-learn-container: as there, loading the model is left to the user."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_frameworks.serving.content_types import TEXTS, name_of
from sagewright_frameworks.serving.defaults.base import model_fn, output_fn
from sagewright_frameworks.serving.encoding import decode

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]


def input_fn(body: Any, content_type: str) -> Any:
    """An array; float32 where the body was text."""
    data = decode(body, content_type)
    return data.astype(np.float32) if name_of(content_type) in TEXTS else data


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)
