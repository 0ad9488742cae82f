"""What `sagewright run` puts into Python children: the SageMaker SDK's pauses between polls become short.

The SDK sleeps 5 to 30 seconds between two looks at a job or endpoint, and while it prints a job's log it asks for the
job's status at most every 30 seconds. Against a server on the same machine that is most of the waiting time. When one
of the modules in ``_MODULES`` is imported, its own reference to the ``time`` module, and nothing else, is replaced:

    time.sleep(seconds)          lasts at most 0.2 seconds
    time.time() - time.time()    in the modules that count the 30 seconds so (``_LOOKS``), is 60 times what has
                                 passed; a single time.time(), and so a deadline, stays true

Modules that count their time-out in pauses (``sagemaker.local``) are left alone. `sagewright run --keep-pauses` does
without this file. It then hands over to the next ``sitecustomize`` on the path, if there is one.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder

_LONGEST = 0.2
"""Seconds."""
_SPEED = 60.0

_LOOKS = frozenset(
    {
        "sagemaker.session",
        "sagemaker.core.helper.session_helper",
        "sagemaker.core.processing",
        "sagemaker.core.remote_function.job",
        "sagemaker.core.transformer",
    }
)
_MODULES = _LOOKS | {
    "sagemaker.core.resources",
    "sagemaker.train.common_utils.job_wait",
    "sagemaker.train.common_utils.log_streamer",
    "sagemaker.train.common_utils.trainer_wait",
    "sagemaker_core.main.logs",
    "sagemaker_core.main.resources",
}
"""SDK v2 (sagemaker, sagemaker_core) and v3 (sagemaker.core, sagemaker.train)."""


class _Moment(float):
    """A time.time() from which another one is far."""

    __slots__ = ()

    def __sub__(self, other: float) -> float:
        difference = float(self) - other
        return difference * _SPEED if isinstance(other, _Moment) else difference


class _Time(types.ModuleType):
    """The time module, impatient."""

    def __init__(self, looks: bool) -> None:
        super().__init__("time", time.__doc__)
        if looks:
            self.__dict__["time"] = lambda: _Moment(time.time())

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, _LONGEST))


class _Finder:
    """Finds the modules as Python would, and changes their ``time`` once they have been executed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _MODULES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            if getattr(module, "time", None) is time:
                module.__dict__["time"] = _Time(name in _LOOKS)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _hand_over() -> None:
    """Leave the path as it would be without us, and run the sitecustomize that we hide."""
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = types.ModuleType("sitecustomize")
        module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


sys.meta_path.insert(0, _Finder)
_hand_over()
