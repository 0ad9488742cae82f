"""Where a document or an entry lives."""

from __future__ import annotations

from typing import NamedTuple


class Space(NamedTuple):
    """Where keys are unique. Account and region are part of it; parent is what a resource lives under (a bucket)."""

    kind: str
    account: str = ""
    region: str = ""
    parent: str = ""
