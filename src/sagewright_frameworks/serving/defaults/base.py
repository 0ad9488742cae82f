"""Of no framework in particular: bodies are read and written, the model is the user's affair."""

from __future__ import annotations

from typing import Any

from sagewright_frameworks.serving.encoding import decode, encode_first

_SEE = "See documentation for {0} at https://sagemaker.readthedocs.io/en/stable/"


def model_fn(model_dir: str) -> Any:
    raise NotImplementedError(f"Please provide a model_fn implementation. {_SEE.format('model_fn')}")


def input_fn(body: Any, content_type: str) -> Any:
    return decode(body, content_type)


def predict_fn(data: Any, model: Any) -> Any:
    raise NotImplementedError(f"Please provide a predict_fn implementation. {_SEE.format('predict_fn')}")


def output_fn(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    return encode_first(prediction, accept)
