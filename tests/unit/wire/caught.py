"""boto3 clients that send nothing: what they would have sent is caught before it goes out."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from samples import to_request

from sagewright.wire.http import HttpRequest

ENDPOINT = "http://127.0.0.1:4566"


class _Caught(Exception):
    pass


@cache
def _client(service: str, endpoint: str | None, region: str, addressing: str) -> Any:
    return boto3.Session().client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="123456789012",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, s3={"addressing_style": addressing}, inject_host_prefix=False),
    )


def client(service: str, endpoint: str | None = ENDPOINT, region: str = "eu-west-1", addressing: str = "auto") -> Any:
    return _client(service, endpoint, region, addressing)


def sent(client: Any, method: str, **members: Any) -> tuple[HttpRequest, bytes]:
    """The signed request of a call, and its body."""
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> None:
        caught.append(request)
        raise _Caught

    client.meta.events.register("before-send", catch)
    try:
        getattr(client, method)(**members)
    except _Caught:
        pass
    finally:
        client.meta.events.unregister("before-send", catch)
    return to_request(caught[0])
