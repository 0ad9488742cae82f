"""Which objects a channel has, in which order, and which of them are this instance's.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ShuffleConfig.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.s3 import S3, S3Error, split

T = TypeVar("T")

Key = tuple[str, str, str]
"""Bucket, key, where it goes relative to the channel's folder."""

_MISSING = (
    'Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. '
    "Please ensure that the bucket exists in the selected region ({region}), that objects exist under that S3 prefix, "
    'and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
)


def share(items: Sequence[T], source: dict[str, Any], epoch: int = 0) -> Sequence[T]:
    """This instance's part of all, in the order of that pass over them.

    What is shuffled is shuffled before it is shared out, the same way on each instance: what one has in the first pass
    another may have in the second.
    """
    if source["shuffle"] is not None:
        from random import Random

        items = list(items)
        Random((source["shuffle"] << 32) + epoch).shuffle(items)  # noqa: S311
    return items[source["shard"] :: source["shards"]]


def objects(s3: S3, channel: dict[str, Any], region: str, account: str) -> list[Key]:
    """All of a channel's objects, not only this instance's. Raises Fault, S3Error."""
    source = channel["source"]
    keys = list(_manifest(s3, source) if source["kind"] == "ManifestFile" else _prefix(s3, source))
    if not keys and not channel["optional"]:
        role = source["role"] or f"arn:aws:iam::{account}:role/service-role"
        bucket = split(source["uri"])[0]
        raise client_error(_MISSING.format(uri=source["uri"], region=region, role=role, bucket=bucket))
    if channel["compression"] != "Tar":
        for bucket, key, name in keys:
            _check(bucket, key, name)
    return keys


def where(channel: dict[str, Any]) -> str:
    """Where a channel's objects are named, for a reason."""
    source = channel["source"]
    return f"channel {channel['name']}" + (f", manifest {source['uri']}" if source["kind"] == "ManifestFile" else "")


def fault(error: S3Error, where: str, uri: str) -> Fault:
    """What it means for the job that S3 refused an object."""
    return client_error(f"Data download failed:{error} ({where}: {uri})")


def _prefix(s3: S3, source: dict[str, Any]) -> Iterator[Key]:
    bucket, prefix = split(source["uri"])
    if source["kind"] == "S3Object":
        yield bucket, prefix, prefix.rpartition("/")[2]
        return
    try:
        for key in s3.keys(bucket, prefix):
            if not key.endswith("/"):
                yield bucket, key, _relative(key, prefix)
    except S3Error as error:
        if error.code != "NoSuchBucket":
            raise


def _manifest(s3: S3, source: dict[str, Any]) -> Iterator[Key]:
    uri = source["uri"]
    bucket, key = split(uri)
    try:
        document = json.loads(s3.read(bucket, key))
    except ValueError as error:
        raise client_error(f"Data download failed:Manifest file {uri} is not valid JSON: {error}") from None
    except S3Error as error:
        raise client_error(f"Data download failed:Manifest file {uri}: {error}") from None
    first = document[0] if isinstance(document, list) and document else None
    if not isinstance(first, dict) or not str(first.get("prefix", "")).startswith("s3://"):
        text = f'Manifest file {uri} must be a JSON list that starts with {{"prefix": "s3://..."}}.'
        raise client_error(f"Data download failed:{text}")
    for name in document[1:]:
        if not isinstance(name, str) or not name:
            raise client_error(f"Data download failed:Manifest file {uri} lists {name!r}, which is no object name.")
        bucket, key = split(first["prefix"] + name)
        if not bucket or not key:
            text = f"Manifest file {uri} lists {name!r}, which with its prefix is no object: {first['prefix'] + name}"
            raise client_error(f"Data download failed:{text}")
        yield bucket, key, name


def _relative(key: str, prefix: str) -> str:
    """Where SageMaker puts a key: the prefix stands for a folder where it is one, else for the start of a name."""
    if not prefix or prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix) :].removeprefix("" if prefix.endswith("/") or not prefix else "/")
    return key[prefix.rfind("/") + 1 :]


def _check(bucket: str, key: str, name: str) -> None:
    parts = name.split("/")
    bad = next((part for part in ("", ".", "..") if part in parts), None)
    if bad is None and "\0" not in name:
        return
    shown = "\\0" if "\0" in name else bad or "//"
    text = f"S3 key: s3://{bucket}/{key} has an illegal char sub-sequence '{shown}' in it"
    raise client_error(f"Data download failed:Failed to download data. {text}")
