"""Training on several instances, with boto3 against a real server: they meet, they end together, one archive."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_journey import GROUP, Journey, journey

from sagewright.runtime import sandbox

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.data()
        yield made


def train(trip: Journey, name: str, **changes: Any) -> None:
    trip.train(name, **{"ResourceConfig": TWO, **changes})


def unpacked(trip: Journey, job: str, name: str = "model.tar.gz") -> dict[str, bytes]:
    body = trip.s3.get_object(Bucket="journey", Key=f"output/{job}/output/{name}")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def log(trip: Journey, job: str, host: str) -> list[str]:
    return trip.log(GROUP, f"{job}/{host}-")


def ended_as(job: dict[str, Any], status: str) -> None:
    assert job["TrainingJobStatus"] == status, job.get("FailureReason")


def test_instances_meet_and_their_files_are_one_archive(trip: Journey) -> None:
    train(trip, "meet", meet=1, **{"algo-2": json.dumps({"file": "second.txt", "model": "two"})})
    job = trip.trained("meet")
    ended_as(job, "Completed")
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    for host, other in (("algo-1", "algo-2"), ("algo-2", "algo-1")):
        lines = log(trip, "meet", host)
        assert f"host={host} hosts=algo-1,algo-2" in lines
        assert f"met={other}" in lines
        assert any("2 x ml.m5.large asked" in line and "each" in line for line in lines)
    assert unpacked(trip, "meet") == {"model.txt": b"model", "second.txt": b"two"}
    assert any("1 of the files in algo-2's /opt/ml/output/data" in line for line in log(trip, "meet", "algo-1"))
    assert unpacked(trip, "meet", "output.tar.gz") == {"rows.txt": b"10"}
    seconds = job["TrainingEndTime"] - job["TrainingStartTime"]
    assert job["BillableTimeInSeconds"] <= seconds.total_seconds() + 1, "of the clock, not times the instances"
    trip.until(lambda: list((trip.server.data_dir / "work").glob("*meet*")), lambda left: not left)


@pytest.mark.skipif(not sandbox.probe().network, reason=f"no network namespaces: {sandbox.probe().why}")
def test_isolated_instances_meet(trip: Journey) -> None:
    train(trip, "isolated", meet=1, EnableNetworkIsolation=True)
    ended_as(trip.trained("isolated"), "Completed")
    assert "met=algo-2" in log(trip, "isolated", "algo-1")
    assert "met=algo-1" in log(trip, "isolated", "algo-2")


def test_files_without_compression(trip: Journey) -> None:
    output = {"S3OutputPath": "s3://journey/output", "CompressionType": "NONE"}
    train(trip, "plain", OutputDataConfig=output, **{"algo-2": json.dumps({"file": "second.txt"})})
    ended_as(trip.trained("plain"), "Completed")
    keys = trip.s3.list_objects_v2(Bucket="journey", Prefix="output/plain/")["Contents"]
    assert [each["Key"].removeprefix("output/plain/output/") for each in keys] == [
        "data/rows.txt",
        "model/model.txt",
        "model/second.txt",
    ]


@pytest.mark.parametrize("ill", ["algo-1", "algo-2"])
def test_the_first_failure_is_the_jobs_and_stops_the_others(trip: Journey, ill: str) -> None:
    fault = {"exit": "2", "failure": f"ClientError: {ill} dislikes its data", "lines": "3"}
    train(trip, f"fails-{ill}", lines=1000, seconds=0.05, **{ill: json.dumps(fault)})
    job = trip.trained(f"fails-{ill}")
    ended_as(job, "Failed")
    assert job["FailureReason"] == f"ClientError: {ill} dislikes its data"
    assert "ModelArtifacts" not in job
    other = "algo-2" if ill == "algo-1" else "algo-1"
    assert "stopping" in log(trip, f"fails-{ill}", other)
    assert unpacked(trip, f"fails-{ill}", "output.tar.gz") == {"rows.txt": b"10"}
    keys = trip.s3.list_objects_v2(Bucket="journey", Prefix=f"output/fails-{ill}/")["Contents"]
    assert [each["Key"].rpartition("/")[2] for each in keys] == ["output.tar.gz"]


def test_stop_reaches_all(trip: Journey) -> None:
    train(trip, "stop", lines=1000, seconds=0.05, **{"algo-2": json.dumps({"file": "second.txt"})})
    for host in ("algo-1", "algo-2"):
        trip.until(lambda host=host: [line for line in log(trip, "stop", host) if line.startswith("line")], bool)
    trip.sagemaker.stop_training_job(TrainingJobName="stop")
    job = trip.trained("stop")
    ended_as(job, "Stopped")
    assert all("stopping" in log(trip, "stop", host) for host in ("algo-1", "algo-2"))
    assert set(unpacked(trip, "stop")) == {"model.txt", "second.txt"}


def test_max_runtime_is_the_jobs(trip: Journey) -> None:
    """The one instance that would fail of the other's end is no failure of the job."""
    late = json.dumps({"lines": "1000", "seconds": "0.05", "exit": "1"})
    condition = {"MaxRuntimeInSeconds": 1}
    train(trip, "long", lines=1, StoppingCondition=condition, **{"algo-2": late})
    job = trip.trained("long")
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
    ended_as(job, "Stopped")
    assert unpacked(trip, "long") == {"model.txt": b"model"}


def test_each_instance_has_its_shard(trip: Journey) -> None:
    for number in range(5):
        trip.s3.put_object(Bucket="journey", Key=f"shards/{number}.csv", Body=f"{number}\n".encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://journey/shards/", "S3DataDistributionType": "ShardedByS3Key"}
    channel = [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]
    train(trip, "shards", InputDataConfig=channel)
    ended_as(trip.trained("shards"), "Completed")
    assert "rows=3" in log(trip, "shards", "algo-1")
    assert "rows=2" in log(trip, "shards", "algo-2")


def test_more_instances_than_objects(trip: Journey) -> None:
    """As on AWS, those without an object get none; the log says so."""
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://journey/train", "S3DataDistributionType": "ShardedByS3Key"}
    channel = [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]
    train(trip, "few", InputDataConfig=channel, ResourceConfig={**TWO, "InstanceCount": 3})
    ended_as(trip.trained("few"), "Completed")
    assert ["rows=10" in log(trip, "few", f"algo-{number}") for number in (1, 2, 3)] == [True, False, False]
    assert any("channel train has no data on this instance" in line for line in log(trip, "few", "algo-3"))


@pytest.mark.parametrize("moments", [(0.0, 0.3), (0.6,)])
def test_server_killed(tmp_path: Path, moments: tuple[float, ...]) -> None:
    with journey(tmp_path / "server") as trip:
        trip.data()
        train(trip, "job", lines=30, seconds=0.05, meet=1, **{"algo-2": json.dumps({"file": "second.txt"})})
        for moment in moments:
            time.sleep(moment)
            trip.kill_and_restart()
        ended_as(trip.trained("job"), "Completed")
        for host in ("algo-1", "algo-2"):
            numbers = [line.split("#")[0] for line in log(trip, "job", host) if line.startswith("line")]
            assert numbers == [f"line {number}" for number in range(30)]
        assert set(unpacked(trip, "job")) == {"model.txt", "second.txt"}


def test_one_agent_killed(trip: Journey) -> None:
    train(trip, "lost", lines=1000, seconds=0.05)
    (agent,) = trip.until(lambda: trip.agents("algo-2"), bool)
    for host in ("algo-1", "algo-2"):
        trip.until(lambda host=host: [line for line in log(trip, "lost", host) if line.startswith("line")], bool)
    os.kill(agent, signal.SIGKILL)
    job = trip.trained("lost")
    ended_as(job, "Failed")
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert "stopping" in log(trip, "lost", "algo-1")
    assert trip.agents("algo-1") == []
    keys = trip.s3.list_objects_v2(Bucket="journey", Prefix="output/lost/").get("Contents", [])
    assert [each["Key"].rpartition("/")[2] for each in keys] in ([], ["output.tar.gz"])


def test_the_machine_is_shared_out(trip: Journey) -> None:
    """Two jobs that ask for more than there is run one after the other; the log says what each instance got."""
    big = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}
    for name in ("big-1", "big-2"):
        train(trip, name, ResourceConfig=big, lines=5, seconds=0.05)
    first, second = (trip.trained(name) for name in ("big-1", "big-2"))
    assert first["TrainingEndTime"] <= second["TrainingStartTime"]
    assert any("2 x ml.m5.24xlarge asked: 96 vCPU" in line for line in log(trip, "big-1", "algo-2"))
