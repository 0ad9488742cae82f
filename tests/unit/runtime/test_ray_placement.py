"""Which nodes of a Ray cluster could hold what is asked for."""

from __future__ import annotations

import pytest

from sagewright.runtime.backend import Unsupported
from sagewright.runtime.ray.cluster import Node
from sagewright.runtime.ray.placement import assign, bundle, strategy
from sagewright.runtime.workload import Resources

GIB = 2**30
SMALL, LARGE, GPU = Resources(2, 8 * GIB), Resources(16, 64 * GIB), Resources(4, 16 * GIB, 1)


def node(number: int, resources: Resources, *, alive: bool = True, address: str = "") -> Node:
    return Node(f"n{number}", address or f"10.0.0.{number}", f"n{number}", alive, resources)


TWO = [node(1, SMALL), node(2, Resources(4, 16 * GIB))]


def test_one_instance_is_packed_and_several_are_spread() -> None:
    assert strategy([SMALL], TWO) == "STRICT_PACK"
    assert strategy([SMALL, SMALL], TWO) == "STRICT_SPREAD"


def test_too_few_nodes_for_one_each() -> None:
    assert strategy([SMALL] * 3, [node(1, LARGE), node(2, SMALL)]) == "STRICT_PACK"
    with pytest.raises(Unsupported, match=r"cannot hold 3 instances at once.*one node that holds all of them \(6 vCPU"):
        strategy([SMALL] * 3, TWO)


def test_the_smallest_node_that_does_is_left_to_the_small() -> None:
    mixed = [node(1, LARGE), node(2, SMALL)]
    assert strategy([SMALL, LARGE], mixed) == "STRICT_SPREAD"
    assert strategy([LARGE, LARGE], [node(1, Resources(32, 128 * GIB)), node(2, SMALL)]) == "STRICT_PACK"


def test_two_nodes_of_one_address_are_one() -> None:
    """They could not both have the instances' ports."""
    same = [node(1, SMALL, address="10.0.0.1"), node(2, SMALL, address="10.0.0.1")]
    with pytest.raises(Unsupported, match="cannot hold 2 instances"):
        strategy([SMALL, SMALL], same)


@pytest.mark.parametrize(
    ("nodes", "need", "why"),
    [
        ([], SMALL, "It has no node"),
        ([node(1, LARGE, alive=False)], SMALL, "It has no node"),
        (
            TWO,
            LARGE,
            r"No node .* can hold ml\.x \(16 vCPU, 64 GiB\)\. Its largest node has 4 vCPU, 16",
        ),
        (TWO, GPU, r"can hold ml\.x \(4 vCPU, 16 GiB, 1 GPU\)"),
    ],
)
def test_what_no_node_can_hold(nodes: list[Node], need: Resources, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        strategy([need], nodes, ["ml.x"])


def test_bundles() -> None:
    assert bundle(GPU) == {"CPU": 4, "memory": 16.0 * GIB, "GPU": 1.0}
    assert bundle(SMALL, "10.0.0.1")["node:10.0.0.1"] > 0
    assert bundle(Resources(0, 0)) != {}, "Ray takes no empty bundle"


def test_each_instance_gets_a_bundle_of_its_own_size() -> None:
    assert assign([SMALL, LARGE, SMALL], [LARGE, SMALL, SMALL], ["a", "b", "c"]) == ["b", "a", "c"]
