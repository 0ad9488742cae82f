"""What the SageMaker journeys share: a real server that knows the scripted algorithm, and boto3 clients of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from sagewright.testing.server import ServerHandle, running_server

ROLE = "arn:aws:iam::000000000000:role/sagemaker"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/scripted:1"
GROUP = "/aws/sagemaker/TrainingJobs"


class Journey:
    """Clients of one server, and the steps most journeys take."""

    def __init__(self, server: ServerHandle) -> None:
        self.server = server
        self.sagemaker = self.client("sagemaker")
        self.runtime = self.client("sagemaker-runtime")
        self.s3 = self.client("s3")
        self.logs = self.client("logs")

    def client(self, service: str) -> Any:
        return boto3.client(service, **self.server.boto3, config=Config(retries={"max_attempts": 0}))

    def data(self, rows: int = 10) -> str:
        self.s3.create_bucket(Bucket="journey")
        self.s3.put_object(Bucket="journey", Key="train/rows.csv", Body=b"1,2\n" * rows)
        return "s3://journey/train"

    def train(self, name: str, uri: str = "s3://journey/train", **changes: Any) -> str:
        """changes: hyperparameters in lower case, members of the request in AWS's."""
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {key: str(value) for key, value in changes.items() if key.islower()},
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://journey/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **{key: value for key, value in changes.items() if not key.islower()},
        }
        return str(self.sagemaker.create_training_job(**request)["TrainingJobArn"])

    def trained(self, name: str) -> dict[str, Any]:
        """The job once it has ended, however it did."""
        return self.until(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
        )

    def until(self, look: Any, settled: Any, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            seen = look()
            if settled(seen):
                return seen
            assert time.monotonic() < deadline, f"after {seconds} s still: {seen}"
            time.sleep(0.05)

    def log(self, group: str, prefix: str) -> list[str]:
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []  # nothing was logged yet
        found = []
        for stream in streams:
            place = {"logGroupName": group, "logStreamName": stream["logStreamName"], "startFromHead": True}
            found += [event["message"] for event in self.logs.get_log_events(**place)["events"]]
        return found

    def deploy(self, name: str, model_data: str, image: str = IMAGE, **settings: Any) -> None:
        self.configure(name, model_data, image, **settings)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def configure(self, name: str, model_data: str, image: str = IMAGE, **settings: Any) -> None:
        """A model and an endpoint configuration of one name.

        settings: members of the variant in AWS's case, the model's environment in upper case.
        """
        environment = {key: value for key, value in settings.items() if key.isupper()}
        container = {"Image": image, "ModelDataUrl": model_data, "Environment": environment}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
            **{key: value for key, value in settings.items() if not key.isupper()},
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def kill_and_restart(self, away: float = 0.3) -> None:
        """kill -9 of the server. away: seconds without one."""
        self.server.kill()
        time.sleep(away)
        self.server.start()

    def agents(self, part: str) -> list[int]:
        """Processes of the agents that look after this server's workloads with part in their name."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError, ValueError):
                words = place.read_bytes().decode().split("\0")
                below = [word for word in words if word.startswith(f"{self.server.data_dir}/")]
                named = any(part in Path(word).name for word in below)
                if named and any(word.endswith("agent/__main__.py") for word in words):
                    found.append(int(place.parent.name))
        return found

    def status(self, endpoint: str) -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"])

    def in_service(self, endpoint: str) -> None:
        self.until(lambda: self.status(endpoint), lambda status: status == "InService")

    def invoke(self, endpoint: str, **asked: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Body=json.dumps(asked)
        )
        parsed: dict[str, Any] = json.loads(answer["Body"].read())
        return parsed


@contextmanager
def journey(data_dir: Path, **settings: str) -> Iterator[Journey]:
    """A server of its own that finds the scripted algorithm."""
    paths = [str(Path(__file__).parent / "scripted"), settings.pop("PYTHONPATH", os.environ.get("PYTHONPATH", ""))]
    with running_server(data_dir, PYTHONPATH=os.pathsep.join(filter(None, paths)), **settings) as server:
        yield Journey(server)
