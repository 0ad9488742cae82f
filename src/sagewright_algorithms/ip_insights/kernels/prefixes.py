"""A prefix tree over IPv4 addresses in a few arrays: a hash table from prefixes to nodes, and each node's parent.

Node 0 is the root. A key is a prefix's bits and its length; a value is a node, or that the prefix was seen once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.ip_insights.kernels.compiled import Array, kernel

SEEN = -1
"""A prefix that has no node yet."""
NODES, ENTRIES = range(2)
"""Of the counts: nodes, with the root; entries of the table."""

LENGTH_BITS = np.uint64(6)
"""Of a key, the lowest: the prefix's length."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_FREE = np.uint64(0)
_WIDE = np.uint64(32)
_ONE = np.uint64(1)


@kernel
def _slot(keys: Array, key: Any) -> Any:
    """Where the key is, or where it belongs. keys: a power of two of them, not all taken."""
    mask = np.uint64(keys.shape[0] - 1)
    mixed = key * _FACTOR
    slot = (mixed ^ (mixed >> _WIDE)) & mask
    while keys[slot] != _FREE and keys[slot] != key:
        slot = (slot + _ONE) & mask
    return slot


@kernel
def _key(address: Any, bits: Any) -> Any:
    return ((np.uint64(address) >> np.uint64(32 - bits)) << LENGTH_BITS) | np.uint64(bits)


@kernel
def grow(
    keys: Array, values: Array, parents: Array, depths: Array, names: Array, counts: Array, levels: Array, seen: Array
) -> None:
    """Gives a node to each prefix that is seen for the second time, while there is room for nodes.

    keys: (slots,) uint64. values: (slots,) int32. parents, depths: (nodes,) int32. names: (nodes,) uint64, the nodes'
    keys. levels: (d,) the lengths of prefixes, ascending. seen: (n,) uint32 addresses; the table needs n * d free
    slots.
    """
    nodes, entries = counts[NODES], counts[ENTRIES]
    for index in range(seen.shape[0]):
        node = 0
        for level in range(levels.shape[0]):
            key = _key(seen[index], levels[level])
            slot = _slot(keys, key)
            if keys[slot] == _FREE:
                keys[slot], values[slot] = key, SEEN
                entries += 1
            elif values[slot] != SEEN:
                node = values[slot]
            elif depths[node] == level and nodes < parents.shape[0]:
                parents[nodes], depths[nodes], names[nodes] = node, level + 1, key
                values[slot] = node = nodes
                nodes += 1
    counts[NODES], counts[ENTRIES] = nodes, entries


@kernel
def move(keys: Array, values: Array, new_keys: Array, new_values: Array, counts: Array, only_nodes: bool) -> None:
    """Into another table; only_nodes: without the prefixes that were seen once."""
    entries = 0
    for slot in range(keys.shape[0]):
        if keys[slot] != _FREE and (values[slot] != SEEN or not only_nodes):
            to = _slot(new_keys, keys[slot])
            new_keys[to], new_values[to] = keys[slot], values[slot]
            entries += 1
    counts[ENTRIES] = entries


@kernel
def find(keys: Array, values: Array, levels: Array, addresses: Array, found: Array) -> None:
    """found: (n,) int32, of each address the node of its longest prefix that has one."""
    for index in range(addresses.shape[0]):
        node = 0
        for level in range(levels.shape[0]):
            slot = _slot(keys, _key(addresses[index], levels[level]))
            if keys[slot] == _FREE or values[slot] == SEEN:
                break
            node = values[slot]
        found[index] = node
