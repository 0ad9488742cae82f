"""How a script is started where the SDK asked for a distribution: what goes before it, and what it finds set.

https://docs.aws.amazon.com/sagemaker/latest/dg/distributed-training-get-started.html
https://github.com/aws/sagemaker-tensorflow-training-toolkit (TF_CONFIG)
"""

from __future__ import annotations

import json
import shlex
import shutil
import socket
from importlib.util import find_spec

from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.training import remote
from sagewright_frameworks.training.environment import PORT, TrainingEnvironment

_MPI = "sagemaker_mpi_enabled"
_PARAMETER_SERVER = "sagemaker_parameter_server_enabled"
_MIRRORED = "sagemaker_multi_worker_mirrored_strategy_enabled"
_TORCHRUN = ("sagemaker_torch_distributed_enabled", "sagemaker_pytorch_ddp_enabled")
_WORKER_PORT, _PS_PORT, _MIRRORED_PORT = 2222, 2223, 8890


def launcher(training: TrainingEnvironment, python: str) -> list[str]:
    """The command that the script and its arguments are the end of, where the instance does not lend itself.

    Raises ClientError.
    """
    asked = training.distributions
    if others := [name for name in asked if name not in (*_TORCHRUN, _MPI, _PARAMETER_SERVER, _MIRRORED)]:
        shown = ", ".join(name.removeprefix("sagemaker_").removesuffix("_enabled") for name in others)
        raise ClientError(
            f"Sagewright does not run the distribution {shown}, a library of AWS's for its own network: use "
            "torch_distributed, mpi or multi_worker_mirrored_strategy."
        )
    if any(name in _TORCHRUN for name in asked):
        return [python, "-m", "torch.distributed.run", *_torchrun(training)]
    if _MPI in asked:
        return [*_mpirun(training), python, *(["-m", "mpi4py"] if find_spec("mpi4py") else [])]
    return [python]


def _torchrun(training: TrainingEnvironment) -> list[str]:
    hosts = training.hosts
    words = {
        "nnodes": len(hosts),
        "nproc_per_node": max(1, training.gpus),
        "node_rank": training.rank,
        "master_addr": hosts[0],
        "master_port": PORT,
    }
    return [f"--{name}={value}" for name, value in words.items()]


def lends(training: TrainingEnvironment) -> bool:
    """Whether this instance only lends its processors to the mpirun of the first one."""
    return _MPI in training.distributions and training.rank > 0


def _mpirun(training: TrainingEnvironment) -> list[str]:
    program = shutil.which("mpirun")
    if program is None:
        raise ClientError("MPI needs mpirun, and there is none here. Install it (Debian: apt-get install openmpi-bin).")
    hosts = training.hosts
    count = int(training.parameters.get("sagemaker_mpi_num_of_processes_per_host") or max(1, training.gpus))
    custom = shlex.split(str(training.parameters.get("sagemaker_mpi_custom_mpi_options") or ""))
    words = [program, "--allow-run-as-root", "--oversubscribe", "-np", str(count * len(hosts))]
    return [*words, *(_to(training, count) if len(hosts) > 1 else ()), *custom]


def _to(training: TrainingEnvironment, count: int) -> list[str]:
    """What has mpirun reach the other instances. count: of processes on each."""
    others = training.hosts[1:]
    interface = training.document["network_interface_name"]
    settings = {
        "plm_rsh_agent": remote.agent(),
        "orte_leave_session_attached": "1",  # so that the daemons over there end with the connection
        "oob_tcp_if_include": interface,
        "btl_tcp_if_include": interface,
    }
    hosts = ",".join(f"{host}:{count}" for host in (socket.gethostname(), *others))
    return ["--host", hosts, *(word for name, value in settings.items() for word in ("--mca", name, value))]


def variables(training: TrainingEnvironment, module: str) -> dict[str, str]:
    """What the frameworks' own libraries go by. module: the framework's."""
    interface = training.document["network_interface_name"]
    found = {"NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface} if training.distributions else {}
    if module in ("torch", "transformers"):
        found |= {"MASTER_ADDR": training.document["master_hostname"], "MASTER_PORT": PORT}
    if config := tf_config(training):
        found["TF_CONFIG"] = json.dumps(config)
    return found


def tf_config(training: TrainingEnvironment) -> dict[str, object] | None:
    """TensorFlow's cluster, as its container describes it; None where nothing asks for one."""
    hosts, own = training.hosts, training.environment.current_host
    if _MIRRORED in training.distributions:
        workers = [f"{host}:{_MIRRORED_PORT}" for host in hosts]
        return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": training.rank}}
    if _PARAMETER_SERVER not in training.distributions or len(hosts) == 1:
        return None
    cluster = {
        "master": [f"{hosts[0]}:{_WORKER_PORT}"],
        "ps": [f"{host}:{_PS_PORT}" for host in hosts],
        "worker": [f"{host}:{_WORKER_PORT}" for host in hosts[1:]],
    }
    first = own == hosts[0]
    task = {"index": 0 if first else training.rank - 1, "type": "master" if first else "worker"}
    return {"cluster": cluster, "environment": "cloud", "task": task}
