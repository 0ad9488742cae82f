"""Every way of feeding a training job, with boto3 against a real server and real processes."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, IMAGE, Journey, journey


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.data()
        for name in ("a", "b", "c"):
            made.s3.put_object(Bucket="journey", Key=f"few/{name}", Body=f"<{name}>".encode())
            made.s3.put_object(Bucket="journey", Key=f"packed/{name}", Body=gzip.compress(f"<{name}>".encode()))
        yield made


def channel(uri: str, name: str = "train", kind: str = "S3Prefix", **changes: Any) -> dict[str, Any]:
    """changes: members of Channel; those of S3DataSource are found by their names."""
    source = {"S3DataType": kind, "S3Uri": f"s3://journey/{uri}"}
    for member in ("AttributeNames", "S3DataDistributionType"):
        if member in changes:
            source[member] = changes.pop(member)
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **changes}


def train(trip: Journey, name: str, *channels: dict[str, Any], mode: str = "File", **changes: Any) -> None:
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": mode}
    trip.train(name, **{"AlgorithmSpecification": algorithm, "InputDataConfig": list(channels), **changes})


def completed(trip: Journey, name: str) -> list[str]:
    """The job's log."""
    job = trip.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return trip.log(GROUP, f"{name}/")


def texts(log: list[str]) -> list[str]:
    """What the passes over the FIFOs gave, for short data."""
    return [line.partition("text=")[2] for line in log if line.startswith("pipe=")]


def record(body: bytes) -> bytes:
    return struct.pack("<II", 0xCED7230A, len(body)) + body + b"\0" * (-len(body) % 4)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an augmented manifest as files": (
        channel("m", kind="AugmentedManifestFile", AttributeNames=["a"], InputMode="File"),
        r"AugmentedManifestFile can only be used if the channel's input mode is Pipe, and it is File\.",
    ),
    "an augmented manifest as fast files": (
        channel("m", kind="AugmentedManifestFile", AttributeNames=["a"], InputMode="FastFile"),
        r"input mode is Pipe, and it is FastFile\.",
    ),
    "an augmented manifest without attributes": (
        channel("m", kind="AugmentedManifestFile", InputMode="Pipe"),
        "AugmentedManifestFile needs AttributeNames",
    ),
    "attributes of a prefix": (
        channel("few/", AttributeNames=["a"]),
        "AttributeNames can only be used with the S3DataType AugmentedManifestFile, and it is S3Prefix",
    ),
    "a manifest as fast files": (
        channel("m", kind="ManifestFile", InputMode="FastFile"),
        "FastFile must have the S3DataType S3Prefix, and it is ManifestFile",
    ),
    "packed fast files": (channel("packed/", InputMode="FastFile", CompressionType="Gzip"), "CompressionType Gzip"),
    "records as files": (channel("few/", RecordWrapperType="RecordIO"), "RecordWrapperType RecordIO can only be used"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_goes_with_what(trip: Journey, what: str) -> None:
    refused, reason = REFUSED[what]
    with pytest.raises(ClientError) as caught:
        train(trip, "refused", refused)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert re.search(f"Channel train: .*{reason}", error["Message"]), error["Message"]


def test_each_channel_has_its_own_mode(trip: Journey) -> None:
    train(
        trip,
        "modes",
        channel("few/", "one", InputMode="Pipe"),
        channel("few/", "two", InputMode="FastFile"),
        channel("few/", "three"),
        channel("packed/", "four", InputMode="Pipe", CompressionType="Gzip", RecordWrapperType="RecordIO"),
        channel("packed/", "five", CompressionType="Gzip"),
        read=2,
    )
    log = completed(trip, "modes")
    assert "rows=9" in log, "three files of a line in each of three channels"
    records = repr(b"".join(record(f"<{name}>".encode()) for name in "abc"))
    assert texts(log) == [records, "b'<a><b><c>'"] * 2
    assert not any("could not be linked" in line for line in log)


def test_an_augmented_manifest(trip: Journey) -> None:
    lines = [{"image-ref": f"s3://journey/few/{name}", "is-a-cat": number} for number, name in enumerate("abc")]
    trip.s3.put_object(Bucket="journey", Key="m", Body="\n".join(map(json.dumps, lines)).encode())
    attributes = {"kind": "AugmentedManifestFile", "AttributeNames": ["image-ref", "is-a-cat"]}
    train(
        trip,
        "augmented",
        channel("m", **attributes, RecordWrapperType="RecordIO"),
        channel("m", "validation", **attributes),
        mode="Pipe",
        read=1,
    )
    wrapped = [record(f"<{name}>".encode()) + record(str(number).encode()) for number, name in enumerate("abc")]
    assert texts(completed(trip, "augmented")) == [repr(b"".join(wrapped)), "b'<a>0<b>1<c>2'"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: not valid JSON"),
        ('{"label": 1}', "line 2: the attribute 'image-ref' is not there"),
        ('{"image-ref": "s3://journey/few/none", "label": 1}', "the attribute 'image-ref': s3://journey/few/none"),
    ],
)
def test_a_broken_augmented_manifest(trip: Journey, line: str, told: str) -> None:
    body = '{"image-ref": "s3://journey/few/a", "label": 1}\n' + line
    trip.s3.put_object(Bucket="journey", Key="broken", Body=body.encode())
    name = f"broken-{abs(hash(line))}"
    source = channel("broken", kind="AugmentedManifestFile", AttributeNames=["label", "image-ref"])
    train(trip, name, source, mode="Pipe", read=1)
    reason = trip.trained(name)["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:")
    assert "channel train, augmented manifest s3://journey/broken, line 2: " in reason
    assert told in reason


@pytest.mark.parametrize("mode", ["File", "Pipe"])
def test_a_manifest_that_names_missing_objects(trip: Journey, mode: str) -> None:
    trip.s3.put_object(Bucket="journey", Key="list", Body=b'[{"prefix": "s3://journey/few/"}, "b", "a", "none"]')
    train(trip, f"missing-{mode}", channel("list", kind="ManifestFile"), mode=mode, read=1)
    job = trip.trained(f"missing-{mode}")
    assert job["FailureReason"] == (
        "ClientError: Data download failed:NoSuchKey (404): The specified key does not exist. "
        "(channel train, manifest s3://journey/list: s3://journey/few/none)"
    )


def test_shuffled_by_seed(trip: Journey) -> None:
    for name, seed in (("shuffled-1", 3), ("shuffled-2", 3), ("shuffled-3", 4)):
        train(trip, name, channel("few/", ShuffleConfig={"Seed": seed}), mode="Pipe", read=6)
    first, again, other = (texts(completed(trip, f"shuffled-{number}")) for number in (1, 2, 3))
    assert first == again != other
    assert len(set(first)) > 1, "another order in each pass"
    assert {len(order) for order in first} == {len("b'<a><b><c>'")}


def test_a_reader_that_leaves_early(trip: Journey) -> None:
    trip.s3.put_object(Bucket="journey", Key="large/one", Body=b"x" * 4_000_000)
    train(trip, "early", channel("large/"), mode="Pipe", read=3, after_read=10)
    assert texts(completed(trip, "early")) == ["b'xxxxxxxxxx'"] * 3


def test_fast_files_that_cannot_be_lazy(trip: Journey) -> None:
    """Encrypted at rest, their bytes are not those on the disk."""
    trip.s3.put_object(Bucket="journey", Key="secret/one", Body=b"1\n", ServerSideEncryption="AES256")
    train(trip, "secret", channel("secret/", InputMode="FastFile"))
    log = completed(trip, "secret")
    assert "rows=1" in log
    assert any("FastFile mode of the channel train: 1 of 1 files could not be linked" in line for line in log)
    train(trip, "secret-pipe", channel("secret/"), mode="Pipe", read=1)
    assert texts(completed(trip, "secret-pipe")) == ["b'1\\n'"]


# Ends from outside


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_max_runtime_in_each_mode(trip: Journey, mode: str) -> None:
    condition = {"MaxRuntimeInSeconds": 1}
    train(trip, f"max-{mode}", channel("few/"), mode=mode, lines=1000, seconds=0.05, StoppingCondition=condition)
    job = trip.trained(f"max-{mode}")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"max-{mode}/output/model.tar.gz")


def stopped_in(trip: Journey, name: str, status: str) -> dict[str, Any]:
    """The job after a stop that came while it was in that secondary status."""

    def look() -> str:
        return str(trip.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"])

    trip.until(look, status.__eq__)
    trip.sagemaker.stop_training_job(TrainingJobName=name)
    job = trip.trained(name)
    seen = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert status in seen
    trip.until(lambda: list((trip.server.data_dir / "work").glob(f"*{name}*")), lambda left: not left)
    return job


@pytest.fixture(scope="module")
def many(trip: Journey) -> str:
    """A prefix that takes a while to bring in."""
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda number: trip.s3.put_object(Bucket="journey", Key=f"many/{number}", Body=b"1\n"), range(1200)
        ):
            pass
    return "many/"


def test_stopped_while_pending(trip: Journey) -> None:
    all_of_it = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    train(trip, "in-the-way", channel("few/"), lines=1000, seconds=0.05, ResourceConfig=all_of_it)
    train(trip, "waits", channel("few/"), ResourceConfig=all_of_it)
    job = stopped_in(trip, "waits", "Pending")
    assert job["TrainingJobStatus"] == "Stopped"
    assert "BillableTimeInSeconds" not in job
    trip.sagemaker.stop_training_job(TrainingJobName="in-the-way")
    assert trip.trained("in-the-way")["TrainingJobStatus"] == "Stopped"


def test_stopped_while_starting(trip: Journey) -> None:
    """The request comes before the job's first step, or in it."""
    train(trip, "starts", channel("few/"), lines=1000, seconds=0.05)
    trip.sagemaker.stop_training_job(TrainingJobName="starts")
    assert trip.trained("starts")["TrainingJobStatus"] == "Stopped"


def test_stopped_while_downloading(trip: Journey, many: str) -> None:
    train(trip, "downloads", channel(many))
    job = stopped_in(trip, "downloads", "Downloading")
    assert job["TrainingJobStatus"] == "Stopped"
    assert "ModelArtifacts" not in job


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_stopped_while_training(trip: Journey, mode: str) -> None:
    train(trip, f"trains-{mode}", channel("few/"), mode=mode, lines=1000, seconds=0.05)
    trip.until(lambda: trip.log(GROUP, f"trains-{mode}/"), lambda log: any(line.startswith("line") for line in log))
    assert stopped_in(trip, f"trains-{mode}", "Training")["TrainingJobStatus"] == "Stopped"


def test_stopped_while_uploading(trip: Journey) -> None:
    """What the command wrote before is stored whole."""
    train(trip, "uploads", channel("few/"), large=120)
    job = stopped_in(trip, "uploads", "Uploading")
    assert job["TrainingJobStatus"] in ("Completed", "Stopped")
    body = trip.s3.get_object(Bucket="journey", Key="output/uploads/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getmember("large").size == 120 * 2**20


def test_stopped_while_stopping(trip: Journey) -> None:
    train(trip, "stops", channel("few/"), lines=30, seconds=0.1, deaf=1)
    trip.until(lambda: trip.log(GROUP, "stops/"), lambda log: any(line.startswith("line") for line in log))
    trip.sagemaker.stop_training_job(TrainingJobName="stops")
    assert stopped_in(trip, "stops", "Stopping")["TrainingJobStatus"] == "Stopped"
