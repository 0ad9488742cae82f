"""The root key of a server that checks signatures, in a file of its data folder that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sagewright.kit.identity import DEFAULT_ACCOUNT, key_id


@dataclass(frozen=True, slots=True)
class RootKey:
    """Of the default account."""

    access_key: str
    secret: str


def root_key_file(data_dir: Path) -> Path:
    """JSON with AccessKeyId and SecretAccessKey."""
    return data_dir / "root-key.json"


def read_root_key(data_dir: Path) -> RootKey:
    """The key that the folder's server takes. Raises OSError, ValueError where there is no file or none of ours."""
    path = root_key_file(data_dir)
    try:
        document = json.loads(path.read_text())
        return RootKey(document["AccessKeyId"], document["SecretAccessKey"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is no root key: delete it, and the next start makes another") from None


def keep_root_key(data_dir: Path, access_key: str = "", secret: str = "") -> RootKey:
    """The folder's root key, made on first use; one that is given takes its place. Raises OSError, ValueError."""
    if access_key:
        chosen = RootKey(access_key, secret)
    elif root_key_file(data_dir).exists():
        return read_root_key(data_dir)
    else:
        made = base64.b64encode(secrets.token_bytes(30)).decode()
        chosen = RootKey(key_id("AKIA", DEFAULT_ACCOUNT), made)
    _write(root_key_file(data_dir), {"AccessKeyId": chosen.access_key, "SecretAccessKey": chosen.secret})
    return chosen


def _write(path: Path, document: dict[str, str]) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
