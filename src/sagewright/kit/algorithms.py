"""The algorithms that installed packages declare, as plain data, for every service that looks at them.

An algorithm is an entry point of the group ``sagewright.algorithms``; its object's ``describe()`` gives plain data:
name, images (repository, tags, tag_pattern for tags to come, registries by region), command (train, serve: arguments
after the Python executable), metrics (Name, Regex, Direction).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_GROUP = "sagewright.algorithms"


def installed() -> Iterable[Mapping[str, Any]]:
    """The description of every algorithm whose package is installed."""
    from importlib.metadata import entry_points  # slow to import, and not needed before the first job

    return [entry.load().describe() for entry in entry_points(group=_GROUP)]
