"""The algorithms that installed packages declare, as plain data, for every service that looks at them.

An algorithm is an entry point of the group ``sagewright.algorithms``; its object's ``describe()`` gives plain data:
name, images (repository, tags, tag_pattern for tags to come, registries by region), command (train, serve: arguments
after the Python executable), metrics (Name, Regex, Direction). A framework, in whose images a user's script runs, is
one of ``sagewright.frameworks``: name, images, command (train, serve, setup), metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_ALGORITHMS = "sagewright.algorithms"
_FRAMEWORKS = "sagewright.frameworks"


def installed() -> Iterable[Mapping[str, Any]]:
    """The description of every algorithm whose package is installed."""
    return _described(_ALGORITHMS)


def frameworks() -> Iterable[Mapping[str, Any]]:
    """The same for the containers of script mode."""
    return _described(_FRAMEWORKS)


def _described(group: str) -> Iterable[Mapping[str, Any]]:
    from importlib.metadata import entry_points  # slow to import, and not needed before the first job

    return [entry.load().describe() for entry in entry_points(group=group)]
