"""How the reconciler names a resource: account, region and name in one string."""

from __future__ import annotations

from sagewright.store import Document, Space


def key_of(document: Document) -> str:
    return f"{document.space.account}/{document.space.region}/{document.key}"


def place_of(key: str, kind: str) -> tuple[Space, str]:
    """The space and the name of a key's document."""
    account, region, name = key.split("/", 2)
    return Space(kind, account, region), name
