"""A JSON file of the data folder that commands change while a server reads it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Its members; none where there is no file. Raises ValueError where it is damaged."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path} is damaged: it is no object")
    return document


@contextmanager
def changing(path: Path) -> Iterator[dict[str, Any]]:
    """Its members, to be changed in place: one writer at a time; readers see the file before or after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        document = read(path)
        yield document
        fresh = path.with_name(f"{path.name}.new")
        try:
            fresh.write_text(json.dumps(document, indent=2))
            os.replace(fresh, path)
        finally:
            with suppress(FileNotFoundError):
                fresh.unlink()
