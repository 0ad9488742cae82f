"""Modules for scripts. Of those that scripts import and do not use, there is the name alone."""

from __future__ import annotations

from types import ModuleType

_NAMES_ALONE = ("entry_point", "env", "functions", "modules", "server", "transformer")


class _NameAlone(ModuleType):
    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"Sagewright has no {self.__name__}.{name}: of this module it has the name alone.")


def __getattr__(name: str) -> ModuleType:
    if name in _NAMES_ALONE:
        return _NameAlone(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
