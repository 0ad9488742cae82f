"""The process that speaks to Ray, the only one that imports it: ``python -m sagewright.runtime.ray.driver ADDRESS``.

It is a process of its own since a Ray driver is ended by its cluster: when the head is gone, it aborts. Requests and
answers are JSON, a line each: ``{"n": 1, "op": "nodes"}`` is answered by ``{"n": 1, "value": ...}``, or by
``{"n": 1, "error": <what went wrong>}``. The first line out is ``{"ready": true}``, or ``{"failed": <why>}``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError
from ray.util import get_placement_group, placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from sagewright import __version__
from sagewright.runtime.ray.keeper import Keeper

NAMESPACE = "sagewright"
_THREADS = 24
_CALLS = 64
"""Calls that a keeper takes at once."""


class Driver:
    """Each public method is an operation."""

    def __init__(self) -> None:
        self._keepers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def nodes(self) -> list[dict[str, Any]]:
        """Those that are there, and those that were."""
        return [
            {
                "id": each["NodeID"],
                "address": each["NodeManagerAddress"],
                "name": each.get("NodeName") or each["NodeManagerAddress"],
                "alive": each["Alive"],
                "vcpus": each["Resources"].get("CPU", 0),
                "memory": int(each["Resources"].get("memory", 0)),
                "gpus": int(each["Resources"].get("GPU", 0)),
            }
            for each in ray.nodes()
        ]

    def make_group(self, name: str, bundles: list[dict[str, float]], strategy: str) -> None:
        """A placement group that outlives this process; nothing happens where there is one of that name."""
        with suppress(ValueError):
            get_placement_group(name)
            return
        placement_group(bundles, strategy=strategy, name=name, lifetime="detached")

    def groups(self) -> dict[str, dict[str, Any]]:
        """By name: whether it is placed, and the nodes of its bundles, in their order."""
        found = {}
        for table in placement_group_table().values():
            if table["state"] != "REMOVED":
                nodes = [node for _, node in sorted(table["bundles_to_node_id"].items())]
                found[table["name"]] = {"placed": table["state"] == "CREATED", "nodes": nodes}
        return found

    def drop_group(self, name: str) -> None:
        with suppress(ValueError):
            remove_placement_group(get_placement_group(name))

    def gpus(self, name: str, bundle: int, count: int) -> list[str]:
        """Which GPUs of its node a bundle has: an actor in it holds them until the group is dropped."""
        strategy = PlacementGroupSchedulingStrategy(get_placement_group(name), placement_group_bundle_index=bundle)
        holder = _detached(_Gpus, f"{name}-gpus-{bundle}", scheduling_strategy=strategy, num_gpus=count)
        return [str(each) for each in ray.get(holder.held.remote(), timeout=60)]

    def call(self, node: str, method: str, document: str, timeout: float) -> Any:
        """A method of a node's keeper. document: JSON text."""
        keeper = self._keeper(node)
        try:
            answer = ray.get(getattr(keeper, method).remote(document), timeout=timeout)
        except RayActorError:
            with self._lock:
                if self._keepers.get(node) is keeper:
                    del self._keepers[node]
            raise
        return json.loads(answer)

    def _keeper(self, node: str) -> Any:
        """The actor, made where it is not there. Other servers' of the same version share it."""
        with self._lock:
            if node not in self._keepers:
                there = NodeAffinitySchedulingStrategy(node, soft=False)
                name = f"keeper-{__version__}-{node}"
                self._keepers[node] = _detached(Keeper, name, scheduling_strategy=there, max_concurrency=_CALLS)
            return self._keepers[node]


def _detached(kind: type, name: str, **options: Any) -> Any:
    """The actor of a name, made where it is not there; it outlives this process, and takes no CPU of its node."""
    found = ray.remote(kind).options(
        name=name, namespace=NAMESPACE, get_if_exists=True, lifetime="detached", num_cpus=0, **options
    )
    return found.remote()


class _Gpus:
    """Holds GPUs."""

    def held(self) -> list[Any]:
        return list(ray.get_gpu_ids())


def main(address: str) -> int:
    """Until the server goes."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what Ray prints is no answer
    said = threading.Lock()

    def say(document: dict[str, Any]) -> None:
        with said:
            out.write(json.dumps(document) + "\n")

    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level="error")
    except Exception as error:
        say({"failed": f"{error}".strip() or repr(error)})
        return 1
    say({"ready": True, "ray": ray.__version__})
    _serve(sys.stdin, say)
    os._exit(0)  # Ray's own end would wait for calls under way


def _serve(source: IO[str], say: Callable[[dict[str, Any]], None]) -> None:
    driver = Driver()
    with ThreadPoolExecutor(_THREADS) as threads:
        for line in source:
            threads.submit(_answer, driver, json.loads(line), say)
        os._exit(0)


def _answer(driver: Driver, request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    number, operation = request.pop("n"), request.pop("op")
    try:
        say({"n": number, "value": getattr(driver, operation)(**request)})
    except GetTimeoutError:
        say({"n": number, "error": "the node did not answer in time"})
    except RayError as error:
        lines = [line.strip() for line in f"{error}".strip().splitlines() if line.strip()]
        say({"n": number, "error": " ".join(lines)[-600:]})
    except Exception as error:
        say({"n": number, "error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
