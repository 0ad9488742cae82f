"""mpirun's way to the other instances: two processes, one on each side."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright_frameworks.training import remote

DEADLINE = 30.0


class Instance:
    """algo-2, which serves, and how algo-1 calls it."""

    def __init__(self, base: Path, port: int) -> None:
        config = base / "input" / "config"
        config.mkdir(parents=True)
        (config / "resourceconfig.json").write_text(
            json.dumps({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
        )
        self.environ = {
            **os.environ,
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEWRIGHT_HOSTS": json.dumps({"algo-2": "127.0.0.1"}),
            "SAGEWRIGHT_JOB_TOKEN": "secret",
            "SAGEWRIGHT_JOB_PORT": str(port),
        }
        self.command = [sys.executable, "-m", remote.__name__]
        self.server = subprocess.Popen(self.command, env=self.environ)

    def call(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        environment = {**self.environ, **environ}
        return subprocess.Popen([*self.command, "algo-2", *words], env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Instance(tmp_path, port)
    yield made
    made.server.kill()
    made.server.wait()


def end(caller: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status, and what it said."""
    _, said = caller.communicate(timeout=DEADLINE)
    return caller.returncode, said


def until(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_command_runs_there_and_its_status_comes_back(instance: Instance, tmp_path: Path) -> None:
    """The words are read by a shell, as ssh has them."""
    caller = instance.call(f"cd {tmp_path};", "echo $SAGEMAKER_BASE_DIR >", "said;", "exit", "7")
    assert end(caller)[0] == 7
    assert instance.server.wait(DEADLINE) == 0, "mpirun says what was wrong"
    assert (tmp_path / "said").read_text().strip() == str(tmp_path)


def test_another_jobs_token_opens_nothing(instance: Instance, tmp_path: Path) -> None:
    stranger = instance.call(f"touch {tmp_path}/done", SAGEWRIGHT_JOB_TOKEN="other")
    code, said = end(stranger)
    assert code == 255
    assert "algo-2 refused mpirun: it has another token" in said
    assert not (tmp_path / "done").exists()
    assert end(instance.call("true"))[0] == 0, "the right one is still waited for"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_runs_there_ends_with_the_caller(instance: Instance, tmp_path: Path, how: signal.Signals) -> None:
    caller = instance.call(f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; sleep 100; true")
    until(tmp_path / "pid")
    caller.send_signal(how)
    end(caller)
    assert instance.server.wait(DEADLINE) == 0
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_runs_there_ends_with_the_instance(instance: Instance, tmp_path: Path) -> None:
    caller = instance.call(f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; sleep 100; true")
    until(tmp_path / "pid")
    instance.server.terminate()
    assert instance.server.wait(DEADLINE) == 128 + signal.SIGTERM
    assert end(caller) == (255, "algo-2 has ended.\n")
    assert gone(int((tmp_path / "pid").read_text()))
