"""The tree, against counting prefixes in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.ip_insights.prefix_tree import LEVELS, PrefixTree

Array = np.ndarray[Any, Any]

_RANDOM = np.random.default_rng(0)


def _addresses(count: int) -> Array:
    """In some networks of each size, so that prefixes of all lengths occur again."""
    bases = _RANDOM.integers(0, 1 << 32, 50, dtype=np.uint32)
    masks = np.array([0xFFFFFF00, 0xFFFF0000, 0xFF000000, 0xFFFFFFFF], np.uint32)[_RANDOM.integers(0, 4, 50)]
    chosen = _RANDOM.integers(0, 50, count)
    return (bases[chosen] & masks[chosen]) | (_RANDOM.integers(0, 1 << 32, count, dtype=np.uint32) & ~masks[chosen])


def _again(addresses: Iterable[int]) -> set[tuple[int, int]]:
    """(length, bits) of the prefixes that come more than once."""
    counts = Counter((length, address >> (32 - length)) for address in addresses for length in LEVELS)
    return {prefix for prefix, count in counts.items() if count > 1}


def _nodes(tree: PrefixTree) -> dict[tuple[int, int], int]:
    lengths = [LEVELS[depth - 1] for depth in tree.depths[1:]]
    return {pair: number for number, pair in enumerate(zip(lengths, tree.prefixes[1:].tolist(), strict=True), 1)}


def _found(tree: PrefixTree, addresses: Array) -> Array:
    found = np.empty(len(addresses), np.int32)
    tree.find(addresses, found)
    return found


@pytest.mark.parametrize("piece", [7, 30_000])
def test_what_comes_twice_has_a_node(piece: int) -> None:
    addresses = _addresses(30_000)
    tree = PrefixTree(1 << 20)
    for begin in range(0, len(addresses), piece):
        tree.grow(addresses[begin : begin + piece])
    nodes = _nodes(tree)
    assert set(nodes) == _again(addresses.tolist())
    assert len(nodes) == tree.size - 1
    for (length, bits), node in nodes.items():
        above = (length - 8, bits >> 8)
        assert tree.parents[node] == (nodes[above] if length > 8 else 0)
        assert tree.parents[node] < node
    asked = np.concatenate([addresses[:500], _addresses(500)])
    expected = [
        next((nodes[key] for length in reversed(LEVELS) if (key := (length, address >> (32 - length))) in nodes), 0)
        for address in asked.tolist()
    ]
    np.testing.assert_array_equal(_found(tree, asked), expected)


def test_a_full_tree_keeps_its_nodes() -> None:
    tree = PrefixTree(20)
    addresses = _addresses(20_000)
    tree.grow(addresses)
    assert tree.full
    assert tree.size == 20
    assert _found(tree, addresses).max() == 19
    assert set(_nodes(tree)) <= _again(addresses.tolist())


def test_what_came_once_is_forgotten_where_there_is_too_much_of_it() -> None:
    """Nodes stay, and what comes often enough still gets one."""
    tree = PrefixTree(1 << 20, entries=40_000)
    tree.grow(np.array([0x0A000001, 0x0A000001], np.uint32))
    for _ in range(20):
        tree.grow(_RANDOM.integers(0, 1 << 32, 10_000, dtype=np.uint32))
    assert len(tree._keys) <= 1 << 18
    late = np.full(2, 0xC0A80101, np.uint32)
    tree.grow(late)
    known = _nodes(tree)
    assert (32, 0x0A000001) in known
    assert (32, 0xC0A80101) in known
