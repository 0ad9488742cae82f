"""What a container engine is told, for workloads of all kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime import engine
from sagewright.runtime.agent.container import Container
from sagewright.runtime.engine import Engine
from sagewright.runtime.workload import Channel, Resources, S3Input, Workload

LINKED = Channel("train", S3Input("s3://bucket/train"))
COPIED = Channel("own", S3Input("s3://bucket/own"), read_only=False)
MOUNT = ("--bind", "/mnt/efs", "/opt/ml/input/data/efs")


def words(*args: str, command: tuple[str, ...] = ("train",), pull: bool = False, **members: Any) -> list[str]:
    """After the engine's own and the name."""
    values = {"resources": Resources(2, 2**30), "address": "127.1.2.3", "image": "mine:1", **members}
    work = Workload("w", values.pop("kind", "batch"), command, **values).to_json()
    launch = Engine(("/bin/podman", "--runtime", "runc"), args, pull).launch()
    found = Container(launch, "/data/work/w", work).argv(command, {"A": "1", "B": "two words"}, [MOUNT])
    assert found[:5] == ["/bin/podman", "--runtime", "runc", "run", "--name"]
    assert found[6:12] == ["--log-driver", "none", "--label", "sagewright=/data/work", "--hostname", "algo-1"]
    return found[12:]


def test_a_batch_job() -> None:
    found = words(channels=(LINKED, COPIED))
    assert found == [
        *("--pull", "never", "--security-opt", "label=disable", "--network", "host"),
        *("--memory", str(2**30), "--cpus", "2", "--shm-size", str(2**29)),
        *("--env-file", "/data/work/w/environment", "--env", "B=two words"),
        *("--volume", "/data/work/w/opt/ml:/opt/ml", "--volume", "/data/work/w/hosts:/etc/hosts:ro"),
        *("--volume", "/data/work/w/opt/ml/input/data/train:/opt/ml/input/data/train:ro"),
        *("--volume", "/mnt/efs:/opt/ml/input/data/efs", "mine:1", "train"),
    ]


def test_an_entry_point_of_the_requests_own() -> None:
    assert words(command=("sh", "-c", "x"), entrypoint=True)[-5:] == ["--entrypoint", "sh", "mine:1", "-c", "x"]


@pytest.mark.parametrize(("args", "left"), [(("--network", "host", "-q"), "-q"), (("--net=host", "-q"), "-q")])
def test_isolation_goes_before_a_network_of_the_settings(args: tuple[str, ...], left: str) -> None:
    found = words(*args, network_isolation=True)
    assert found[found.index("--network") + 1] == "none"
    assert "host" not in found
    assert left in found


def test_a_service_is_published_on_its_own_address() -> None:
    found = words(kind="service", command=("serve",))
    assert found[4:6] == ["--publish", "127.1.2.3:8080:8080"]
    assert "--network" not in found
    assert words("--network", "host", kind="service")[-4:-2] == ["--network", "host"]


def test_gpus_and_pulling() -> None:
    found = words(resources=Resources(2, 2**30, 1), pull=True)
    assert found[:2] == ["--pull", "missing"]
    assert found[found.index("--device") + 1] == "nvidia.com/gpu=all"


def test_the_environment_is_the_commands_alone(tmp_path: Path) -> None:
    """A job's variables must not be the engine's client's, which runs outside of any container."""
    launch = Engine(("docker",)).launch()
    container = Container(launch, str(tmp_path), Workload("w", "batch", ("train",), image="mine:1").to_json())
    env = {"LD_PRELOAD": "/x.so", "LINES": "one\ntwo", "JSON": '{"a": 1}', "EMPTY": ""}
    container.write_environment(env)
    assert (tmp_path / "environment").read_text() == "LD_PRELOAD=/x.so\nEMPTY=\n"
    assert (tmp_path / "environment").stat().st_mode & 0o777 == 0o600
    argv = container.argv(("train",), env, [])
    assert [argv[at + 1] for at, word in enumerate(argv) if word == "--env"] == ["LINES=one\ntwo", 'JSON={"a": 1}']


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (127, "x\nError: runc: exec: not found", "AlgorithmError: Error: runc: exec: not found, exit code: 127"),
        (
            125,
            "docker: Error response from daemon: no space.\n\nRun 'docker run --help' for more information",
            "InternalServerError: The container engine cannot run the image: "
            "docker: Error response from daemon: no space.",
        ),
        (127, "sh: train: command not found", None),
        (1, "Error: mine", None),
    ],
)
def test_why_a_command_did_not_start(code: int, said: str, reason: str | None) -> None:
    launch = Engine(("docker",)).launch()
    found = Container(launch, "/w", Workload("w", "batch", ("train",), image="mine:1").to_json()).fault(code, said)
    assert (found and str(found)) == reason


def test_the_engine_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("podman", "nerdctl"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine.find("off") is None
    assert engine.find("docker") is None
    assert engine.find("auto", "--quiet 'a b'") == Engine((f"{tmp_path}/podman",), ("--quiet", "a b"))
    assert engine.find("nerdctl --x y", pull=True) == Engine((f"{tmp_path}/nerdctl", "--x", "y"), (), True)
