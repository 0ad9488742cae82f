"""The default functions as methods, to be derived from."""

from __future__ import annotations

from typing import Any

from sagewright_frameworks.serving.defaults import base


class DefaultInferenceHandler:
    """Of no framework in particular."""

    def default_model_fn(self, model_dir: str, context: Any = None) -> Any:
        return base.model_fn(model_dir)

    def default_input_fn(self, input_data: Any, content_type: str, context: Any = None) -> Any:
        return base.input_fn(input_data, content_type)

    def default_predict_fn(self, data: Any, model: Any, context: Any = None) -> Any:
        return base.predict_fn(data, model)

    def default_output_fn(self, prediction: Any, accept: str, context: Any = None) -> Any:
        return base.output_fn(prediction, accept)
