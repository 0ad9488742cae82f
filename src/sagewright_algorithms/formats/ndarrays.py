"""MXNet's file of named arrays (``mx.nd.save``, ``.params``): what the first-party algorithms keep their models in.

Little-endian. The file: magic, reserved, count, arrays, count, names. An array: magic, storage type (0, dense), shape,
device, type of its elements, elements. https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/ndarray/
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import FormatError

_FILE = 0x112
_ARRAY = 0xF993FAC9
_CPU = 1
_TYPES = ("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8")


def encode(arrays: Mapping[str, NDArray[Any]] | Sequence[NDArray[Any]]) -> bytes:
    """arrays: by name, in this order, or without names; of the types float16, 32, 64, int8, 32, 64 and uint8."""
    names = list(arrays) if isinstance(arrays, Mapping) else []
    parts = [struct.pack("<QQQ", _FILE, 0, len(arrays))]
    for array in arrays.values() if isinstance(arrays, Mapping) else arrays:
        little = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<"), copy=False)
        number = [np.dtype(name) for name in _TYPES].index(little.dtype)
        shape = little.shape
        parts += [
            struct.pack(f"<IiI{len(shape)}q", _ARRAY, 0, len(shape), *shape),
            struct.pack("<iii", _CPU, 0, number),
            little.tobytes(),
        ]
    parts.append(struct.pack("<Q", len(names)))
    for name in names:
        parts += [struct.pack("<Q", len(name.encode())), name.encode()]
    return b"".join(parts)


def decode(data: bytes) -> dict[str, NDArray[Any]]:
    """Name -> array; numbers from 0 for names where there are none. Raises FormatError."""
    try:
        return _decode(memoryview(data))
    except (struct.error, ValueError, IndexError) as error:
        raise FormatError(f"not a file of MXNet arrays: {error}") from error


def _decode(data: memoryview) -> dict[str, NDArray[Any]]:
    magic, _, count = struct.unpack_from("<QQQ", data)
    if magic != _FILE:
        raise ValueError(f"found {magic:#x} for {_FILE:#x}")
    at = 24
    arrays: list[NDArray[Any]] = []
    for _ in range(count):
        array_magic, storage, dimensions = struct.unpack_from("<IiI", data, at)
        if array_magic != _ARRAY or storage != 0:
            raise ValueError(f"array {len(arrays) + 1} is not a dense array of MXNet 1")
        shape = struct.unpack_from(f"<{dimensions}q", data, at + 12)
        at += 12 + 8 * dimensions
        kind = np.dtype(_TYPES[struct.unpack_from("<iii", data, at)[2]])
        size = int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(data, kind, size, at + 12).reshape(shape))
        at += 12 + size * kind.itemsize
    (named,) = struct.unpack_from("<Q", data, at)
    at += 8
    names = []
    for _ in range(named):
        (length,) = struct.unpack_from("<Q", data, at)
        names.append(bytes(data[at + 8 : at + 8 + length]).decode())
        at += 8 + length
    return dict(zip(names or map(str, range(count)), arrays, strict=True))
