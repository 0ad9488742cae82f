"""A client of S3 and a bucket of one's own, for the journeys of S3."""

from __future__ import annotations

import uuid

import pytest
from s3_client import make_client


@pytest.fixture(scope="module")
def s3(sagewright_server):
    client = make_client(sagewright_server.url)
    yield client
    client.close()


@pytest.fixture
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name
