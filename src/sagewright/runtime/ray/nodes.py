"""The nodes of the cluster as they were last seen, and the keepers on them."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sagewright.runtime.addresses import can_bind
from sagewright.runtime.agent.files import write_json
from sagewright.runtime.backend import Capabilities, Unavailable
from sagewright.runtime.ray.cluster import Cluster, ClusterError, Node
from sagewright.runtime.workload import NOTHING, Resources

_GIVEN_UP = 120.0
"""Seconds that a cluster may be out of reach until what ran on it is lost."""
_ALL = ("0.0.0.0", "::", "")  # noqa: S104 - where all are meant


class Nodes:
    """Of one server. settings: sandbox, patience, script_python, engine, engine_args, engine_pull of its configuration.

    reports: address and port that take reports, where these are not the server's.
    """

    def __init__(
        self, cluster: Cluster, data_dir: Path, settings: Mapping[str, Any], reports: tuple[str, int] | None = None
    ) -> None:
        self._cluster = cluster
        self._data_dir = data_dir
        self._reports = reports
        self.key, nonce = _identity(data_dir / "ray.json")
        self._server = {
            **settings,
            "key": self.key,
            "nonce": nonce,
            "data_dir": str(data_dir),
            "python": sys.executable,
        }
        self._nodes: dict[str, Node] = {}
        self._able: dict[str, Mapping[str, Any]] = {}
        self._seen = time.monotonic()
        self._lock = threading.Lock()
        self._said: dict[str, Any] = {}

    def look(self) -> None:
        """See which nodes there are. Raises ClusterError."""
        found = {node.id: node for node in self._cluster.nodes()}
        with self._lock:
            self._nodes = found
            self._seen = time.monotonic()

    def alive(self) -> list[Node]:
        return sorted((node for node in self._nodes.values() if node.alive), key=lambda node: node.address)

    def get(self, id: str) -> Node | None:
        return self._nodes.get(id)

    def lost(self, id: str) -> str:
        """Why what ran on a node is lost; empty where it is not."""
        node = self._nodes.get(id)
        if node is None or not node.alive:
            return "The node {} of the Ray cluster was lost while it ran this instance."
        if time.monotonic() - self._seen > _GIVEN_UP:
            return f"The Ray cluster at {self._cluster.address} cannot be reached; {{}} ran this instance."
        return ""

    def total(self) -> Resources:
        return sum((node.resources for node in self.alive()), NOTHING)

    def tell(self, running: Mapping[str, Sequence[str]], threads: ThreadPoolExecutor) -> list[tuple[str, str]]:
        """Say to each node where the server is, and what it takes for running there: node id -> ids of workloads.

        Gives the (node id, workload id) of what is not. A node that does not answer is left out.
        """
        answers = list(threads.map(lambda node: self._tell(node, running.get(node.id, ())), self.alive()))
        return [each for answer in answers for each in answer]

    def _tell(self, node: Node, ids: Sequence[str]) -> list[tuple[str, str]]:
        try:
            answer = self.call(node.id, "tell", ids=list(ids))
        except ClusterError:
            return []
        self._able[node.id] = answer
        return [(node.id, each) for each in answer["unknown"]]

    def call(self, node: str, method: str, **members: Any) -> Any:
        """A method of a node's keeper. Raises ClusterError."""
        return self._cluster.call(node, method, {"server": self._server | self.where(), **members})

    def where(self) -> dict[str, Any]:
        """The server's address as the nodes see it, its port, where it takes reports; port 0 while there is none."""
        try:
            document = json.loads((self._data_dir / "server.json").read_text())
            host, port = self.seen_from_nodes(document.get("host", "127.0.0.1")), int(document["port"])
        except (OSError, ValueError, KeyError):
            host, port = "127.0.0.1", 0
        return {"address": host, "port": port, "reports": list(self._reports or (host, port))}

    def moved(self) -> bool:
        """Whether the server is elsewhere than when this was asked last."""
        where = self.where()
        before, self._said = self._said, where
        return where != before

    def seen_from_nodes(self, host: str) -> str:
        """A server that listens on all addresses is reached by that which leads to the cluster."""
        if host not in _ALL:
            return host
        others = [node.address for node in self.alive() if not can_bind(node.address, 0)]
        return _way_to(others[0]) if others else "127.0.0.1"

    def check_reach(self, host: str) -> None:
        """Raises Unavailable where nodes cannot reach a server that listens on this host."""
        elsewhere = [node for node in self.alive() if not can_bind(node.address, 0)]
        if elsewhere and (host == "localhost" or host.startswith("127.") or host == "::1"):
            raise Unavailable(
                f"the node {elsewhere[0]} of the Ray cluster cannot reach a server on {host}: listen where it can, and "
                "check signatures (`--host 0.0.0.0 --auth signature`)"
            )

    def capabilities(self) -> Capabilities:
        """What all nodes can do that have said so."""
        told = [self._able[node.id]["capabilities"] for node in self.alive() if node.id in self._able]

        def every(name: str) -> bool:
            return bool(told) and all(each[name] for each in told)

        modes = [frozenset(each["input_modes"]) for each in told]
        return Capabilities(
            sandbox=every("sandbox"),
            network_isolation=every("network_isolation"),
            service_isolation=every("service_isolation"),
            memory_limit=every("memory_limit"),
            hostnames=every("hostnames"),
            input_modes=frozenset.intersection(*modes) if modes else Capabilities().input_modes,
        )

    def engines(self) -> bool:
        """Whether any node has a container engine."""
        return any(each["engine"] for each in self._able.values())

    def names(self, ids: Iterable[str]) -> list[str]:
        """The addresses of nodes, by their ids. Raises ClusterError for one that is gone."""
        found = []
        for each in ids:
            node = self._nodes.get(each)
            if node is None:
                raise ClusterError(f"the node {each} of the Ray cluster is gone")
            found.append(node.address)
        return found


def _identity(file: Path) -> tuple[str, str]:
    """What this data folder's server is called on clusters, and what proves that a node has its disk."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError):
        document = {"key": secrets.token_hex(6), "nonce": secrets.token_hex(16)}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, document, 0o600)
    return document["key"], document["nonce"]


def _way_to(address: str) -> str:
    """This machine's address on the way to another."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])
