"""Version ids, and where the versions of a key lie in the store.

An id holds its place in time, so that a version is found, and a listing goes on after one that is gone, without a
search: ten letters that sort newest first, then random ones. The ``null`` version's document says its place itself.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors
from sagewright.store import Document, Space

NULL_VERSION = "null"
ENABLED, SUSPENDED = "Enabled", "Suspended"

_LETTERS = "".join(sorted(f"._{string.ascii_letters}{string.digits}"))
"""64 letters in the order of their bytes."""
_PLACE, _ID = 10, 32
_LAST: int = 64**_PLACE - 1
_FORM = re.compile(rf"[A-Za-z0-9._]{{{_ID}}}")


def old_versions(bucket: str) -> Space:
    """All versions but the current ones, and every delete marker: under ``<key>\\0<place>``."""
    return Space("s3:version", parent=bucket)


def status_of(bucket: Document) -> str:
    """ENABLED, SUSPENDED, or empty for a bucket that never had versioning."""
    return str(bucket.body["Configurations"].get("VersioningConfiguration", {}).get("Status", ""))


def new_id(sequence: int) -> str:
    """The id of a version that comes after all of its key with a lower sequence, which is in microseconds."""
    return _ordered(sequence) + base64.b64encode(secrets.token_bytes(17), b"._").decode()[: _ID - _PLACE]


def sequence_of(body: dict[str, Any]) -> int:
    """Where a version comes in time, among those of its key."""
    if body["VersionId"] != NULL_VERSION:
        found = 0
        for letter in body["VersionId"][:_PLACE]:
            found = found * 64 + _LETTERS.index(letter)
        return _LAST - found
    return int(body.get("Sequence") or body["LastModified"] * 1e6)


def place_of(body: dict[str, Any]) -> str:
    """Sorts the versions of a key, newest first; of a version with an id, that id."""
    version_id: str = body["VersionId"]
    return _ordered(sequence_of(body)) + NULL_VERSION if version_id == NULL_VERSION else version_id


def stored_key(key: str, place: str) -> str:
    """The key of an old version's document. The separator sorts before all that keys are made of."""
    return f"{key}\0{place}"


def key_of(document: Document) -> str:
    """The object's key, wherever the version lies."""
    return document.key.partition("\0")[0]


def is_marker(body: dict[str, Any]) -> bool:
    return bool(body.get("DeleteMarker"))


def check_id(version_id: str) -> None:
    """Raises AwsError InvalidArgument for what cannot be a version's id."""
    if not version_id:
        raise errors.invalid_argument("Version id cannot be the empty string", "versionId", version_id)
    if version_id != NULL_VERSION and not _FORM.fullmatch(version_id):
        raise errors.invalid_argument("Invalid version id specified", "versionId", version_id)


def no_such_version(key: str, version_id: str) -> AwsError:
    message = "The specified version does not exist."
    return AwsError("NoSuchVersion", message, 404, Key=key, VersionId=version_id)


def _ordered(sequence: int) -> str:
    left = _LAST - sequence
    letters = []
    for _ in range(_PLACE):
        left, digit = divmod(left, 64)
        letters.append(_LETTERS[digit])
    return "".join(reversed(letters))
