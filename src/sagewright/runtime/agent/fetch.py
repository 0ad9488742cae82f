"""Channels: from S3 into the job's folder, before the command starts."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.files import link_or_copy, write_pieces
from sagewright.runtime.agent.http import Response
from sagewright.runtime.agent.s3 import S3, S3Error, split
from sagewright.runtime.agent.source import Key, fault, objects, share, where


class Fetcher:
    """Brings channels in. base: the job's /opt/ml. link: read-only channels may be hard links to S3's files.

    say: tells the job's log.
    """

    def __init__(self, s3: S3, base: str, region: str, account: str, *, link: bool, say: Callable[[str], None]) -> None:
        self._s3 = s3
        self._base = base
        self._region = region
        self._account = account
        self._link = link
        self._say = say

    def channel(self, channel: dict[str, Any]) -> int:
        """Fill a channel's folder; the number of objects. Raises Fault."""
        folder = os.path.join(self._base, channel["path"] or f"input/data/{channel['name']}")
        os.makedirs(folder, exist_ok=True)
        keys = share(self.keys(channel), channel["source"])
        self.tell(channel, len(keys))
        _refuse_collisions(keys)
        brought = 0
        for bucket, key, name in keys:
            try:
                if channel["compression"] == "Tar":
                    self._unpack(bucket, key, folder)
                else:
                    brought += not self._object(bucket, key, os.path.join(folder, name), channel)
            except S3Error as error:
                raise fault(error, where(channel), f"s3://{bucket}/{key}") from None
            except OSError as error:
                raise disk_error(error) from None
        if brought and channel["input_mode"] == "FastFile":
            self._say(
                f"FastFile mode of the channel {channel['name']}: {brought} of {len(keys)} files could not be linked "
                "and were brought in whole before the start, as in File mode."
            )
        return len(keys)

    def keys(self, channel: dict[str, Any]) -> list[Key]:
        """All of a channel's objects. Raises Fault."""
        try:
            return objects(self._s3, channel, self._region, self._account)
        except S3Error as error:
            raise client_error(f"Data download failed:{error}") from None

    def tell(self, channel: dict[str, Any], count: int) -> None:
        """Say it where an instance goes without data since there are fewer objects than instances."""
        if not count and channel["source"]["shards"] > 1:
            self._say(
                f"The channel {channel['name']} has no data on this instance: there are fewer objects than the "
                f"{channel['source']['shards']} instances they are sharded over (ShardedByS3Key)."
            )

    def archive(self, uri: str, folder: str) -> None:
        """Unpack a tar.gz in S3. Raises Fault."""
        bucket, key = split(uri)
        try:
            self._unpack(bucket, key, folder)
        except S3Error as error:
            raise client_error(f"Failed to download model data from {uri}: {error}") from None
        except OSError as error:
            raise disk_error(error) from None

    def _object(self, bucket: str, key: str, target: str, channel: dict[str, Any]) -> bool:
        """Whether it is but a link."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        blob = self._s3.blob(bucket, key)
        if channel["compression"] == "Gzip":
            self._gunzip(bucket, key, target, blob)
        elif blob is not None:
            return link_or_copy(blob, target, self._link and channel["read_only"])
        else:
            self._s3.fetch(bucket, key, lambda answer: write_pieces(target, answer.chunks()))
        return False

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


def _refuse_collisions(keys: Sequence[Key]) -> None:
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


def disk_error(error: OSError) -> Fault:
    """What it means for the job that the disk refused a file."""
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
