"""What goes through the FIFO of a channel in Pipe mode: its objects, or the records of its augmented manifest."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from sagewright.runtime.agent.augmented import Manifest, Record
from sagewright.runtime.agent.fault import client_error
from sagewright.runtime.agent.files import link_or_copy, write_all, write_pieces
from sagewright.runtime.agent.s3 import S3, S3Error, split
from sagewright.runtime.agent.source import Key, fault, share, where

_CHUNK = 1024 * 1024
_RECORD = 0xCED7230A
"""What a RecordIO record begins with; its length and the data follow, padded to four bytes."""
_RECORD_LIMIT = 2**29 - 1


class Feed:
    """One channel's. keys: all of its objects, none where it has an augmented manifest. scratch: the start of the names
    of its own files. Nothing larger than a chunk, or a manifest's line, is held in memory. Raises Fault."""

    def __init__(self, s3: S3, channel: dict[str, Any], keys: list[Key], scratch: str) -> None:
        self._s3 = s3
        self._channel = channel
        self._keys = keys
        self._scratch = scratch
        self._manifest: Manifest | None = None
        if channel["source"]["kind"] == "AugmentedManifestFile":
            self._manifest = Manifest(channel, self._bring(channel["source"]["uri"]))

    def _bring(self, uri: str) -> str:
        bucket, key = split(uri)
        path = f"{self._scratch}.manifest"
        try:
            blob = self._s3.blob(bucket, key)
            if blob is not None:
                link_or_copy(blob, path, link=True)  # outside of the command's sight
            else:
                self._s3.fetch(bucket, key, lambda answer: write_pieces(path, answer.chunks()))
        except S3Error as error:
            text = f"channel {self._channel['name']}, augmented manifest {uri}"
            raise client_error(f"Data download failed:{error} ({text})") from None
        return path

    def write(self, epoch: int, writer: int) -> None:
        """One pass over the data. Raises Fault, OSError (BrokenPipeError where the reader has left)."""
        for record in self._records(epoch):
            try:
                self._write(record, writer)
            except S3Error as error:
                raise fault(error, record.where, record.uri) from None

    def _records(self, epoch: int) -> Iterator[Record]:
        if self._manifest is not None:
            yield from self._manifest.records(epoch)
            return
        place = where(self._channel)
        for bucket, key, _ in share(self._keys, self._channel["source"], epoch):
            yield Record(b"", f"s3://{bucket}/{key}", place)

    def _write(self, record: Record, writer: int) -> None:
        wrapped = self._channel["record_wrapper"] == "RecordIO"
        if not record.uri:
            write_all(writer, _wrap(record.body) if wrapped else record.body)
            return
        bucket, key = split(record.uri)
        path = self._s3.blob(bucket, key)
        if path is not None and self._channel["compression"] != "Gzip":
            self._send(path, record, writer, wrapped)
        elif wrapped:  # its length comes first
            write_pieces(self._scratch, self._pieces(bucket, key, path))
            self._send(self._scratch, record, writer, wrapped)
        else:
            for piece in self._pieces(bucket, key, path):
                write_all(writer, piece)

    def _pieces(self, bucket: str, key: str, path: str | None) -> Iterator[bytes]:
        from sagewright.runtime.agent.archive import Stream, gunzip

        packed = self._channel["compression"] == "Gzip"
        uri = f"s3://{bucket}/{key}"
        if path is not None:
            with open(path, "rb", buffering=0) as source:
                yield from gunzip(source, uri)
            return
        pieces = self._s3.stream(bucket, key)
        yield from gunzip(Stream(lambda size: next(pieces, b"")), uri) if packed else pieces

    def _send(self, path: str, record: Record, writer: int, wrapped: bool) -> None:
        with open(path, "rb", buffering=0) as source:
            size = os.fstat(source.fileno()).st_size
            if wrapped:
                if size > _RECORD_LIMIT:
                    raise client_error(
                        f"Data download failed:{record.uri} is too large for a RecordIO record ({record.where})"
                    )
                write_all(writer, struct.pack("<II", _RECORD, size))
            _pour(source, writer)
            if wrapped:
                write_all(writer, b"\0" * (-size % 4))


def _wrap(body: bytes) -> bytes:
    return struct.pack("<II", _RECORD, len(body)) + body + b"\0" * (-len(body) % 4)


def _pour(source: BinaryIO, writer: int) -> None:
    """All of a file into a FIFO, inside the kernel where it can: the processor is the reader's."""
    try:
        while os.splice(source.fileno(), writer, _CHUNK):
            pass
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        while piece := source.read(_CHUNK):
            write_all(writer, piece)
