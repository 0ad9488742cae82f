"""A full disk: the request that needs the room gets an error, nothing is half there, and the server goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, Journey, journey

MB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with 48 MiB behind it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small tmpfs can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def trip(disk: Path) -> Iterator[Journey]:
    with journey(disk / "data") as made:
        made.data()
        yield made


def fill(disk: Path, leave: int = 0) -> Path:
    """A file that takes all room but leave bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while shutil.disk_usage(disk).free > leave:
                file.write(b"\0" * min(MB, max(shutil.disk_usage(disk).free - leave, 4096)))
        except OSError:
            assert leave == 0
    return filler


def refused(call: object, **members: object) -> tuple[int, str, str]:
    """Status, code and message of an error."""
    with pytest.raises(ClientError) as caught:
        call(**members)  # type: ignore[operator]
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def incoming(trip: Journey) -> list[str]:
    return os.listdir(trip.server.data_dir / "blobs" / "incoming")


def keys(trip: Journey, prefix: str = "") -> list[str]:
    found = trip.s3.list_objects_v2(Bucket="journey", Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def test_objects(trip: Journey, disk: Path) -> None:
    """S3's InternalError, 500, which clients try again; what was there stays."""
    old, new = os.urandom(MB), os.urandom(8 * MB)
    trip.s3.put_object(Bucket="journey", Key="kept", Body=old)
    upload = trip.s3.create_multipart_upload(Bucket="journey", Key="parts")["UploadId"]
    where = {"Bucket": "journey", "Key": "parts", "UploadId": upload}
    filler = fill(disk, leave=3 * MB)
    for key in ("kept", "new"):
        status, code, message = refused(trip.s3.put_object, Bucket="journey", Key=key, Body=new)
        assert (status, code) == (500, "InternalError"), message
        assert "No space is left" in message
    assert refused(trip.s3.upload_part, **where, PartNumber=1, Body=new)[:2] == (500, "InternalError")
    assert keys(trip) == ["kept", "train/rows.csv"]
    assert trip.s3.get_object(Bucket="journey", Key="kept")["Body"].read() == old
    assert "Parts" not in trip.s3.list_parts(**where)
    assert incoming(trip) == []
    filler.unlink()
    part = trip.s3.upload_part(**where, PartNumber=1, Body=new)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    trip.s3.complete_multipart_upload(**where, MultipartUpload=parts)
    assert trip.s3.get_object(Bucket="journey", Key="parts")["Body"].read() == new


def test_documents(trip: Journey, disk: Path) -> None:
    """No room for the database: every service says so, reads go on, and so do writes once there is room."""
    trip.logs.create_log_group(logGroupName="group")
    trip.logs.create_log_stream(logGroupName="group", logStreamName="stream")
    filler = fill(disk)
    events = [{"timestamp": int(time.time() * 1000), "message": "x" * 100_000} for _ in range(10)]
    put = {"logGroupName": "group", "logStreamName": "stream", "logEvents": events}
    outcomes = [refused(trip.logs.put_log_events, **put) for _ in range(3)]
    assert {(status, code) for status, code, _ in outcomes} == {(500, "InternalFailure")}, outcomes
    assert all("No space is left" in message for _, _, message in outcomes), outcomes
    status, code, message = refused(trip.s3.put_object, Bucket="journey", Key="tiny", Body=b"1")
    assert (status, code) == (500, "InternalError"), message
    for number in range(40):  # until what is left of the database's own pages is used up
        with suppress(ClientError):
            trip.train(f"job-{number}", HyperParameters={"note": "x" * 2000})
    assert refused(trip.train, name="no-room", HyperParameters={"note": "x" * 2000})[0] == 500
    assert keys(trip) == ["train/rows.csv"]
    assert trip.logs.get_log_events(logGroupName="group", logStreamName="stream")["events"] == []
    filler.unlink()
    trip.logs.put_log_events(**put)
    assert len(trip.logs.get_log_events(logGroupName="group", logStreamName="stream")["events"]) == 10
    trip.s3.put_object(Bucket="journey", Key="tiny", Body=b"1")
    trip.train("after")
    assert trip.trained("after")["TrainingJobStatus"] == "Completed"
    trip.server.restart()
    assert keys(trip, "tiny") == ["tiny"]


def test_a_job_in_motion(trip: Journey, disk: Path) -> None:
    """It ends: its algorithm may fail for want of room. The next one completes once there is some."""
    trip.train("job", lines=60, seconds=0.05)
    trip.until(lambda: trip.log(GROUP, "job/"), bool)
    filler = fill(disk)
    time.sleep(4)
    assert trip.sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobName"] == "job"
    filler.unlink()
    job = trip.trained("job")
    assert job["TrainingJobStatus"] in ("Completed", "Failed")
    assert ("FailureReason" in job) is (job["TrainingJobStatus"] == "Failed")
    trip.train("next")
    assert trip.trained("next")["TrainingJobStatus"] == "Completed"
