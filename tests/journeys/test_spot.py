"""Managed spot training against a real server: `sagewright interrupt`, checkpoints, resumption."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from sagemaker_journey import GROUP, ROLE, Journey, journey

from clients.command import SAGEWRIGHT, clean_environment

pytestmark = pytest.mark.slow

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = """
import os, signal, sys, time
from pathlib import Path

base = Path(os.environ["SAGEMAKER_BASE_DIR"])
state = base / "checkpoints" / "epoch"
first = int(state.read_text()) if state.exists() else 0
print("begins at", first, flush=True)


def leave(number, frame):
    print("notice", flush=True)
    sys.exit(1)


signal.signal(signal.SIGTERM, leave)
for epoch in range(first, 40):
    time.sleep(0.1)
    state.write_text(str(epoch + 1))
    print("epoch", epoch, flush=True)
(base / "model" / "model.txt").write_text(f"from {first}")
"""


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.s3.create_bucket(Bucket="journey")
        made.s3.put_object(Bucket="journey", Key="code/train.py", Body=SCRIPT.encode())
        yield made


def interrupt(trip: Journey, job: str) -> subprocess.CompletedProcess[str]:
    command = [*SAGEWRIGHT, "interrupt", job, "--data-dir", str(trip.server.data_dir)]
    return subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)


def start(trip: Journey, name: str, *, spot: bool = True) -> None:
    waiting = {"MaxWaitTimeInSeconds": 600} if spot else {}
    trip.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
        },
        InputDataConfig=[
            {
                "ChannelName": "code",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://journey/code/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://journey/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600, **waiting},
        EnableManagedSpotTraining=spot,
        CheckpointConfig={"S3Uri": f"s3://journey/checkpoints/{name}"},
    )


def epochs(trip: Journey, name: str) -> list[int]:
    return [int(line.split()[1]) for line in trip.log(GROUP, f"{name}/") if line.startswith("epoch")]


def statuses(job: dict[str, Any]) -> list[str]:
    return [each["Status"] for each in job["SecondaryStatusTransitions"]]


def test_an_interrupted_job_resumes_from_its_checkpoint(trip: Journey) -> None:
    start(trip, "spot")
    trip.until(lambda: epochs(trip, "spot"), lambda found: len(found) >= 10)
    done = interrupt(trip, "spot")
    assert done.returncode == 0, done.stderr
    assert "spot was interrupted" in done.stdout
    job = trip.trained("spot")
    assert job["TrainingJobStatus"] == "Completed", job
    assert statuses(job).count("Interrupted") == 1
    assert "notice" in trip.log(GROUP, "spot/")
    begun = [int(line.split()[2]) for line in trip.log(GROUP, "spot/") if line.startswith("begins")]
    assert begun[0] == 0
    assert begun[1] >= 10
    assert sorted(epochs(trip, "spot")) == list(range(40)), "no epoch is trained twice, none is left out"
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    keys = [each["Key"] for each in trip.s3.list_objects_v2(Bucket="journey", Prefix="output/spot/")["Contents"]]
    assert keys == ["output/spot/output/model.tar.gz"]
    assert interrupt(trip, "spot").stderr == "sagewright interrupt: spot is Completed: it has no instances\n"


def test_a_killed_server_still_resumes_it(trip: Journey) -> None:
    start(trip, "killed")
    trip.until(lambda: epochs(trip, "killed"), lambda found: len(found) >= 5)
    assert interrupt(trip, "killed").returncode == 0
    trip.server.kill()
    trip.server.start()
    job = trip.trained("killed")
    assert job["TrainingJobStatus"] == "Completed", job
    assert sorted(set(epochs(trip, "killed"))) == list(range(40))


def test_jobs_on_demand_keep_their_instances(trip: Journey) -> None:
    start(trip, "demand", spot=False)
    said = interrupt(trip, "demand")
    assert said.returncode == 1
    assert "does not use managed spot training" in said.stderr
    trip.sagemaker.stop_training_job(TrainingJobName="demand")
    assert trip.trained("demand")["TrainingJobStatus"] == "Stopped"
    assert "ResourceNotFound" in interrupt(trip, "nobody").stderr or "not found" in interrupt(trip, "nobody").stderr
