"""Collective operations between real processes, each on a loopback address of its own."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.collective import PORT, Collective, connect
from sagewright_algorithms.contract.errors import AlgorithmError

_PROGRAM = Path(__file__).with_name("member.py")
_DEADLINE = 60.0


class Job:
    """Instances algo-1, algo-2, ... as processes of this machine."""

    def __init__(self, size: int) -> None:
        self.hosts = [f"algo-{number}" for number in range(1, size + 1)]
        net = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
        self.addresses = {host: f"{net}.{number}" for number, host in enumerate(self.hosts, 1)}
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def environ(self, token: str = "secret") -> dict[str, str]:
        return {"SAGEWRIGHT_HOSTS": json.dumps(self.addresses), "SAGEWRIGHT_JOB_TOKEN": token}

    def start(self, host: str, work: str, *, token: str = "secret", timeout: float = _DEADLINE) -> None:
        environ = {**os.environ, **self.environ(token), "HOSTS": json.dumps(self.hosts), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(_PROGRAM), work, host, str(PORT), str(timeout)]
        self.processes[host] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)

    def result(self, host: str) -> Any:
        """What it printed, or its exit code where it printed nothing."""
        process = self.processes[host]
        assert process.stdout is not None
        with process.stdout as stream:
            lines = stream.read().splitlines()
        code = process.wait(_DEADLINE)
        found = [line.removeprefix("found ") for line in lines if line.startswith("found ")]
        return json.loads(found[0]) if found else code

    def run(self, work: str) -> list[Any]:
        for host in self.hosts:
            self.start(host, work)
        return [self.result(host) for host in self.hosts]

    def wait_for_listener(self) -> socket.socket:
        """A connection to the first instance."""
        deadline = time.monotonic() + _DEADLINE
        while True:
            try:
                return socket.create_connection((self.addresses["algo-1"], PORT), timeout=_DEADLINE)
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)


@pytest.fixture
def make_job() -> Iterator[Callable[[int], Job]]:
    jobs: list[Job] = []

    def make(size: int) -> Job:
        jobs.append(Job(size))
        return jobs[-1]

    yield make
    for job in jobs:
        for process in job.processes.values():
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


Make = Callable[[int], Job]


@pytest.mark.parametrize("size", [2, 3, 4])
def test_every_operation(size: int, make_job: Make) -> None:
    own = np.arange(6).reshape(2, 3)
    total = size * own + 10 * sum(range(size))
    for rank, found in enumerate(make_job(size).run("everything")):
        assert found == {
            "rank": rank,
            "size": size,
            "sum": total.tolist(),
            "one": sum(other + 0.5 for other in range(size)),
            "gather": [[[other, other]] * other for other in range(size)],
            "broadcast": [[1.5, 2.5]],
            "transposed": total.T.tolist(),
        }


def test_large_arrays_do_not_block(make_job: Make) -> None:
    first, *others = make_job(3).run("large")
    parts = [np.random.default_rng(rank).normal(size=3_000_000)[:1000] for rank in range(3)]
    assert first == (parts[0] + parts[1] + parts[2]).tobytes().hex()
    assert others == [first, first]


def test_the_order_of_summation_is_that_of_the_hosts(make_job: Make) -> None:
    assert make_job(4).run("rounding") == [[1.0]] * 4


def test_instances_start_in_any_order(make_job: Make) -> None:
    job = make_job(3)
    for host in ("algo-3", "algo-1", "algo-2"):
        job.start(host, "everything")
        time.sleep(0.7)
    assert [job.result(host)["rank"] for host in job.hosts] == [0, 1, 2]


# Instances that end.


@pytest.mark.parametrize(("work", "dead"), [("dies", "algo-3"), ("first_dies", "algo-1")])
def test_a_killed_instance_is_named_by_all_others(work: str, dead: str, make_job: Make) -> None:
    job = make_job(3)
    results = dict(zip(job.hosts, job.run(work), strict=True))
    assert results.pop(dead) == -9
    for found in results.values():
        assert found["error"].startswith(f"AlgorithmError: Instance {dead} was lost: ")


def test_a_lost_instance_is_noticed_while_another_is_waited_for(make_job: Make) -> None:
    first, second, _ = make_job(3).run("slow_and_dead")
    assert "Instance algo-3 was lost" in first["error"]
    assert first["seconds"] < 3
    assert "Instance algo-3 was lost" in second["error"]


def test_a_failure_is_everybodys(make_job: Make) -> None:
    reason = "Failed to load csv data of the train channel: file b.csv, row 3"
    first, own, third = make_job(3).run("raises")
    assert first == own == third == {"error": f"ClientError: algo-2: {reason}"}


def test_an_unforeseen_error_is_an_algorithm_error(make_job: Make) -> None:
    error = {"error": "AlgorithmError: algo-1: ValueError: no such thing"}
    assert make_job(2).run("breaks") == [error, error]


def test_a_stopped_instance_stops_the_others(make_job: Make) -> None:
    assert make_job(3).run("stops") == [0, 0, 0]


def test_an_instance_that_leaves_too_early(make_job: Make) -> None:
    first, own, third = make_job(3).run("leaves")
    assert own is None
    assert first == third == {"error": "AlgorithmError: Instance algo-2 has ended its training before the others"}


@pytest.mark.parametrize(
    ("work", "words"),
    [("differs", "sent <f8 (4,), not <f8 (3,)"), ("other_step", "sent GATHER of step 2, not SUM of step 2")],
)
def test_instances_that_disagree(work: str, words: str, make_job: Make) -> None:
    for found in make_job(2).run(work):
        assert found == {"error": f"AlgorithmError: Instance algo-2 {words}"}


# Instances that do not come, and strangers that do.


def test_an_instance_that_never_comes_is_named(make_job: Make) -> None:
    job = make_job(3)
    job.start("algo-1", "everything", timeout=2)
    job.start("algo-2", "everything")
    for host in ("algo-1", "algo-2"):
        assert job.result(host)["error"].startswith("AlgorithmError: No connection from algo-3 within ")


def test_a_first_instance_that_never_comes_is_named(make_job: Make) -> None:
    job = make_job(2)
    job.start("algo-2", "everything", timeout=1)
    assert job.result("algo-2")["error"].startswith("AlgorithmError: No connection to algo-1 within 1 s: ")


def test_another_jobs_token_is_refused(make_job: Make) -> None:
    job = make_job(2)
    job.start("algo-1", "everything")
    job.start("algo-2", "everything", token="another")
    assert job.result("algo-2")["error"] == (
        "AlgorithmError: algo-1 refused algo-2: it has another token, or other hosts"
    )
    job.start("algo-2", "everything")
    assert job.result("algo-1")["rank"] == 0
    assert job.result("algo-2")["rank"] == 1


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: algo-1\r\n\r\n" * 9, b"", bytes(58), b"SWMEET01" + bytes(50)]
)
def test_strangers_hold_nobody_up(data: bytes, make_job: Make) -> None:
    """Garbage, silence, a wrong proof: before the others come, and still open when they do."""
    job = make_job(2)
    job.start("algo-1", "everything")
    with job.wait_for_listener() as stranger:
        stranger.sendall(data)
        job.start("algo-2", "everything")
        assert job.result("algo-1")["rank"] == 0
        assert job.result("algo-2")["rank"] == 1


_FRAME = struct.Struct("<2sBB4sQ4Q")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (_FRAME.pack(b"SC", 1, 1, b"|u1", 1, 1 << 62, 0, 0, 0), f"sent |u1 ({1 << 62},), not |u1 (0,)"),
        (_FRAME.pack(b"SC", 17, 1, b"|u1", 1, 1 << 62, 0, 0, 0), "sent what is no frame"),
        (_FRAME.pack(b"SC", 1, 200, b"|u1", 1, 0, 0, 0, 0), "sent what is no frame"),
        (_FRAME.pack(b"SC", 1, 1, b"|O8", 1, 0, 0, 0, 0), "sent what is no frame"),
        (b"nonsense" * 8, "sent what is no frame"),
        (b"SC", "was lost: the connection was closed"),
    ],
)
def test_frames_that_are_none(frame: bytes, words: str, make_job: Make) -> None:
    """From a process that knows the token."""
    job = make_job(2)
    job.start("algo-1", "everything")
    _intrude(job, frame)
    assert job.result("algo-1") == {"error": f"AlgorithmError: Instance algo-2 {words}"}


def _intrude(job: Job, frame: bytes) -> None:
    from sagewright_algorithms.contract import meeting

    party = meeting.Party(job.hosts, 1, job.addresses, "secret", PORT, time.monotonic() + _DEADLINE)
    with meeting.join(party)._connection as connection:
        connection.sendall(frame)


def test_a_gigantic_array_of_unknown_size_is_refused(make_job: Make) -> None:
    from sagewright_algorithms.contract.link import Kind, LastWords, Link

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(_FRAME.pack(b"SC", Kind.BROADCAST, 2, b"<f8", 1, 1 << 40, 1 << 40, 0, 0))
        link = Link.__new__(Link)
        link.host, link._connection = "algo-1", ours
        with pytest.raises(LastWords) as caught:
            link.receive(Kind.BROADCAST, 1)
    assert caught.value.text == f"AlgorithmError: Instance algo-1 sent an array of {8 << 80} bytes"


# One instance, and what cannot be.


def test_one_instance_needs_nobody() -> None:
    with connect(["algo-1"], "algo-1", environ={}) as collective:
        array = np.arange(3.0)
        assert (collective.rank, collective.size, collective.first) == (0, 1, True)
        total = collective.sum(array)
        total += 1
        assert array.tolist() == [0, 1, 2]
        assert [part.tolist() for part in collective.gather(array)] == [[0, 1, 2]]
        assert collective.broadcast(array).tolist() == [0, 1, 2]
        collective.barrier()


def test_arrays_that_do_not_travel() -> None:
    with pytest.raises(TypeError, match="object"):
        Collective(["algo-1"], 0, []).sum(np.array([{}]))


@pytest.mark.parametrize("text", ["[]", "{", '"algo-1"'])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(AlgorithmError, match="SAGEWRIGHT_HOSTS"):
        connect(["algo-1", "algo-2"], "algo-1", environ={"SAGEWRIGHT_HOSTS": text})


def test_a_host_that_is_not_of_the_job() -> None:
    with pytest.raises(AlgorithmError, match="algo-9 is none of the job's hosts"):
        connect(["algo-1", "algo-2"], "algo-9", environ={})


def test_a_port_that_is_taken(make_job: Make) -> None:
    job = make_job(2)
    with socket.create_server((job.addresses["algo-1"], PORT)), pytest.raises(AlgorithmError, match="cannot listen"):
        connect(job.hosts, "algo-1", environ=job.environ())


def test_what_listens_may_be_something_else(make_job: Make) -> None:
    job = make_job(2)
    with socket.create_server((job.addresses["algo-1"], PORT)) as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connect, job.hosts, "algo-2", timeout=_DEADLINE, environ=job.environ())
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(AlgorithmError, match="What listens on port 9099 of algo-1 is no instance"):
                waiting.result(_DEADLINE)
