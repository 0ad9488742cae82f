"""Entities as numbers: any string is one, whether it was seen or not.

Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def numbers(checksums: Array, count: int) -> Array:
    """(n,) uint32 below count. checksums: (n,) uint32, CRC-32 of their bytes, mixed here as MurmurHash3 ends."""
    mixed = checksums.copy()
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return ((mixed.astype(np.uint64) * np.uint64(count)) >> np.uint64(32)).astype(np.uint32)
