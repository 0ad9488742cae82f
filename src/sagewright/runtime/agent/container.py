"""A command in a container of docker or podman: what they are told, and how a container ends.

Both take the same words: https://docs.docker.com/reference/cli/docker/container/run/ and
https://docs.podman.io/en/latest/markdown/podman-run.1.html
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error

LABEL = "sagewright"
"""Of all containers: the folder of their server's workloads."""
_ENGINE_FAILED = 125
_NOT_STARTED = (_ENGINE_FAILED, 126, 127)
"""Exit statuses of an engine's client: it failed itself; the command cannot be run; the command is not there."""
_ERROR = re.compile(r"(?:\w+: )?Error\b.*")
"""A line in which a client says why."""
_UNKNOWN = re.compile(r"no such|not known|not found", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]*")
"""Values that a file of environment variables can have as they are, whatever the engine's version."""
_OPT_ML = "/opt/ml"
_PORT = 8080
_UNCONFINED = ("--security-opt", "label=disable")
"""SELinux would keep the job's folder from the container, and a label of its own would go onto stored objects."""
_PATIENCE = 60.0
"""Seconds until an engine that does not answer is given up."""


class Container:
    """Of one workload. launch: ``command`` (argv of the engine), ``args`` (more options of its run), ``env`` (what the
    engine itself needs), ``pull``.

    folder: the workload's. workload: its document.
    """

    def __init__(self, launch: dict[str, Any], folder: str, workload: dict[str, Any]) -> None:
        self._engine: list[str] = launch["command"]
        self._others, network = _apart(launch["args"])
        self._args = self._others if workload["network_isolation"] else [*self._others, *network]
        self._pull: bool = launch["pull"]
        self.env: dict[str, str] = launch["env"]
        self._folder = folder
        self._workload = workload
        self._own_network = bool(network)
        self.out_of_memory = False

    def check(self) -> None:
        """Raises Fault where the engine has no such image, or does not answer."""
        image = self._workload["image"]
        engine = os.path.basename(self._engine[0])
        if self._pull:
            return
        done = self._run("image", "inspect", image)
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == 0:
            return
        if not _UNKNOWN.search(said):
            raise Fault("InternalServerError", f"The container engine does not answer: {said[-300:] or engine}")
        raise client_error(
            f"{engine} has no image {image}: `{engine} pull` or `{engine} load` it first, or give a command of this "
            "machine its name with `sagewright image register`."
        )

    @property
    def _bridged(self) -> bool:
        """Whether it has a network of its own, of which one port is on the service's address."""
        return self._workload["kind"] == "service" and not self._own_network

    @property
    def listens(self) -> tuple[str, int]:
        """Where its server does, seen from inside."""
        return ("0.0.0.0", _PORT) if self._bridged else (self._workload["address"], self._workload["port"])  # noqa: S104

    def argv(self, command: Sequence[str], env: Mapping[str, str], mounts: Iterable[tuple[str, str, str]]) -> list[str]:
        """The engine's client, which stays until the container has ended.

        env: the command's; what can be in write_environment's file is there, for all users see a process's arguments.
        mounts: bubblewrap's word, folder, place.
        """
        workload = self._workload
        # Not --rm: an engine that removes it by itself may lose its exit status (podman behind docker's client).
        words = [*self._engine, "run", "--name", name(self._folder), "--log-driver", "none"]
        words += ["--label", f"{LABEL}={os.path.dirname(self._folder)}", "--hostname", workload["hostname"]]
        words += ["--pull", "missing" if self._pull else "never", *_UNCONFINED]
        words += self._network()
        words += self._limits()
        words += ["--env-file", self._env_file]
        for key, value in env.items():
            words += [] if _PLAIN.fullmatch(value) else ["--env", f"{key}={value}"]
        for kind, source, place in self._mounts(mounts):
            words += ["--volume", f"{source}:{place}{':ro' if kind == '--ro-bind' else ''}"]
        words += self._args
        command = list(command)
        if workload["entrypoint"]:
            words += ["--entrypoint", command.pop(0)]
        return [*words, workload["image"], *command]

    def write_environment(self, env: Mapping[str, str]) -> None:
        """Before argv's client is started. None of it may be in that one's own environment: it would go by it."""
        lines = [f"{key}={value}\n" for key, value in env.items() if _PLAIN.fullmatch(value)]
        with open(os.open(self._env_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(lines)

    @property
    def _env_file(self) -> str:
        return os.path.join(self._folder, "environment")

    def _limits(self) -> list[str]:
        resources = self._workload["resources"]
        words = ["--memory", str(resources["memory"]), "--cpus", f"{resources['vcpus']:g}"]
        words += ["--shm-size", str(resources["memory"] // 2)]  # the engines' 64 MiB are few for loaders of data
        if resources["gpus"]:
            podman = "podman" in os.path.basename(self._engine[0])
            words += ["--device", "nvidia.com/gpu=all"] if podman else ["--gpus", "all"]
        return words

    def _network(self) -> list[str]:
        if self._workload["network_isolation"]:
            return ["--network", "none"]
        if self._own_network:
            return []
        if self._bridged:
            return ["--publish", f"{self._workload['address']}:{self._workload['port']}:{_PORT}"]
        return ["--network", "host"]

    def _mounts(self, more: Iterable[tuple[str, str, str]]) -> Iterable[tuple[str, str, str]]:
        """What may be links to stored objects can only be read."""
        base = self._base
        yield "--bind", base, _OPT_ML
        if not self._bridged:
            yield "--ro-bind", os.path.join(self._folder, "hosts"), "/etc/hosts"
        for channel in self._workload["channels"]:
            place = channel["path"] or f"input/data/{channel['name']}"
            if channel["read_only"] and "root" not in channel["source"] and channel["input_mode"] != "Pipe":
                yield "--ro-bind", os.path.join(base, place), f"{_OPT_ML}/{place}"
        yield from more

    @property
    def _base(self) -> str:
        return os.path.join(self._folder, "opt", "ml")

    def reclaim(self) -> None:
        """Give the files of the container's users to ours, who is to store and delete them.

        Only the engine can, and only an image with a shell: root's files in a folder of another's stay what they are.
        """
        if os.geteuid() == 0 or not _foreign(self._base):
            return
        words = ["run", "--rm", "--pull", "never", "--network", "none", "--user", "0", *_UNCONFINED, *self._others]
        words += ["--volume", f"{self._base}:{_OPT_ML}", "--entrypoint", "sh", self._workload["image"], "-c"]
        with suppress(Fault):
            self._run(*words, f'chown -Rh "$(stat -c %u:%g {_OPT_ML})" {_OPT_ML}')

    def fault(self, code: int, said: str) -> Fault | None:
        """Why the engine could not start the command. code: its client's exit status. said: the end of the log."""
        lines = [line for line in said.splitlines() if _ERROR.fullmatch(line)] if code in _NOT_STARTED else []
        if not lines:
            return None
        if code == _ENGINE_FAILED:
            return Fault("InternalServerError", f"The container engine cannot run the image: {lines[-1]}")
        return Fault("AlgorithmError", f"{lines[-1]}, exit code: {code}")

    def remove(self, *, ended: bool = False) -> None:
        """Away with it, where it is still there. ended: by itself and well."""
        with suppress(Fault):
            if not ended:
                self.out_of_memory = self._starved()
                self._run("kill", name(self._folder))  # podman's rm would wait for an end of its own
            self._run("rm", "--force", name(self._folder))

    def _starved(self) -> bool:
        """Whether the kernel has killed one of its processes for its memory."""
        done = self._run("container", "inspect", "--format", "{{.State.OOMKilled}}", name(self._folder))
        # podman 4's monitor leaves a file where it was started, and podman looks for it elsewhere
        return self.out_of_memory or done.stdout.strip() == b"true" or os.path.exists(os.path.join(self._folder, "oom"))

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Raises Fault."""
        try:
            return subprocess.run(
                [*self._engine, *words], env=self.env, capture_output=True, timeout=_PATIENCE, check=False
            )
        except OSError as error:
            raise Fault("InternalServerError", f"The container engine cannot be started: {error}") from None
        except subprocess.TimeoutExpired:
            raise Fault("InternalServerError", f"The container engine does not answer: {self._engine[0]}") from None


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


def _foreign(folder: str) -> bool:
    """Whether something in it is another user's."""
    own = os.geteuid()
    return any(
        os.lstat(os.path.join(place, each)).st_uid != own
        for place, folders, files in os.walk(folder)
        for each in (*folders, *files)
    )


def name(folder: str) -> str:
    """Of a workload's container; engines take no more than letters, digits and a few signs."""
    return f"sagewright-{hashlib.sha256(folder.encode()).hexdigest()[:24]}"
