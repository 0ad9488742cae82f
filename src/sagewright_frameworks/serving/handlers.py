"""The functions around a model: the user's, and the framework's defaults in the place of those that are missing.

https://sagemaker.readthedocs.io/en/stable/frameworks/pytorch/using_pytorch.html#serve-a-pytorch-model
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from sagewright_frameworks.serving.context import Context
from sagewright_frameworks.serving.encoding import UnsupportedFormatError

_PARTS = ("input_fn", "predict_fn", "output_fn")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
Function = Callable[..., Any]


class Handlers:
    """user: the user's module, None for none. defaults: a module with model_fn, input_fn, predict_fn and output_fn.

    Raises ValueError for functions that do not go together.
    """

    def __init__(self, user: ModuleType | None, defaults: ModuleType, context: Context) -> None:
        self._context = context
        self._user = user
        self._defaults = defaults
        self._transform = self._own("transform_fn")
        if self._transform is not None and any(self._own(name) for name in _PARTS):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn "
                "implementation"
            )
        self._model_fn = self._function("model_fn")
        self._input_fn, self._predict_fn, self._output_fn = map(self._function, _PARTS)
        self._model: Any = None

    def load(self, folder: Path) -> None:
        """The model, from its folder. Raises what the functions raise."""
        if before := self._own("pre_model_fn"):
            self._call(before, str(folder))
        self._model = self._call(self._model_fn, str(folder))
        if after := self._own("model_warmup_fn"):
            self._call(after, str(folder), self._model)

    def transform(self, body: Any, content_type: str, accept: str) -> Any:
        """What transform_fn or output_fn returns. Raises what the functions raise."""
        if self._transform is not None:
            return self._call(self._transform, self._model, body, content_type, accept)
        data = self._call(self._input_fn, body, content_type)
        prediction = self._call(self._predict_fn, data, self._model)
        try:
            return self._call(self._output_fn, prediction, accept)
        except UnsupportedFormatError as error:
            error.status = 406
            raise

    @property
    def last(self) -> str:
        """The name of the function whose result the answer is."""
        return "transform_fn" if self._transform is not None else "output_fn"

    def _own(self, name: str) -> Function | None:
        found: Function | None = getattr(self._user, name, None)
        return found

    def _function(self, name: str) -> Function:
        found: Function = self._own(name) or getattr(self._defaults, name)
        return found

    def _call(self, function: Function, *given: Any) -> Any:
        return function(*given, self._context) if _takes_context(function, len(given)) else function(*given)


def _takes_context(function: Function, count: int) -> bool:
    """Whether it wants one more argument than it must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # something built in
        return False
    named = [each for each in parameters if each.kind in _POSITIONAL]
    if len(named) <= count:
        return False
    extra = named[count]
    return extra.default is inspect.Parameter.empty or extra.name in ("context", "ctx")
