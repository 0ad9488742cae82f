"""The checksum algorithms of S3 and running digests over a stream.

Algorithms and types: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"

DEFAULT = "CRC64NVME"
"""What S3 computes itself where a client names no algorithm."""


class Digest(Protocol):
    """A running checksum."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC as a running digest."""

    def __init__(self, function: Callable[[Any, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes | memoryview) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XXHash:
    """awscrt's XXHash, which takes bytes alone, under hashlib's names. Its end comes once."""

    def __init__(self, hasher: Any) -> None:
        self._hasher = hasher

    def update(self, data: bytes | memoryview) -> None:
        self._hasher.update(bytes(data))

    def digest(self) -> bytes:
        return bytes(self._hasher.finalize())


@dataclass(frozen=True, slots=True)
class Algorithm:
    """size: bytes of a value. new: makes a Digest. combine: (first, second, bytes under second) to the value of both.

    Only an algorithm with combine gives a full-object checksum of a multipart upload.
    """

    name: str
    size: int
    new: Callable[[], Digest]
    combine: Callable[[int, int, int], int] | None = None
    types: tuple[str, ...] = (COMPOSITE,)
    """Checksum types of a multipart upload, the default first."""

    @property
    def member(self) -> str:
        return f"Checksum{self.name}"

    @property
    def header(self) -> str:
        return f"x-amz-checksum-{self.name.lower()}"


def _crt() -> Any:
    """awscrt is loaded when first used: it is native code that an idle server can do without."""
    from awscrt import checksums

    return checksums


def _crc(name: str, size: int) -> Callable[[], Digest]:
    return lambda: _Crc(getattr(_crt(), name), size)


def _combine(name: str) -> Callable[[int, int, int], int]:
    return lambda first, second, length: int(getattr(_crt(), name)(first, second, length))


ALGORITHMS = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, lambda: _Crc(zlib.crc32, 4), _combine("combine_crc32"), (COMPOSITE, FULL_OBJECT)),
        Algorithm("CRC32C", 4, _crc("crc32c", 4), _combine("combine_crc32c"), (COMPOSITE, FULL_OBJECT)),
        Algorithm("CRC64NVME", 8, _crc("crc64nvme", 8), _combine("combine_crc64nvme"), (FULL_OBJECT,)),
        Algorithm("SHA1", 20, lambda: hashlib.sha1(usedforsecurity=False)),
        Algorithm("SHA256", 32, hashlib.sha256),
        Algorithm("SHA512", 64, hashlib.sha512),
        Algorithm("MD5", 16, lambda: hashlib.md5(usedforsecurity=False)),
        Algorithm("XXHASH64", 8, lambda: _XXHash(_crt().XXHash.new_xxhash64())),
        Algorithm("XXHASH3", 8, lambda: _XXHash(_crt().XXHash.new_xxhash3_64())),
        Algorithm("XXHASH128", 16, lambda: _XXHash(_crt().XXHash.new_xxhash3_128())),
    )
}
"""By AWS's name, as in the members ``Checksum<name>``."""

BY_HEADER = {algorithm.header: algorithm for algorithm in ALGORITHMS.values()}


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def decode(text: str, size: int) -> bytes | None:
    """The bytes of a checksum in base64; None for what is no such value."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if len(value) == size else None


def members(checksums: dict[str, str], checksum_type: str | None = None) -> dict[str, str]:
    """Stored checksums as output members, ``{"ChecksumCRC32": ...}``."""
    found = {ALGORITHMS[name].member: value for name, value in checksums.items()}
    return found | {"ChecksumType": checksum_type} if found and checksum_type else found


def composite(algorithm: Algorithm, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, and their number."""
    digest = algorithm.new()
    count = 0
    for value in parts:
        digest.update(base64.b64decode(value))
        count += 1
    return f"{encode(digest.digest())}-{count}"


def full_object(algorithm: Algorithm, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the whole from those of its parts: (value, bytes) pairs."""
    if algorithm.combine is None:
        raise ValueError(f"{algorithm.name} has no full-object checksum of parts")
    total = 0
    for value, length in parts:
        total = algorithm.combine(total, int.from_bytes(base64.b64decode(value), "big"), length)
    return encode(total.to_bytes(algorithm.size, "big"))
