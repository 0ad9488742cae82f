"""What goes before a script, and what it finds set, by what the SDK asks for."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.training import remote
from sagewright_frameworks.training.environment import TrainingEnvironment
from sagewright_frameworks.training.launch import launcher, lends, tf_config, variables

Make = Callable[..., TrainingEnvironment]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def of(host: int = 1, count: int = 1, **parameters: Any) -> TrainingEnvironment:
        config = tmp_path / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        hosts = [f"algo-{number}" for number in range(1, count + 1)]
        resources = {"current_host": f"algo-{host}", "hosts": hosts, "network_interface_name": "lo"}
        given = {f"sagemaker_{name}": json.dumps(value) for name, value in parameters.items()}
        for name, document in (("resourceconfig", resources), ("hyperparameters", given), ("inputdataconfig", {})):
            (config / f"{name}.json").write_text(json.dumps(document))
        return TrainingEnvironment(Environment(tmp_path))

    return of


def test_without_a_distribution_there_is_the_python_alone(make: Make) -> None:
    assert launcher(make(), "py") == ["py"]
    assert variables(make(), "sklearn") == {}
    assert variables(make(2, 2), "torch") == {"MASTER_ADDR": "algo-1", "MASTER_PORT": "7777"}


@pytest.mark.parametrize("asked", ["torch_distributed_enabled", "pytorch_ddp_enabled"])
def test_torchrun(make: Make, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_NUM_GPUS", "4")
    words = ["--nnodes=3", "--nproc_per_node=4", "--node_rank=1", "--master_addr=algo-1", "--master_port=7777"]
    training = make(2, 3, **{asked: True})
    assert launcher(training, "py") == ["py", "-m", "torch.distributed.run", *words]
    assert variables(training, "torch")["GLOO_SOCKET_IFNAME"] == "lo"


def test_mpi(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    options = {"mpi_num_of_processes_per_host": 3, "mpi_custom_mpi_options": "-x 'A B' --verbose"}
    with pytest.raises(ClientError, match="apt-get install openmpi-bin"):
        launcher(make(mpi_enabled=True, **options), "py")
    (tmp_path / "mpirun").write_text("#!/bin/sh\n")
    (tmp_path / "mpirun").chmod(0o755)
    found = launcher(make(mpi_enabled=True, **options), "py")
    assert found[0] == f"{tmp_path}/mpirun"
    assert found[3:] == ["-np", "3", "-x", "A B", "--verbose", "py"]


def test_mpi_on_several_instances(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "mpirun").write_text("#!/bin/sh\n")
    (tmp_path / "mpirun").chmod(0o755)
    training = make(1, 3, mpi_enabled=True, mpi_num_of_processes_per_host=2)
    words = launcher(training, "py")
    assert words[3:7] == ["-np", "6", "--host", f"{socket.gethostname()}:2,algo-2:2,algo-3:2"]
    assert words[words.index("plm_rsh_agent") + 1] == remote.agent()
    assert words[words.index("btl_tcp_if_include") + 1] == "lo"
    assert [lends(make(host, 3, mpi_enabled=True)) for host in (1, 2, 3)] == [False, True, True]
    assert not lends(make(2, 3, torch_distributed_enabled=True))


def test_tensorflows_clusters(make: Make) -> None:
    assert tf_config(make(2, 3, multi_worker_mirrored_strategy_enabled=True)) == {
        "cluster": {"worker": ["algo-1:8890", "algo-2:8890", "algo-3:8890"]},
        "task": {"type": "worker", "index": 1},
    }
    cluster = {
        "master": ["algo-1:2222"],
        "ps": ["algo-1:2223", "algo-2:2223", "algo-3:2223"],
        "worker": ["algo-2:2222", "algo-3:2222"],
    }
    tasks = [{"index": 0, "type": "master"}, {"index": 0, "type": "worker"}, {"index": 1, "type": "worker"}]
    for host, task in enumerate(tasks, 1):
        training = make(host, 3, parameter_server_enabled=True)
        assert tf_config(training) == {"cluster": cluster, "environment": "cloud", "task": task}
        assert json.loads(variables(training, "tensorflow")["TF_CONFIG"])["task"] == task
    assert tf_config(make(parameter_server_enabled=True)) is None


def test_amazons_own_libraries_are_refused(make: Make) -> None:
    with pytest.raises(ClientError, match="does not run the distribution distributed_dataparallel"):
        launcher(make(distributed_dataparallel_enabled=True), "py")
