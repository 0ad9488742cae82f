"""A server killed -9 at 50 random moments while clients write objects, upload parts, start jobs and invoke."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from s3_client import whole
from sagemaker_journey import Journey, journey

pytestmark = pytest.mark.slow

KILLS = 50
LONGEST = 0.9
"""Seconds between a server's start and its end."""
JOBS = 40
BUCKET = "journey"
GONE = b""
SEED = int(os.environ.get("KILL_STORM_SEED", str(random.randrange(10**6))))


class Book:
    """What each key may hold: what was acknowledged last, and whatever was sent since without an answer."""

    def __init__(self) -> None:
        self.may: defaultdict[str, set[bytes]] = defaultdict(lambda: {GONE})
        self.acknowledged = 0
        self.wrong: list[str] = []

    def write(self, key: str, digest: bytes, act: Callable[[], Any]) -> None:
        """act writes what digest stands for, or deletes the key where it is GONE."""
        self.may[key].add(digest)
        act()
        self.may[key] = {digest}
        self.acknowledged += 1


class Worker(threading.Thread):
    """Does one thing again and again, through every end of the server."""

    def __init__(self, storm: Storm, work: Callable[[Worker], None]) -> None:
        super().__init__(daemon=True)
        self.storm, self.work = storm, work
        self.random = random.Random(f"{SEED} {work.__name__} {len(storm.workers)}")
        self.name = f"{work.__name__}-{len(storm.workers)}"
        self.count = 0

    def run(self) -> None:
        while not self.storm.over.is_set():
            self.count += 1
            try:
                self.work(self)
            except BotoCoreError:
                time.sleep(0.02)
            except ClientError as error:
                self.storm.book.wrong.append(f"{self.name}: {error}")
                time.sleep(0.02)


class Storm:
    """The clients of a server that ends again and again."""

    def __init__(self, trip: Journey) -> None:
        self.trip = trip
        self.book = Book()
        self.over = threading.Event()
        self.jobs: dict[str, bool] = {}
        self.invocations = 0
        self.workers: list[Worker] = []
        config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20, max_pool_connections=10)
        clients = [
            boto3.client(name, **trip.server.boto3, config=config) for name in ("s3", "sagemaker", "sagemaker-runtime")
        ]
        self.s3, self.sagemaker, self.runtime = clients

    def small(self, worker: Worker) -> None:
        """Puts, overwrites and deletes of a few keys."""
        key = f"{worker.name}/{worker.random.randrange(30)}"
        if worker.random.random() < 0.15:
            self.book.write(key, GONE, lambda: self.s3.delete_object(Bucket=BUCKET, Key=key))
            return
        body = worker.random.randbytes(worker.random.choice([10, 3_000, 200_000]))
        self.book.write(key, _digest(body), lambda: self.s3.put_object(Bucket=BUCKET, Key=key, Body=body))

    def multipart(self, worker: Worker) -> None:
        key = f"{worker.name}/{worker.count}"
        bodies = [worker.random.randbytes(1000)]
        if worker.count % 4 == 0:
            bodies.insert(0, worker.random.randbytes(1024) * 5 * 1024)
        upload = {"Bucket": BUCKET, "Key": key}
        upload["UploadId"] = whole(self.s3.create_multipart_upload(**upload), "UploadId")
        parts = [
            {"PartNumber": number, "ETag": self.s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in enumerate(bodies, 1)
        ]
        self.book.write(
            key,
            _digest(b"".join(bodies)),
            lambda: whole(self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}), "ETag"),
        )

    def jobs_(self, worker: Worker) -> None:
        if len(self.jobs) >= JOBS:
            time.sleep(0.1)
            return
        name = f"job-{worker.count}"
        self.jobs[name] = False
        self.trip.train(name, lines=2, seconds=0.02)
        self.jobs[name] = True
        time.sleep(worker.random.random())

    def invoke(self, worker: Worker) -> None:
        answer = self.runtime.invoke_endpoint(EndpointName="endpoint", ContentType="text/plain", Body=b"x" * 10)
        assert b'"size": 10' in answer["Body"].read()
        self.invocations += 1
        time.sleep(0.005)

    def start(self) -> None:
        for work in (self.small, self.small, self.multipart, self.jobs_, self.invoke):
            worker = Worker(self, work)
            self.workers.append(worker)
            worker.start()

    def end(self) -> None:
        self.over.set()
        for worker in self.workers:
            worker.join(60)
            assert not worker.is_alive(), worker.name


def _digest(body: bytes) -> bytes:
    return hashlib.md5(body).digest()


@pytest.fixture
def trip(tmp_path: Path) -> Iterator[Journey]:
    with journey(tmp_path / "server") as made:
        made.data()
        made.train("model")
        made.deploy("endpoint", made.trained("model")["ModelArtifacts"]["S3ModelArtifacts"])
        made.in_service("endpoint")
        yield made


def test_kill_storm(trip: Journey) -> None:
    print(f"KILL_STORM_SEED={SEED}")
    moments = random.Random(SEED)
    before = trip.invoke("endpoint")
    storm = Storm(trip)
    storm.start()
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.02, LONGEST))
        trip.server.kill()
        trip.server.start()
    time.sleep(0.5)
    storm.end()
    trip.server.kill()
    trip.server.start()
    print(f"{storm.book.acknowledged} writes, {len(storm.jobs)} jobs, {storm.invocations} invocations")
    assert storm.book.wrong == []
    assert storm.book.acknowledged > 100
    assert storm.invocations > 10
    _check_jobs(storm)
    assert trip.status("endpoint") == "InService"
    assert trip.invoke("endpoint")["server"] == before["server"], "the model server outlives the server"
    _check_objects(storm)
    trip.server.restart()
    trip.s3.list_buckets()
    assert _unnamed(trip.server.data_dir) == []


def _check_jobs(storm: Storm) -> None:
    """Every job that was acknowledged is there; every job that is there completes."""
    pages = storm.trip.sagemaker.get_paginator("list_training_jobs").paginate()
    there = {job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]}
    assert {name for name, acknowledged in storm.jobs.items() if acknowledged} <= there
    for name in there:
        job = storm.trip.trained(name)
        assert job["TrainingJobStatus"] == "Completed", (name, job.get("FailureReason"))
        key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
        storm.trip.s3.head_object(Bucket=BUCKET, Key=key)


def _check_objects(storm: Storm) -> None:
    s3 = storm.trip.s3
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    there = {item["Key"]: item for page in pages for item in page.get("Contents", [])}
    for key, item in there.items():
        answer = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        body = answer["Body"].read()  # boto3 checks the checksum
        assert len(body) == item["Size"]
        if "-" not in item["ETag"] and answer.get("ServerSideEncryption") in (None, "AES256"):
            assert item["ETag"].strip('"') == hashlib.md5(body).hexdigest(), key
        if key in storm.book.may:
            assert _digest(body) in storm.book.may[key], key
    lost = [key for key, may in storm.book.may.items() if key not in there and GONE not in may]
    assert lost == []
    for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])


def _unnamed(data_dir: Path) -> list[str]:
    """Blobs on disk that no document names."""
    with closing(sqlite3.connect(data_dir / "sagewright.db")) as database:
        rows = database.execute("SELECT body FROM documents WHERE kind != 's3:unnamed'")
        text = "\n".join(row[0] for row in rows)
    files = [path for path in (data_dir / "blobs").rglob("*") if path.is_file()]
    assert len(files) > 10
    return [str(path) for path in files if path.name not in text]
