"""Channels: from S3 into the job's folder, before the command starts."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.files import link_or_copy, write_pieces
from sagewright.runtime.agent.http import Response
from sagewright.runtime.agent.s3 import S3, S3Error, split

Key = tuple[str, str, str]
"""Bucket, key, where it goes relative to the channel's folder."""

_MISSING = (
    'Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. '
    "Please ensure that the bucket exists in the selected region ({region}), that objects exist under that S3 prefix, "
    'and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
)


class Fetcher:
    """Brings channels in. base: the job's /opt/ml. link: read-only channels may be hard links to S3's files."""

    def __init__(self, s3: S3, base: str, region: str, account: str, link: bool) -> None:
        self._s3 = s3
        self._base = base
        self._region = region
        self._account = account
        self._link = link

    def channel(self, channel: dict[str, Any]) -> int:
        """Fill a channel's folder; the number of objects. Raises Fault."""
        folder = os.path.join(self._base, channel["path"] or f"input/data/{channel['name']}")
        os.makedirs(folder, exist_ok=True)
        try:
            keys = self._keys(channel)
            _refuse_collisions(keys)
            for bucket, key, name in keys:
                if channel["compression"] == "Tar":
                    self._unpack(bucket, key, folder)
                else:
                    self._object(bucket, key, os.path.join(folder, name), channel)
        except S3Error as error:
            raise client_error(f"Data download failed:{error}") from None
        except OSError as error:
            raise _disk_error(error) from None
        return len(keys)

    def pipe(self, channel: dict[str, Any]) -> list[tuple[str, str]]:
        """Bucket and key of what a channel in Pipe mode is to be fed with. Raises Fault."""
        try:
            return [(bucket, key) for bucket, key, _ in self._keys(channel)]
        except S3Error as error:
            raise client_error(f"Data download failed:{error}") from None

    def archive(self, uri: str, folder: str) -> None:
        """Unpack a tar.gz in S3. Raises Fault."""
        bucket, key = split(uri)
        try:
            self._unpack(bucket, key, folder)
        except S3Error as error:
            raise client_error(f"Failed to download model data from {uri}: {error}") from None
        except OSError as error:
            raise _disk_error(error) from None

    def _keys(self, channel: dict[str, Any]) -> list[Key]:
        source = channel["source"]
        keys = list(self._manifest(source) if source["kind"] == "ManifestFile" else self._prefix(source))
        if not keys and not channel["optional"]:
            raise self._missing(source)
        keys = keys[source["shard"] :: source["shards"]]
        for bucket, key, name in keys:
            if channel["compression"] != "Tar":
                _check(bucket, key, name)
        return keys

    def _missing(self, source: dict[str, Any]) -> Fault:
        role = source["role"] or f"arn:aws:iam::{self._account}:role/service-role"
        bucket = split(source["uri"])[0]
        return client_error(_MISSING.format(uri=source["uri"], region=self._region, role=role, bucket=bucket))

    def _prefix(self, source: dict[str, Any]) -> Iterator[Key]:
        bucket, prefix = split(source["uri"])
        if source["kind"] == "S3Object":
            yield bucket, prefix, prefix.rpartition("/")[2]
            return
        try:
            for key in self._s3.keys(bucket, prefix):
                if not key.endswith("/"):
                    yield bucket, key, _relative(key, prefix)
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise

    def _manifest(self, source: dict[str, Any]) -> Iterator[Key]:
        uri = source["uri"]
        bucket, key = split(uri)
        try:
            document = json.loads(self._s3.read(bucket, key))
        except ValueError as error:
            raise client_error(f"Data download failed:Manifest file {uri} is not valid JSON: {error}") from None
        first = document[0] if isinstance(document, list) and document else None
        if not isinstance(first, dict) or not str(first.get("prefix", "")).startswith("s3://"):
            text = f'Manifest file {uri} must be a JSON list that starts with {{"prefix": "s3://..."}}.'
            raise client_error(f"Data download failed:{text}")
        for name in document[1:]:
            if not isinstance(name, str) or not name:
                raise client_error(f"Data download failed:Manifest file {uri} lists {name!r}, which is no object name.")
            bucket, key = split(first["prefix"] + name)
            yield bucket, key, name

    def _object(self, bucket: str, key: str, target: str, channel: dict[str, Any]) -> None:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        blob = self._s3.blob(bucket, key)
        if channel["compression"] == "Gzip":
            self._gunzip(bucket, key, target, blob)
        elif blob is not None:
            link_or_copy(blob, target, self._link and channel["read_only"])
        else:
            self._s3.fetch(bucket, key, lambda answer: write_pieces(target, answer.chunks()))

    def _gunzip(self, bucket: str, key: str, target: str, blob: str | None) -> None:
        from sagewright.runtime.agent.archive import Stream, gunzip

        uri = f"s3://{bucket}/{key}"
        if blob is None:
            self._s3.fetch(bucket, key, lambda answer: write_pieces(target, gunzip(Stream(answer.read), uri)))
        else:
            with open(blob, "rb") as source:
                write_pieces(target, gunzip(source, uri))

    def _unpack(self, bucket: str, key: str, folder: str) -> None:
        from sagewright.runtime.agent.archive import Stream, unpack

        os.makedirs(folder, exist_ok=True)
        uri = f"s3://{bucket}/{key}"
        blob = self._s3.blob(bucket, key)
        if blob is not None:
            with open(blob, "rb") as source:
                unpack(source, folder, uri)
            return

        def take(answer: Response) -> None:
            _empty(folder)
            unpack(Stream(answer.read), folder, uri)  # type: ignore[arg-type]

        self._s3.fetch(bucket, key, take)


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


def _refuse_collisions(keys: list[Key]) -> None:
    names: dict[str, str] = {}
    for bucket, key, name in keys:
        if name in names:
            text = f"S3 keys s3://{bucket}/{names[name]} and s3://{bucket}/{key} both go to the file {name}"
            raise client_error(f"Data download failed:Failed to download data. {text}")
        names[name] = key
    for bucket, key, name in keys:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in names:
                text = f"S3 key: s3://{bucket}/{names[parent]} is a file, and a folder in s3://{bucket}/{key}"
                raise client_error(f"Data download failed:Failed to download data. {text}")
            parent = parent.rpartition("/")[0]


def _disk_error(error: OSError) -> Fault:
    if error.errno == errno.ENOSPC:
        return client_error("Data download failed:No space left on device")
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
        return client_error(f"Data download failed:Failed to download data. {error.filename}: {error.strerror}")
    return Fault("InternalServerError", f"We encountered an internal error: {error}")


def _empty(folder: str) -> None:
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with suppress(NotADirectoryError):
            shutil.rmtree(path)
            continue
        os.unlink(path)
