"""Which nodes could hold what is asked for, and how Ray is asked. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from sagewright.runtime.backend import Unsupported
from sagewright.runtime.ray.cluster import Node
from sagewright.runtime.workload import NOTHING, Resources

_HERE = 0.001
"""Of the resource that each node has under its own address: a bundle with some of it can be on no other."""


def strategy(needs: Sequence[Resources], nodes: Sequence[Node], names: Sequence[str] = ()) -> str:
    """How the instances of a job are to be placed, where the cluster could hold them at all. Raises Unsupported.

    A node each, where there are that many: they reach each other by the nodes' addresses. Else all on one, where they
    have loopback addresses. names: of their instance types, for the message.
    """
    alive = [node for node in nodes if node.alive]
    for number, need in enumerate(needs):
        if not any(need.within(node.resources) for node in alive):
            what = names[number] if names else "An instance"
            raise Unsupported(f"No node of the Ray cluster can hold {what} ({words(need)}). {_largest(alive)}")
    if len(needs) > 1 and _apart(needs, alive):
        return "STRICT_SPREAD"
    if any(sum(needs, NOTHING).within(node.resources) for node in alive):
        return "STRICT_PACK"
    raise Unsupported(
        f"The Ray cluster cannot hold {len(needs)} instances at once: they need a node each, or one node that holds "
        f"all of them ({words(sum(needs, NOTHING))}). {_largest(alive)}"
    )


def bundle(need: Resources, address: str = "") -> dict[str, float]:
    """In Ray's words. address: of the node it must be on."""
    words = {"CPU": need.vcpus, "memory": float(need.memory), "GPU": float(need.gpus)}
    here = {f"node:{address}": _HERE} if address else {}
    return {name: amount for name, amount in words.items() if amount} | here or {"CPU": _HERE}


def assign(needs: Sequence[Resources], group: Sequence[Resources], nodes: Sequence[str]) -> list[str]:
    """The node of each need. group: of the bundles, which have the same needs in some order. nodes: of the bundles."""
    free = list(zip(group, nodes, strict=True))
    found = []
    for need in needs:
        position = next(number for number, (each, _) in enumerate(free) if each == need)
        found.append(free.pop(position)[1])
    return found


def words(need: Resources) -> str:
    """``2 vCPU, 8 GiB, 1 GPU``."""
    gpus = f", {need.gpus} GPU{'s' if need.gpus > 1 else ''}" if need.gpus else ""
    return f"{need.vcpus:.3g} vCPU, {need.memory / 2**30:.3g} GiB{gpus}"


def _apart(needs: Sequence[Resources], alive: Sequence[Node]) -> bool:
    """Whether each could have a node of its own; the largest take the smallest that holds them."""
    free = sorted({node.address: node for node in alive}.values(), key=lambda node: _size(node.resources))
    for need in sorted(needs, key=_size, reverse=True):
        position = next((number for number, node in enumerate(free) if need.within(node.resources)), None)
        if position is None:
            return False
        free.pop(position)
    return True


def _size(resources: Resources) -> tuple[float, float, float]:
    return (resources.gpus, resources.vcpus, resources.memory)


def _largest(alive: Sequence[Node]) -> str:
    if not alive:
        return "It has no node."
    largest = max(alive, key=lambda node: _size(node.resources))
    return f"Its largest node has {words(largest.resources)}, as `ray start` was told or has found."
