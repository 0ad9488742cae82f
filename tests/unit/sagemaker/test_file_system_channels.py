"""Channels that are directories of file systems: what is refused, what an instance gets, and IAM's condition keys."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_world import World, training_request

from sagewright.core.errors import AwsError
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.runtime.fake import Script
from sagewright.runtime.workload import FolderInput, Link, Workload
from sagewright.services.sagemaker.training.folders import conditions

SYSTEM, LUSTRE = "fs-0123456789abcdef0", "fs-0fedcba987654321"
VPC = {"SecurityGroupIds": ["sg-01234567"], "Subnets": ["subnet-01234567"]}


@pytest.fixture
def there(world: World) -> World:
    """With an EFS and a Lustre file system that are registered folders."""
    world.script = lambda workload: Script(running=10)
    file_systems.register(world.folder, FileSystem(SYSTEM, "EFS", "/mnt/efs"))
    links = {"": "s3://bucket/p"}
    file_systems.register(world.folder, FileSystem(LUSTRE, "FSxLustre", "/mnt/lustre", "abcdbev", links))
    return world


def channel(path: str, system: str = SYSTEM, kind: str = "EFS", mode: str = "ro", **members: Any) -> dict[str, Any]:
    source = {"FileSystemId": system, "FileSystemType": kind, "DirectoryPath": path, "FileSystemAccessMode": mode}
    return {"ChannelName": "train", "DataSource": {"FileSystemDataSource": source}, **members}


def create(world: World, *channels: dict[str, Any], **changes: Any) -> None:
    request = training_request(InputDataConfig=list(channels), **{"VpcConfig": VPC, **changes})
    world.call("create_training_job", **{name: value for name, value in request.items() if value is not None})


def launched(world: World) -> Workload:
    world.run(1)
    (run,) = world.runs.values()
    return run.workload


def test_a_directory_is_what_an_instance_gets(there: World) -> None:
    create(there, channel("/data/train/", mode="rw", ContentType="text/csv"))
    work = launched(there)
    (got,) = work.channels
    ledger = str(file_systems.ledger_of(there.folder, SYSTEM))
    assert got.source == FolderInput(SYSTEM, "/data/train/", "/mnt/efs", "data/train", (), ledger)
    assert (got.read_only, got.input_mode, got.content_type) == (False, "File", "text/csv")
    assert work.config["inputdataconfig"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    assert Workload.from_json(work.to_json()) == work
    described = there.call("describe_training_job", TrainingJobName="job")
    assert described["InputDataConfig"][0]["DataSource"] == channel("/data/train/", mode="rw")["DataSource"]


def test_lustre_paths_begin_with_the_mount_name(there: World) -> None:
    create(there, channel("/abcdbev/./data//x/../train", LUSTRE, "FSxLustre"))
    (got,) = launched(there).channels
    assert isinstance(got.source, FolderInput)
    assert (got.source.directory, got.source.links) == ("data/train", (Link("", "s3://bucket/p"),))
    assert got.read_only


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (channel("/x", "fs-99999999"), "fs-99999999, directory path: /x. There is no such file system"),
        (channel("/x", kind="FSxLustre"), "Its FileSystemType is EFS, not FSxLustre"),
        (channel("/data", LUSTRE, "FSxLustre"), "It must begin with the file system's mount name, /abcdbev"),
        (channel("/abcdbev/../data", LUSTRE, "FSxLustre"), "the file system's mount name, /abcdbev"),
    ],
)
def test_what_cannot_be_mounted_fails_the_job(there: World, named: dict[str, Any], reason: str) -> None:
    create(there, named)
    there.run(1)
    job = there.call("describe_training_job", TrainingJobName="job")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Unable to mount file system: ")
    assert reason in job["FailureReason"]
    assert job["FailureReason"].endswith("(channel train)")
    assert not there.runs


BOTH = channel("/x")
BOTH["DataSource"]["S3DataSource"] = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/p"}


@pytest.mark.parametrize(
    ("named", "changes", "reason"),
    [
        (channel("/x"), {"VpcConfig": None}, "can only be used by a training job with a VpcConfig"),
        (channel("/x", InputMode="Pipe"), {}, "can only be used with the input mode File, and it is Pipe"),
        (channel("/x", InputMode="FastFile"), {}, "can only be used with the input mode File, and it is FastFile"),
        (channel("/x", CompressionType="Gzip"), {}, "CompressionType cannot be used with a FileSystemDataSource"),
        (channel("/x", RecordWrapperType="RecordIO"), {}, "RecordWrapperType cannot be used"),
        (channel("/x", ShuffleConfig={"Seed": 1}), {}, "ShuffleConfig cannot be used"),
        (channel("/../x"), {}, "the DirectoryPath /../x leads out of the file system"),
        (channel("x/../../y"), {}, "leads out of the file system"),
        (BOTH, {}, "an S3DataSource or a FileSystemDataSource, not both"),
    ],
)
def test_what_is_refused(there: World, named: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(AwsError, match="Channel train: ") as caught:
        create(there, named, **changes)
    assert caught.value.code == "ValidationException"
    assert reason in caught.value.message


def test_pipe_mode_of_the_job_is_refused_and_file_mode_of_the_channel_is_not(there: World) -> None:
    algorithm = {**training_request()["AlgorithmSpecification"], "TrainingInputMode": "Pipe"}
    with pytest.raises(AwsError, match="input mode File, and it is Pipe"):
        create(there, channel("/x"), AlgorithmSpecification=algorithm)
    create(there, channel("/x", InputMode="File"), AlgorithmSpecification=algorithm)


def test_condition_keys() -> None:
    request = {"InputDataConfig": [channel("/x"), channel("/y", LUSTRE, "FSxLustre", "rw")]}
    assert conditions(request) == {
        "sagemaker:FileSystemAccessMode": ["ro", "rw"],
        "sagemaker:FileSystemDirectoryPath": ["/x", "/y"],
        "sagemaker:FileSystemId": [SYSTEM, LUSTRE],
        "sagemaker:FileSystemType": ["EFS", "FSxLustre"],
    }
    assert conditions(training_request()) == {}
