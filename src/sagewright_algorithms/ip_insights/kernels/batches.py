"""Which rows of the tables a mini-batch needs, each of them once."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagewright_algorithms.ip_insights.kernels.compiled import Array, kernel


@kernel
def admit(ids: Array, row_of: Array, names: Array, count: int, found: Array) -> Any:
    """How many rows there are now. found: (n,) int32, of each id its row: a new one where it has none.

    row_of: (all ids,) int32, 0 for none. names: the rows' ids, with room for n more than count.
    """
    for index in range(ids.shape[0]):
        row = row_of[ids[index]]
        if row == 0:
            row = np.int32(count)
            row_of[ids[index]], names[row] = row, ids[index]
            count += 1
        found[index] = row
    return count


@kernel
def number(ids: Array, place: Array, used: Array, slots: Array) -> Any:
    """How many different ids there are. used: room for them, in order of their first. slots: (n,) of each id its place
    among them. place: (all ids,) int32, -1; and again afterwards.
    """
    count = 0
    for index in range(ids.shape[0]):
        slot = place[ids[index]]
        if slot < 0:
            slot = np.int32(count)
            place[ids[index]], used[count] = slot, ids[index]
            count += 1
        slots[index] = slot
    for index in range(count):
        place[used[index]] = -1
    return count


@kernel
def order(slots: Array, starts: Array, ordered: Array) -> None:
    """ordered: (n,) numbers of pairs by slot. starts: (slots + 1,), zero; then where each slot's begin."""
    for index in range(slots.shape[0]):
        starts[slots[index] + 1] += 1
    for slot in range(1, starts.shape[0]):
        starts[slot] += starts[slot - 1]
    at = starts.copy()
    for index in range(slots.shape[0]):
        ordered[at[slots[index]]] = index
        at[slots[index]] += 1


@kernel
def ways(used: Array, parents: Array, depths: Array, place: Array, nodes: Array, above: Array, slots: Array) -> Any:
    """How many nodes lie on the ways from the root to those used. nodes: room for them, the root first, each after its
    parent, whose place is in above. slots: (used,) places of the used nodes. place: as of number.
    """
    counts = np.zeros(34, np.int64)
    found = 0
    for index in range(used.shape[0]):
        node = used[index]
        while place[node] < 0:
            place[node], nodes[found] = 0, node
            counts[depths[node] + 1] += 1
            found += 1
            # The root is its own parent.
            node = parents[node]
    for depth in range(1, counts.shape[0]):
        counts[depth] += counts[depth - 1]
    by_depth = np.empty(found, np.int32)
    for index in range(found):
        node = nodes[index]
        at = counts[depths[node]]
        counts[depths[node]] += 1
        place[node], by_depth[at] = np.int32(at), node
    for index in range(found):
        nodes[index] = by_depth[index]
        above[index] = place[parents[nodes[index]]]
    for index in range(used.shape[0]):
        slots[index] = place[used[index]]
    for index in range(found):
        place[nodes[index]] = -1
    return found
