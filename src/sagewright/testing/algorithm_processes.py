"""Processes of an algorithm: commands, trainings on one or several instances, servers."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEADLINE = 60.0
"""Seconds for anything that a test waits for."""


@dataclass(frozen=True)
class Run:
    """A training that has ended. log: as CloudWatch shows it, tabs as ``#011``."""

    base: Path
    code: int
    log: str

    @property
    def failure(self) -> str:
        path = self.base / "output" / "failure"
        return path.read_text() if path.exists() else ""

    @property
    def model(self) -> dict[str, bytes]:
        """File name -> content."""
        folder = self.base / "model"
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@dataclass(frozen=True)
class Server:
    """A serving process."""

    port: int
    process: subprocess.Popen[str]

    def workers(self) -> set[int]:
        """Process ids."""
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def get(self, path: str) -> tuple[int, bytes]:
        status, _, body = self._request("GET", path, b"", {})
        return status, body

    def invoke(self, body: bytes, content_type: str = "", accept: str = "") -> tuple[int, str, bytes]:
        """(status, content type, body)."""
        given = {"Content-Type": content_type, "Accept": accept}
        return self._request("POST", "/invocations", body, {name: value for name, value in given.items() if value})

    def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body if method == "POST" else None, headers)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()


def environment(base: Path | None, settings: Mapping[str, str]) -> dict[str, str]:
    place = {} if base is None else {"SAGEMAKER_BASE_DIR": str(base)}
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **place, **settings}


def launch(package: str, verb: str) -> list[str]:
    return [sys.executable, "-m", "sagewright_algorithms", package, verb]


def command(package: str, verb: str, base: Path | None = None, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        launch(package, verb),
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(base, {}),
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def started(package: str, verb: str, base: Path, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running command, whose standard output the test reads where it wants to; killed at the end."""
    # A server's log goes to a file: nobody would read its pipe.
    with (base / f"{verb}.log").open("w") as log:
        output = subprocess.PIPE if verb == "train" else log
        process = subprocess.Popen(
            launch(package, verb), stdout=output, stderr=subprocess.STDOUT, text=True, env=environment(base, settings)
        )
        try:
            yield process
        finally:
            # First gently: a server's workers are its own to end.
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait(DEADLINE)
            if process.stdout is not None:
                process.stdout.close()


class Group:
    """A job's instances. bases: /opt/ml by host name; their logs are in files, for each waits for the others."""

    def __init__(self, bases: Mapping[str, Path]) -> None:
        self.bases = bases
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def log(self, host: str) -> str:
        """So far; tabs as CloudWatch shows them."""
        return (self.bases[host] / "train.log").read_text().replace("\t", "#011")

    def wait_for(self, host: str, pattern: re.Pattern[str]) -> None:
        """Until its log matches."""
        wait_until(lambda: pattern.search(self.log(host)), self.processes[host])

    def end(self) -> dict[str, Run]:
        """Waits for all."""
        codes = {host: process.wait(DEADLINE) for host, process in self.processes.items()}
        return {host: Run(self.bases[host], code, self.log(host)) for host, code in codes.items()}


@contextmanager
def started_group(package: str, bases: Mapping[str, Path]) -> Iterator[Group]:
    """Trainings on several instances, each on a loopback address of its own; killed at the end."""
    net = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"  # noqa: S311
    addresses = {host: f"{net}.{number}" for number, host in enumerate(bases, 1)}
    settings = {"SAGEWRIGHT_HOSTS": json.dumps(addresses), "SAGEWRIGHT_JOB_TOKEN": "a token"}
    group = Group(bases)
    with ExitStack() as stack:
        for host, base in bases.items():
            log = stack.enter_context((base / "train.log").open("w"))
            process = subprocess.Popen(
                launch(package, "train"),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment(base, settings),
            )
            group.processes[host] = process
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield group


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_up(server: Server) -> bool:
    try:
        return server.get("/ping")[0] == 200
    except OSError:
        return False


def wait_until(condition: Any, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, f"the process ended with {process.returncode}"
        assert time.monotonic() < deadline, "the process does not do what is waited for"
        time.sleep(0.02)
