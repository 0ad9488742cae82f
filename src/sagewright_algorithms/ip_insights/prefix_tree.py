"""A prefix tree that grows with the addresses it is shown: a prefix that comes a second time gets a node.

What comes once only stays unknown, as most of what comes later will be: so the model learns, from addresses that do
occur, what it is for a prefix to be unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.ip_insights.kernels import prefixes

Array = NDArray[Any]

LEVELS = (8, 16, 24, 32)
"""Lengths of the prefixes that may have nodes: the octets."""
_ENTRIES = 1 << 22
"""Prefixes that are remembered, with those that came once; beyond, the latter are forgotten."""
_PIECE, _LEAST = 4096, 1024
"""Addresses at a time; a thread, at least."""


class PrefixTree:
    """most: nodes it may have, with the root, which is node 0 and its own parent."""

    def __init__(self, most: int, *, entries: int = _ENTRIES) -> None:
        self.most = most
        self._entries = entries
        self._levels = np.array(LEVELS, np.int64)
        self._keys, self._values = _table(1 << 16)
        self._counts = np.array([1, 0], np.int64)
        room = min(most, 1 << 14)
        self._parents, self._depths = np.zeros(room, np.int32), np.zeros(room, np.int32)
        self._names = np.zeros(room, np.uint64)

    @property
    def size(self) -> int:
        """Nodes, with the root."""
        return int(self._counts[prefixes.NODES])

    @property
    def full(self) -> bool:
        return self.size == self.most

    @property
    def parents(self) -> Array:
        """(nodes,) int32. A node comes after its parent."""
        return self._parents[: self.size]

    @property
    def depths(self) -> Array:
        """(nodes,) int32: 0 the root's, 1 of the first level."""
        return self._depths[: self.size]

    @property
    def prefixes(self) -> Array:
        """(nodes,) int64: of each node the prefix's bits as a number."""
        return (self._names[: self.size] >> prefixes.LENGTH_BITS).astype(np.int64)

    def grow(self, addresses: Array) -> None:
        """addresses: (n,) uint32."""
        for begin in range(0, len(addresses), _PIECE):
            piece = addresses[begin : begin + _PIECE]
            self._make_room(len(piece) * len(LEVELS))
            arrays = (self._keys, self._values, self._parents, self._depths, self._names)
            prefixes.grow(*arrays, self._counts, self._levels, piece)

    def find(self, addresses: Array, found: Array) -> None:
        """found: (n,) int32, of each address the node of its longest prefix that has one."""

        def work(begin: int, end: int) -> None:
            prefixes.find(self._keys, self._values, self._levels, addresses[begin:end], found[begin:end])

        shared(work, len(addresses), _LEAST)

    def _make_room(self, more: int) -> None:
        needed, slots = int(self._counts[prefixes.ENTRIES]) + more, len(self._keys)
        if 2 * needed > slots:
            forget = needed > self._entries
            keys, values = _table(slots if forget else 2 * slots)
            prefixes.move(self._keys, self._values, keys, values, self._counts, forget)
            self._keys, self._values = keys, values
        room = min(self.most, self.size + more)
        if room > len(self._parents):
            room = min(self.most, 2 * room)
            for array in (self._parents, self._depths, self._names):
                array.resize(room, refcheck=False)


def _table(slots: int) -> tuple[Array, Array]:
    """slots: a power of two."""
    return np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
