"""The S3 client of the journeys, and the error that a call is expected to end in."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def make_client(url, *, region="us-east-1", account="test", **config):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, **config),
    )


class Torn(BotoCoreError):
    """A server that died between the head of its answer and the body, which boto3 takes for an empty answer."""

    fmt = "The answer says nothing."


def whole(answer, member):
    """A member of an answer's body; an answer without it acknowledges nothing. Raises Torn."""
    if member not in answer:
        raise Torn
    return answer[member]


class Refused:
    """``with refused("NoSuchKey", 404) as error``: error.value is the parsed error."""

    def __init__(self, code, status):
        self.code, self.status = code, status

    def __enter__(self):
        self._raises = pytest.raises(ClientError)
        self._info = self._raises.__enter__()
        return self

    def __exit__(self, *failure):
        caught = self._raises.__exit__(*failure)
        response = self._info.value.response
        self.error, self.headers = response["Error"], response["ResponseMetadata"]["HTTPHeaders"]
        assert (self.error["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (self.code, self.status)
        return caught


def refused(code, status=400):
    return Refused(code, status)
