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
    """After the engine's own, without the name."""
    values = {"resources": Resources(2, 2**30), "address": "127.1.2.3", "image": "mine:1", **members}
    work = Workload("w", values.pop("kind", "batch"), command, **values).to_json()
    launch = Engine(("/bin/podman", "--runtime", "runc"), args, pull).launch()
    found = Container(launch, "/data/work/w", work).argv(command, ["A"], [MOUNT])
    assert found[:6] == ["/bin/podman", "--runtime", "runc", "run", "--rm", "--name"]
    return found[7:]


def test_a_batch_job() -> None:
    found = words(channels=(LINKED, COPIED))
    assert found == [
        *("--log-driver", "none", "--pull", "never", "--network", "host"),
        *("--memory", str(2**30), "--cpus", "2", "--env", "A"),
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
    assert found[2:4] == ["--pull", "missing"]
    assert found[found.index("--device") + 1] == "nvidia.com/gpu=all"


def test_the_engine_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("podman", "nerdctl"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine.find("off") is None
    assert engine.find("docker") is None
    assert engine.find("auto", "--quiet 'a b'") == Engine((f"{tmp_path}/podman",), ("--quiet", "a b"))
    assert engine.find("nerdctl --x y", pull=True) == Engine((f"{tmp_path}/nerdctl", "--x", "y"), (), True)
