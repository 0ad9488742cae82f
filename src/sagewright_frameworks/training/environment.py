"""The environment of a training script: SM_* variables and arguments, as AWS's training toolkit makes them.

https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sagewright_algorithms.contract.environment import Environment

PORT = os.environ.get("SAGEWRIGHT_JOB_PORT", "7777")
"""Where the processes of a job's instances meet."""
_OURS = ("_tuning_objective_metric", "default_user_module_name")
"""Hyperparameters that are not the user's, beside those that begin with ``sagemaker_``."""
_NOT_PARAMETERS = (
    *_OURS,
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_s3_output",
)
"""Those of them that are not the framework's parameters either."""
_INFO = 20
_GROUP = "homogeneousCluster"
_DISTRIBUTIONS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


@dataclass(frozen=True)
class TrainingEnvironment:
    """environment: the container's. framework: name of AWS's module that would train, for SM_FRAMEWORK_MODULE."""

    environment: Environment
    framework: str = ""

    @cached_property
    def _all(self) -> dict[str, Any]:
        return {name: _decoded(value) for name, value in self.environment.hyperparameters.items()}

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """The user's own, decoded."""
        return {
            name: value for name, value in self._all.items() if name not in _OURS and not name.startswith("sagemaker_")
        }

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What the SDK tells the framework's container: ``sagemaker_torch_distributed_enabled`` ..."""
        return {
            name: value
            for name, value in self._all.items()
            if name.startswith("sagemaker_") and name not in _NOT_PARAMETERS
        }

    @property
    def distributions(self) -> list[str]:
        """Those of the parameters that ask for a way to train on several processes."""
        return [name for name in _DISTRIBUTIONS if self.parameters.get(name)]

    @property
    def program(self) -> str:
        """What to run: a script or a module; empty where nothing is named."""
        return os.environ.get("SAGEMAKER_PROGRAM") or str(self._all.get("sagemaker_program") or "")

    @property
    def submit_directory(self) -> str:
        return str(self._all.get("sagemaker_submit_directory") or self._path("code"))

    @property
    def hosts(self) -> list[str]:
        return list(self.environment.hosts)

    @property
    def rank(self) -> int:
        return self.hosts.index(self.environment.current_host)

    @property
    def gpus(self) -> int:
        return int(os.environ.get("SM_NUM_GPUS") or 0)

    @property
    def arguments(self) -> list[str]:
        """The hyperparameters in the order of their names: ``--name value``; ``-n value`` for a name of one letter."""
        found: list[str] = []
        for name, value in sorted(self.hyperparameters.items()):
            found += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(value)]
        return found

    @cached_property
    def document(self) -> dict[str, Any]:
        """What is in SM_TRAINING_ENV."""
        resources = self._config("resourceconfig")
        groups = {each["instance_group_name"]: each for each in resources.get("instance_groups", [])}
        group = resources.get("current_group_name", _GROUP)
        distributed = self.parameters.get(
            "sagemaker_distribution_instance_groups", [group] if self.distributions else []
        )
        members = [host for name in distributed for host in groups.get(name, {"hosts": self.hosts})["hosts"]]
        return {
            "additional_framework_parameters": self.parameters,
            "channel_input_dirs": {name: self._path(f"input/data/{name}") for name in self.environment.input_data},
            "current_host": self.environment.current_host,
            "current_instance_group": group,
            "current_instance_group_hosts": groups.get(group, {"hosts": []})["hosts"],
            "current_instance_type": resources.get("current_instance_type", "local"),
            "distribution_hosts": members,
            "distribution_instance_groups": distributed,
            "framework_module": self.framework or None,
            "hosts": self.hosts,
            "hyperparameters": self.hyperparameters,
            "input_config_dir": self._path("input/config"),
            "input_data_config": self.environment.input_data,
            "input_dir": self._path("input"),
            "instance_groups": list(groups),
            "instance_groups_dict": groups,
            "is_hetero": len(groups) > 1,
            "is_master": self.environment.current_host == (members or self.hosts)[0],
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": os.environ.get("TRAINING_JOB_NAME"),
            "log_level": int(self._all.get("sagemaker_container_log_level", _INFO)),
            "master_hostname": (members or self.hosts)[0],
            "model_dir": self._path("model"),
            "module_dir": self.submit_directory,
            "module_name": self.program.removesuffix(".py"),
            "network_interface_name": resources.get("network_interface_name", "eth0"),
            "num_cpus": int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1),
            "num_gpus": self.gpus,
            "num_neurons": 0,
            "output_data_dir": self._path("output/data"),
            "output_dir": self._path("output"),
            "output_intermediate_dir": self._path("output/intermediate"),
            "resource_config": resources,
            "topology": resources.get("topology", []),
            "user_entry_point": self.program,
        }

    @cached_property
    def variables(self) -> dict[str, str]:
        """All SM_* variables."""
        document = self.document
        values = {name: document[name] for name in _VARIABLES}
        values |= {
            "hps": self.hyperparameters,
            "framework_params": self.parameters,
            "channels": sorted(self.environment.input_data),
            "training_env": document,
            "user_args": self.arguments,
            **{f"channel_{name}": path for name, path in document["channel_input_dirs"].items()},
            **{f"hp_{name}": value for name, value in self.hyperparameters.items()},
        }
        return {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}

    def _path(self, name: str) -> str:
        return str(self.environment.base / name)

    def _config(self, name: str) -> dict[str, Any]:
        file = Path(self._path(f"input/config/{name}.json"))
        found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return found


_VARIABLES = (
    "current_host",
    "current_instance_group",
    "current_instance_group_hosts",
    "current_instance_type",
    "distribution_instance_groups",
    "framework_module",
    "hosts",
    "input_config_dir",
    "input_data_config",
    "input_dir",
    "instance_groups",
    "instance_groups_dict",
    "is_hetero",
    "log_level",
    "model_dir",
    "module_dir",
    "module_name",
    "network_interface_name",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "output_data_dir",
    "output_dir",
    "output_intermediate_dir",
    "resource_config",
    "user_entry_point",
)
"""Members of the document that are variables of their own."""


def _decoded(value: Any) -> Any:
    """The SDK encodes each hyperparameter in JSON; others send plain words."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={each}" for name, each in sorted(value.items()))
    return "" if value is None else str(value)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
