"""FrameworkSuite's training half over the frameworks that the default install has, and what the backend adds to it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagewright.runtime.local import LocalBackend
from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Channel, Resources, S3Input, Workload
from sagewright.testing.backend_inputs import Bench, tar
from sagewright.testing.framework_training import FrameworkTrainingSuite
from sagewright.testing.s3_stub import S3Stub

_REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


class TestScikitLearn(FrameworkTrainingSuite):
    name = "scikit-learn"
    module = "sklearn"
    title = "scikit-learn"
    image = f"{_REGISTRY}/sagemaker-scikit-learn:0.23-1-cpu-py3"


class TestXGBoost(FrameworkTrainingSuite):
    name = "xgboost"
    module = "xgboost"
    title = "XGBoost"
    image = f"{_REGISTRY}/sagemaker-xgboost:1.7-1"


_HUNGRY = b"import time\nheld = bytearray(b'x' * 400_000_000)\ntime.sleep(60)\n"


class TestOnTheBackend(Bench):
    """A script in the toolkit in a job."""

    def new_backend(self, data_dir: Path) -> LocalBackend:
        return LocalBackend(data_dir)

    def ended(self, backend: LocalBackend, s3: S3Stub, script: bytes, **changes: Any) -> Observation:
        s3.put("code/sourcedir.tar.gz", tar(**{"train.py" if script else "other.py": script}))
        launch = (sys.executable, "-m", "sagewright_frameworks", "scikit-learn")
        source = S3Input("s3://bucket/code/sourcedir.tar.gz", "S3Object")
        hyperparameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source.uri}
        config = {
            "hyperparameters": hyperparameters,
            "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
            "inputdataconfig": {},
        }
        channels = (Channel("source", source, path="input/source"),)
        work = Workload(
            "script", "batch", (*launch, "train"), config=config, channels=channels, setup=(*launch, "setup")
        )
        return self.finish(backend, replace(work, **changes))

    def test_killed_by_memory(self, real: LocalBackend, s3: S3Stub) -> None:
        seen = self.ended(real, s3, _HUNGRY, resources=Resources(1, 250_000_000))
        assert seen.failure is not None
        assert seen.failure.reason.startswith("ClientError: Please use an instance type with more memory")
        assert "Out of memory: " in seen.failure.reason
        assert "the limit is 238 MiB" in seen.failure.reason

    def test_killed_by_a_signal(self, real: LocalBackend, s3: S3Stub) -> None:
        seen = self.ended(real, s3, b"import os\nos.kill(os.getpid(), 9)\n")
        assert seen.failure is not None
        assert "Process killed by SIGKILL (signal 9): out of memory, or killed from outside" in seen.failure.reason
        assert seen.failure.reason.endswith(", exit code: 1")

    def test_no_source(self, real: LocalBackend, s3: S3Stub) -> None:
        seen = self.ended(real, s3, b"")
        assert seen.failure is not None
        assert "The source has no train.py" in seen.failure.reason
