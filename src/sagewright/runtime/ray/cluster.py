"""A Ray cluster as the server sees it: every call goes through one child process, which alone imports Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sagewright.runtime.backend import Unavailable
from sagewright.runtime.workload import Resources

_CONNECT = 60.0
"""Seconds that Ray has to take a driver in."""
_KNOCK = 5.0
_ANSWER = 30.0
_AGAIN = 5.0
"""Seconds between attempts to reach a cluster that was lost."""


class ClusterError(OSError):
    """The cluster, or a node of it, did not do what was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """address: by which other nodes reach it. name: for people. resources: all that it has, used or not."""

    id: str
    address: str
    name: str
    alive: bool
    resources: Resources

    def __str__(self) -> str:
        return self.address if self.name == self.address else f"{self.name} ({self.address})"


class Cluster:
    """address: as ``ray.init`` takes it: ``host:port``, ``ray://host:port``, ``auto``. log: what Ray prints goes there.

    Safe to use from several threads. Where the child has ended, the next call begins another.
    """

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self._log = log
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._next = 0.0
        self._closed = False

    def connect(self) -> None:
        """Raises Unavailable, with what to do, where there is no cluster."""
        with self._lock:
            if self._child is None or not self._child.alive:
                self._child = self._connected()

    def close(self) -> None:
        """Let go of the cluster; what runs on it goes on."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.close()

    def nodes(self) -> list[Node]:
        """Also those that are gone, for a while. Raises ClusterError."""
        return [
            Node(
                each["id"],
                each["address"],
                each["name"],
                each["alive"],
                Resources(each["vcpus"], each["memory"], each["gpus"]),
            )
            for each in self._ask("nodes")
        ]

    def make_group(self, name: str, bundles: list[dict[str, float]], strategy: str) -> None:
        """Reserve, when there is room, for each of bundles. Raises ClusterError."""
        self._ask("make_group", name=name, bundles=bundles, strategy=strategy)

    def groups(self) -> dict[str, list[str] | None]:
        """By name: the node of each bundle, None where there is no room yet. Raises ClusterError."""
        found = self._ask("groups")
        return {name: each["nodes"] if each["placed"] else None for name, each in found.items()}

    def drop_group(self, name: str) -> None:
        """Raises ClusterError."""
        self._ask("drop_group", name=name)

    def gpus(self, name: str, bundle: int, count: int) -> list[str]:
        """Numbers of the GPUs that a bundle has on its node. Raises ClusterError."""
        found: list[str] = self._ask("gpus", wait=90, name=name, bundle=bundle, count=count)
        return found

    def call(self, node: str, method: str, document: dict[str, Any], timeout: float = _ANSWER) -> Any:
        """A method of the keeper of a node, by its id. Raises ClusterError."""
        text = json.dumps(document)
        return self._ask("call", wait=timeout + 5, node=node, method=method, document=text, timeout=timeout)

    def _ask(self, op: str, *, wait: float = _ANSWER, **members: Any) -> Any:
        return self._alive().ask(op, members, wait)

    def _alive(self) -> _Child:
        child = self._child
        if child is not None and child.alive:
            return child
        with self._lock:
            if self._child is not None and self._child.alive:
                return self._child
            now = time.monotonic()
            if self._closed or now < self._next:
                raise ClusterError(f"there is no connection to the Ray cluster at {self.address}")
            self._next = now + _AGAIN
            try:
                self._child = self._connected()
            except Unavailable as error:
                raise ClusterError(str(error)) from None
            return self._child

    def _connected(self) -> _Child:
        if importlib.util.find_spec("ray") is None:
            raise Unavailable("the backend `ray` needs Ray: pip install 'sagewright[ray]'")
        _knock(self.address)
        child = _Child(self.address, self._log)
        try:
            child.await_ready(_CONNECT)
        except ClusterError as error:
            child.close()
            raise Unavailable(f"no Ray cluster at {self.address}: {error}") from None
        return child


class _Child:
    """The process."""

    def __init__(self, address: str, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sagewright.runtime.ray.driver", address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # an interrupt at the terminal is the server's alone
                env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
                text=True,
            )
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._count = 0
        self._ready: Future[Any] = Future()
        self.alive = True
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def await_ready(self, seconds: float) -> None:
        """Raises ClusterError."""
        try:
            self._ready.result(seconds)
        except Late:
            raise ClusterError(f"it did not answer for {seconds:.0f} seconds") from None

    def ask(self, op: str, members: dict[str, Any], wait: float) -> Any:
        """Raises ClusterError."""
        future: Future[Any] = Future()
        with self._lock:
            if not self.alive:
                raise ClusterError("the connection to the Ray cluster has ended")
            self._count += 1
            number = self._count
            self._waiting[number] = future
            line = json.dumps({"n": number, "op": op, **members})
            try:
                assert self._process.stdin is not None
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                raise ClusterError("the connection to the Ray cluster has ended") from None
        try:
            return future.result(wait)
        except Late:
            raise ClusterError(f"the Ray cluster did not answer for {wait:.0f} seconds") from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def close(self) -> None:
        """The child ends when nobody writes to it any more."""
        with self._lock:
            self.alive = False
            with contextlib.suppress(OSError):
                assert self._process.stdin is not None
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, source: IO[str]) -> None:
        for line in source:
            document = json.loads(line)
            if "failed" in document:
                self._ready.set_exception(ClusterError(document["failed"]))
            elif "ready" in document:
                self._ready.set_result(document)
            else:
                self._take(document)
        source.close()
        self._end()

    def _take(self, document: dict[str, Any]) -> None:
        with self._lock:
            future = self._waiting.get(document["n"])
        if future is not None and "error" in document:
            future.set_exception(ClusterError(document["error"]))
        elif future is not None:
            future.set_result(document["value"])

    def _end(self) -> None:
        with self._lock:
            self.alive = False
            waiting = list(self._waiting.values())
        for future in [self._ready, *waiting]:
            if not future.done():
                future.set_exception(ClusterError("the connection to the Ray cluster has ended"))
        self._process.wait()


def _knock(address: str) -> None:
    """Ray tries for a minute where nothing listens; a look says so at once. Raises Unavailable."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except OSError as error:
        raise Unavailable(
            f"no Ray cluster at {address}: {error.strerror or error}. Start one with `ray start --head`, and name the "
            "address that it prints."
        ) from None
