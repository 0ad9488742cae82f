"""A SageMaker service in one process over a fake backend and a fake clock; nothing is launched, no socket opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sagewright.core.clock import FakeClock
from sagewright.core.errors import AwsError
from sagewright.kit.hold import Holder, Holds
from sagewright.kit.operation import Context, Service, Services, operation
from sagewright.runtime.capacity import MachineAdmission
from sagewright.runtime.fake import FakeBackend, Run, Script
from sagewright.runtime.reconcile import Controller, Reconciler
from sagewright.runtime.workload import Workload
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.logs import logs
from sagewright.services.sagemaker import sagemaker
from sagewright.services.sagemaker.images import Images
from sagewright.services.sagemaker.tuning.optimizer import OptimizerError
from sagewright.store import Store
from sagewright.wire import models
from sagewright.wire.client import Clients, Target
from sagewright_tuning.__main__ import answer as optimizer_answer

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/sagemaker"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"

ALGORITHM = {
    "name": "xgboost",
    "images": [{"repository": "sagemaker-xgboost", "tags": ["1.5-1", "1.7-1"]}],
    "command": {"train": ["-m", "algorithm", "train"], "serve": ["-m", "algorithm", "serve"]},
    "metrics": [
        {"Name": "train:rmse", "Regex": r".*\[[0-9]+\].*#011train-rmse:(\S+)", "Direction": "Minimize"},
        {"Name": "validation:rmse", "Regex": r".*\[[0-9]+\].*#011validation-rmse:(\S+)", "Direction": "Minimize"},
    ],
    "gpu": False,
    "distributed": False,
}
FRAMEWORK = {
    "name": "scikit-learn",
    "images": [{"repository": "sagemaker-scikit-learn", "tags": [], "tag_pattern": r"\d+\.\d+-\d+-cpu-py3"}],
    "command": {verb: ["-m", "framework", verb] for verb in ("train", "serve", "setup")},
    "metrics": [],
}


class OneObjectStore:
    """The part of S3 that CreateModel asks."""

    def __init__(self) -> None:
        self.keys = {("bucket", "model.tar.gz"), ("bucket", "plain/model")}

    @operation()
    def head_object(self, ctx: Context, bucket: str, key: str) -> dict[str, Any]:
        if (bucket, key) not in self.keys:
            raise AwsError("404", "Not Found", 404)
        return {}

    @operation()
    def list_objects_v2(self, ctx: Context, bucket: str, prefix: str, max_keys: int) -> dict[str, Any]:
        return {"Contents": [{"Key": k} for b, k in self.keys if b == bucket and k.startswith(prefix)][:max_keys]}


class InThisProcess:
    """The optimiser without a process of its own."""

    async def ask(self, question: Mapping[str, Any]) -> list[dict[str, str]]:
        answer = optimizer_answer(json.dumps(question))
        if "error" in answer:
            raise OptimizerError(answer["error"])
        return list(answer["values"])

    def close(self) -> None:
        """Nothing is open."""


class World:
    """A server's parts; ``call`` is a boto-like call, ``run`` lets time pass with the reconciler at work."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.runs: dict[str, Run] = {}
        self.script: Callable[[Workload], Script] = lambda workload: Script()
        self.busy: dict[str, int] = {}
        self.settings = settings
        self.start()

    def start(self) -> None:
        """A server process comes up; called again, the one before was killed without a word."""
        self.store = Store(self.folder, self.clock)
        self.clients = Clients(self._call)
        self.backend = FakeBackend(
            self.clock,
            lambda workload: self.script(workload),
            runs=self.runs,
            capabilities=self.settings.get("capabilities"),
        )
        strict = self.settings.get("strict", False)
        self.admission = MachineAdmission(self.backend.capacity(), strict=strict)
        self.parts = sagemaker(
            self.store,
            self.clock,
            Holder(self.store, self.clock, Holds()),
            self.clients,
            self.backend,
            self.admission,
            lambda instance: self.busy.get(instance, 0),
            self._kick,
            images=Images(lambda: [ALGORITHM], lambda: [FRAMEWORK]),
            optimizer=InThisProcess(),
            spot=self.settings.get("spot"),
        )
        everything = [
            self.parts.service,
            logs(self.store, self.clock),
            cloudwatch(self.store, self.clock),
            Service("s3", OneObjectStore()),
        ]
        self.services = Services.of(*everything)
        self.reconciler = Reconciler(self.parts.controllers, self.clock)
        self.parts.sweep()
        self.admission.rebuild(self.backend)
        for controller in self.parts.controllers:
            for key in controller.active():
                self.reconciler.kick(controller, key)

    def kill(self) -> None:
        self.store.close()

    def _kick(self, controller: Controller, key: str) -> None:
        self.reconciler.kick(controller, key)

    async def _call(self, to: Target, operation_name: str, members: dict[str, Any]) -> dict[str, Any]:
        name = models.operation_name(to.service, operation_name)
        return await self.services(Context(to.account, to.region, to.service, name, "request", self.clients, members))

    def call(self, operation_name: str, service: str = "sagemaker", **members: Any) -> dict[str, Any]:
        return asyncio.run(self._call(Target(service, ACCOUNT, REGION), operation_name, members))

    def run(self, seconds: float, every: float = 0.25) -> None:
        async def passing() -> None:
            end = self.clock.now() + seconds
            while self.clock.now() < end:
                await self.reconciler.run_due()
                self.clock.advance(every)
            await self.reconciler.run_due()

        asyncio.run(passing())

    def log(self, group: str, stream_prefix: str = "") -> list[str]:
        streams = self.call("describe_log_streams", "logs", logGroupName=group)["logStreams"]
        names = [stream["logStreamName"] for stream in streams if stream["logStreamName"].startswith(stream_prefix)]
        return [
            event["message"]
            for name in names
            for event in self.call(
                "get_log_events", "logs", logGroupName=group, logStreamName=name, startFromHead=True
            )["events"]
        ]


def training_request(name: str = "job", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"num_round": "3"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **changes,
    }


def variant(name: str = "AllTraffic", model: str = "model", **changes: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **changes,
    }


def make_model(world: World, name: str = "model", **changes: Any) -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz", "Environment": {"E": "1"}, **changes}
    return world.call("create_model", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def deploy(world: World, name: str = "endpoint", *variants: dict[str, Any]) -> None:
    """A model where there is none, a config of the endpoint's name, and the endpoint."""
    if not world.call("list_models")["Models"]:
        make_model(world)
    chosen = list(variants) or [variant()]
    world.call("create_endpoint_config", EndpointConfigName=name, ProductionVariants=chosen)
    world.call("create_endpoint", EndpointName=name, EndpointConfigName=name)
