"""A command in a container of docker or podman: what they are told, and how a container ends.

Both take the same words: https://docs.docker.com/reference/cli/docker/container/run/ and
https://docs.podman.io/en/latest/markdown/podman-run.1.html
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error

ENGINE_FAILED = 125
"""The exit status of an engine that could not run the container."""
_PORT = 8080
_PATIENCE = 60.0
"""Seconds until an engine that does not answer is given up."""


class Container:
    """Of one workload. launch: ``command`` (argv of the engine), ``args`` (more options of its run), ``env`` (what the
    engine itself needs), ``pull``.

    folder: the workload's. workload: its document.
    """

    def __init__(self, launch: dict[str, Any], folder: str, workload: dict[str, Any]) -> None:
        self._engine: list[str] = launch["command"]
        args, network = _apart(launch["args"])
        self._args = args if workload["network_isolation"] else [*args, *network]
        self._pull: bool = launch["pull"]
        self.env: dict[str, str] = launch["env"]
        self._folder = folder
        self._workload = workload
        self._own_network = bool(network)

    @property
    def _bridged(self) -> bool:
        """Whether it has a network of its own, of which one port is on the service's address."""
        return self._workload["kind"] == "service" and not self._own_network

    @property
    def host(self) -> str:
        """Where its server listens, seen from inside."""
        return "0.0.0.0" if self._bridged else str(self._workload["address"])  # noqa: S104

    def check(self) -> None:
        """Raises Fault where the engine has no such image."""
        image = self._workload["image"]
        if self._pull or self._run("image", "inspect", image).returncode == 0:
            return
        engine = os.path.basename(self._engine[0])
        raise client_error(
            f"{engine} has no image {image}: `{engine} pull` or `{engine} load` it first, or give a command of this "
            "machine its name with `sagewright image register`."
        )

    def argv(self, command: Sequence[str], names: Iterable[str], mounts: Iterable[tuple[str, str, str]]) -> list[str]:
        """The engine's client, which stays until the container has ended.

        names: of environment variables, whose values the client has. mounts: bubblewrap's word, folder, place.
        """
        workload = self._workload
        words = [*self._engine, "run", "--rm", "--name", name(self._folder), "--log-driver", "none"]
        words += ["--pull", "missing" if self._pull else "never"]
        words += self._network()
        words += ["--memory", str(workload["resources"]["memory"]), "--cpus", f"{workload['resources']['vcpus']:g}"]
        if workload["resources"]["gpus"]:
            podman = "podman" in os.path.basename(self._engine[0])
            words += ["--device", "nvidia.com/gpu=all"] if podman else ["--gpus", "all"]
        for each in names:
            words += ["--env", each]
        for kind, source, place in self._mounts(mounts):
            words += ["--volume", f"{source}:{place}{':ro' if kind == '--ro-bind' else ''}"]
        words += self._args
        command = list(command)
        if workload["entrypoint"]:
            words += ["--entrypoint", command.pop(0)]
        return [*words, workload["image"], *command]

    def _network(self) -> list[str]:
        if self._workload["network_isolation"]:
            return ["--network", "none"]
        if self._own_network:
            return []
        return ["--publish", f"{self._workload['address']}:{_PORT}:{_PORT}"] if self._bridged else ["--network", "host"]

    def _mounts(self, more: Iterable[tuple[str, str, str]]) -> Iterable[tuple[str, str, str]]:
        """What may be links to stored objects can only be read."""
        base = os.path.join(self._folder, "opt", "ml")
        yield "--bind", base, "/opt/ml"
        if not self._bridged:
            yield "--ro-bind", os.path.join(self._folder, "hosts"), "/etc/hosts"
        for channel in self._workload["channels"]:
            place = channel["path"] or f"input/data/{channel['name']}"
            if channel["read_only"] and "root" not in channel["source"] and channel["input_mode"] != "Pipe":
                yield "--ro-bind", os.path.join(base, place), f"/opt/ml/{place}"
        yield from more

    def remove(self) -> None:
        """End it, where it is still there."""
        with suppress(OSError, subprocess.TimeoutExpired):
            self._run("rm", "--force", "--time", "0", name(self._folder))

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Raises OSError, TimeoutExpired."""
        try:
            return subprocess.run(
                [*self._engine, *words], env=self.env, capture_output=True, timeout=_PATIENCE, check=False
            )
        except FileNotFoundError as error:
            raise Fault("InternalServerError", f"The container engine cannot be started: {error}") from None


def _apart(args: list[str]) -> tuple[list[str], list[str]]:
    """Options, and those among them that name a network."""
    others, network = [], []
    words = iter(args)
    for word in words:
        if word in ("--network", "--net"):
            network += [word, next(words, "")]
        elif word.startswith(("--network=", "--net=")):
            network.append(word)
        else:
            others.append(word)
    return others, network


def name(folder: str) -> str:
    """Of a workload's container; engines take no more than letters, digits and a few signs."""
    return f"sagewright-{hashlib.sha256(folder.encode()).hexdigest()[:24]}"
