"""Training jobs on EFS and FSx for Lustre file systems: boto3 and the SageMaker SDKs against real servers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, IMAGE, Journey, journey
from sklearn.datasets import load_breast_cancer

from clients.command import SAGEWRIGHT, Sagewright, clean_environment
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of
from sagewright.runtime import sandbox

OWN = "fs-0123456789abcdef0"
VPC = {"SecurityGroupIds": ["sg-01234567"], "Subnets": ["subnet-01234567"]}
LINEAR = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
WRITER = ["/bin/sh", "-c", "date > $SAGEMAKER_BASE_DIR/input/data/train/by-the-job || echo could not write"]
READER = [
    "/bin/sh",
    "-c",
    "cd $SAGEMAKER_BASE_DIR/input/data/train; for n in 0 1 2 3 4 5 6 7; do echo lines $(wc -l < $n); sleep 0.3; done",
]
DENIED = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::journey/*"}
NOT_ROOT = {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::000000000000:root"}}


def filesystem(trip: Journey, *words: str) -> str:
    """`sagewright filesystem`, while the server runs."""
    command = [*SAGEWRIGHT, "filesystem", *words, "--data-dir", str(trip.server.data_dir)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.s3.create_bucket(Bucket="journey")
        yield made


@pytest.fixture(scope="module")
def files(trip: Journey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is registered as an EFS file system, with a table in it."""
    folder = tmp_path_factory.mktemp("efs")
    features, labels = load_breast_cancer(return_X_y=True)
    (folder / "table").mkdir()
    (folder / "table" / "rows.csv").write_text(
        "".join(",".join(map(str, [label, *row])) + "\n" for label, row in zip(labels, features.tolist(), strict=True))
    )
    filesystem(trip, "register", OWN, str(folder))
    return folder


def channel(path: str, system: str = OWN, kind: str = "EFS", mode: str = "ro", name: str = "train") -> dict[str, Any]:
    source = {"FileSystemId": system, "FileSystemType": kind, "DirectoryPath": path, "FileSystemAccessMode": mode}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"FileSystemDataSource": source}}


def train(trip: Journey, job: str, *channels: dict[str, Any], **changes: Any) -> dict[str, Any]:
    trip.train(job, **{"InputDataConfig": list(channels), "VpcConfig": VPC, **changes})
    return trip.trained(job)


def lustre(trip: Journey, **configuration: Any) -> tuple[str, str]:
    """Id and mount name of a new one."""
    fsx = trip.client("fsx")
    made = fsx.create_file_system(
        FileSystemType="LUSTRE",
        StorageCapacity=1200,
        SubnetIds=VPC["Subnets"],
        LustreConfiguration={"DeploymentType": "SCRATCH_2", **configuration},
    )["FileSystem"]
    name = made["FileSystemId"]
    look = lambda: fsx.describe_file_systems(FileSystemIds=[name])["FileSystems"][0]["Lifecycle"]  # noqa: E731
    trip.until(look, lambda state: state == "AVAILABLE")
    return name, made["LustreConfiguration"]["MountName"]


@pytest.mark.parametrize("count", [1, 2])
def test_linear_learner_on_a_registered_folder(trip: Journey, files: Path, count: int) -> None:
    before = (files / "table" / "rows.csv").stat()
    job = train(
        trip,
        f"linear-{count}",
        channel("/table"),
        channel("/table", name="validation"),
        AlgorithmSpecification={"TrainingImage": LINEAR, "TrainingInputMode": "File"},
        HyperParameters={"predictor_type": "binary_classifier", "mini_batch_size": "50", "epochs": "5"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["validation:binary_classification_accuracy"] > 0.9
    after = (files / "table" / "rows.csv").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_what_is_registered_is_shown_and_forgotten(trip: Journey, files: Path, tmp_path: Path) -> None:
    shown = trip.client("efs").describe_file_systems(FileSystemId=OWN)["FileSystems"]
    assert [each["LifeCycleState"] for each in shown] == ["available"]
    assert str(files) in filesystem(trip, "list")
    other = "fs-00000000000000001"
    filesystem(trip, "register", other, str(tmp_path), "--type", "FSxLustre")
    assert len(trip.client("fsx").describe_file_systems(FileSystemIds=[other])["FileSystems"]) == 1
    filesystem(trip, "unregister", other)
    with pytest.raises(ClientError, match="FileSystemNotFound"):
        trip.client("fsx").describe_file_systems(FileSystemIds=[other])
    job = train(trip, "forgotten", channel("/fsx", other, "FSxLustre"))
    assert "There is no such file system" in job["FailureReason"]


def test_what_one_job_writes_the_next_one_reads(trip: Journey) -> None:
    efs = trip.client("efs")
    system = efs.create_file_system(CreationToken="shared", Tags=[{"Key": "Name", "Value": "shared"}])["FileSystemId"]
    efs.create_mount_target(FileSystemId=system, SubnetId=VPC["Subnets"][0])
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": WRITER}
    for mode in ("ro", "rw"):
        job = train(trip, f"writer-{mode}", channel("/", system, mode=mode), AlgorithmSpecification=algorithm)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert (trip.server.data_dir / "filesystems" / system / "by-the-job").stat().st_size > 0
    if sandbox.probe().program:
        assert "could not write" in trip.log(GROUP, "writer-ro/")
    assert "could not write" not in trip.log(GROUP, "writer-rw/")
    job = train(trip, "reader", channel("/", system))
    assert "rows=1" in trip.log(GROUP, "reader/")
    (target,) = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
    efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    efs.delete_file_system(FileSystemId=system)
    assert not (trip.server.data_dir / "filesystems" / system).exists()


def test_objects_come_into_lustre_for_the_first_job(trip: Journey) -> None:
    for name in ("a", "b", "deep/c"):
        trip.s3.put_object(Bucket="journey", Key=f"lake/{name}", Body=b"1\n2\n")
    trip.s3.put_object(Bucket="journey", Key="beside/x", Body=b"1\n")
    system, mount = lustre(trip, ImportPath="s3://journey/lake")
    folder = trip.server.data_dir / "filesystems" / system
    assert list(folder.iterdir()) == [], "nothing comes in before it is asked for"
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    job = train(trip, "lustre-1", channel(f"/{mount}/lake", system, "FSxLustre"), ResourceConfig=resources)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    log = trip.log(GROUP, "lustre-1/")
    assert log.count("rows=6") == 2
    counts = sorted(line[:18] for line in log if "objects of s3://journey/lake/" in line)
    lazy = any("when first read" in line for line in log)
    assert counts == (["3 of the 3 objects"] * 2 if lazy else ["0 of the 3 objects", "3 of the 3 objects"])
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "lake/a",
        "lake/b",
        "lake/deep/c",
    ]
    marks = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    trip.s3.put_object(Bucket="journey", Key="lake/b", Body=b"1\n2\n3\n")
    trip.s3.put_object(Bucket="journey", Key="lake/d", Body=b"1\n")
    job = train(trip, "lustre-2", channel(f"/{mount}/lake", system, "FSxLustre"))
    log = trip.log(GROUP, "lustre-2/")
    assert "rows=8" in log
    assert any(line.startswith("2 of the 4 objects of s3://journey/lake/") for line in log)
    untouched = sorted(path.name for path, mark in marks.items() if path.stat().st_ino == mark.st_ino)
    assert untouched == ["a", "c"]
    assert trip.s3.get_object(Bucket="journey", Key="lake/a")["Body"].read() == b"1\n2\n"


def test_the_server_is_killed_while_objects_come(tmp_path: Path) -> None:
    with journey(tmp_path) as trip:
        trip.s3.create_bucket(Bucket="journey")
        for number in range(8):
            trip.s3.put_object(Bucket="journey", Key=f"lake/{number}", Body=b"1\n" * number)
        system, mount = lustre(trip, ImportPath="s3://journey/lake")
        trip.train(
            "reads",
            InputDataConfig=[channel(f"/{mount}/lake", system, "FSxLustre")],
            VpcConfig=VPC,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": READER},
        )
        trip.until(lambda: trip.log(GROUP, "reads/"), lambda lines: "lines 1" in lines)
        trip.kill_and_restart(away=1)
        job = trip.trained("reads")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        lines = [line for line in trip.log(GROUP, "reads/") if line.startswith("lines")]
        assert lines == [f"lines {number}" for number in range(8)]
        trip.until(Path("/proc/self/mounts").read_text, lambda mounts: str(tmp_path) not in mounts)


def test_wrong_input(trip: Journey, files: Path) -> None:
    (files / "out").symlink_to("/etc")
    for path, reason in {
        "/nothing": "The directory path does not exist",
        "/table/rows.csv": "The directory path is no directory",
        "/out": "The directory path leads out of the file system",
    }.items():
        job = train(trip, f"wrong-{len(reason)}", channel(path))
        start = f"ClientError: Unable to mount file system: {OWN}, directory path: {path}. Incorrect mount path. "
        assert job["FailureReason"] == f"{start}{reason}{_REST.get(path, '.')} (channel train)"
    with pytest.raises(ClientError, match="VpcConfig") as caught:
        trip.train("no-vpc", InputDataConfig=[channel("/table")])
    assert caught.value.response["Error"]["Code"] == "ValidationException"


_REST = {"/nothing": " on the file system.", "/table/rows.csv": " on the file system."}


def test_a_second_job_reads_no_object(tmp_path: Path) -> None:
    """With signatures checked, it may not: the bucket's policy denies it."""
    with journey(tmp_path, SAGEWRIGHT_AUTH="signature") as trip:
        trip.s3.create_bucket(Bucket="journey")
        for name in ("a", "b"):
            trip.s3.put_object(Bucket="journey", Key=f"lake/{name}", Body=b"1\n2\n")
        iam = trip.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="sagemaker", AssumeRolePolicyDocument=_document(trust))
        may = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        iam.put_role_policy(RoleName="sagemaker", PolicyName="s3", PolicyDocument=_document(may))
        system, mount = lustre(trip)
        trip.client("fsx").create_data_repository_association(
            FileSystemId=system, FileSystemPath="/ns", DataRepositoryPath="s3://journey/lake/"
        )
        place = channel(f"/{mount}/ns", system, "FSxLustre")
        first = train(trip, "first", place, EnableNetworkIsolation=bool(sandbox.probe().network))
        assert first["TrainingJobStatus"] == "Completed", first.get("FailureReason")
        trip.s3.put_bucket_policy(Bucket="journey", Policy=_document({**DENIED, "Condition": NOT_ROOT}))
        second = train(trip, "second", place)
        assert second["TrainingJobStatus"] == "Completed", second.get("FailureReason")
        assert "rows=4" in trip.log(GROUP, "second/")
        trip.s3.put_object(Bucket="journey", Key="lake/c", Body=b"1\n")
        third = train(trip, "third", place)
        assert third["FailureReason"].startswith("ClientError: Data download failed:AccessDenied (403)")
        assert f"channel train, file system {system}: s3://journey/lake/c" in third["FailureReason"]


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


SDKS = {"sdk_v2_file_systems.py": "sdk_v2", "sdk_v3_file_systems.py": "sdk_v3"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Of a program, which is run once, with a folder registered as its EFS file system."""

    @cache
    def run(program: str) -> dict[str, str]:
        base = tmp_path_factory.mktemp("sdk")
        (base / "files").mkdir()
        settings = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1", "FILES": str(base / "files")}
        command = Sagewright(base / "data", settings)
        assert command("filesystem", "register", OWN, str(base / "files")).returncode == 0
        python = python_of(SDKS[program])
        return outcomes_of(command("run", "--", str(python), str(PROGRAMS / program), timeout=600))

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("program", "step"), [(program, step) for program in SDKS for step in steps_of(program)])
def test_sdk(outcomes: Callable[[str], dict[str, str]], program: str, step: str) -> None:
    check(outcomes(program)[step])
