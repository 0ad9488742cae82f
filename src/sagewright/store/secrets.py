"""Root keys of a data folder: 32 random bytes a name, made on first use and the same ever after.

They wrap what the store keeps secret (KMS key material, S3 object keys), so that a copy of the database alone reveals
nothing. The file is its owner's alone.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SIZE = 32


def secret(folder: Path, name: str) -> bytes:
    """The 32 bytes kept as ``<folder>/<name>.key`` (mode 0600).

    folder: the store's (``store.folder``). The file appears whole or not at all, and is never replaced.
    Raises ValueError where the file holds anything else than 32 bytes: what it wrapped cannot be read any more.
    """
    path = folder / f"{name}.key"
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = _made(path)
    if len(found) != SIZE:
        raise ValueError(f"{path} is damaged: {len(found)} bytes instead of {SIZE}")
    return found


def _made(path: Path) -> bytes:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # unlike rename it does not replace one that another thread made meanwhile
        except FileExistsError:
            return path.read_bytes()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        fresh.unlink()
    return path.read_bytes()
