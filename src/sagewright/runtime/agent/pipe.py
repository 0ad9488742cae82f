"""Pipe mode: a channel as FIFOs ``<channel>_0``, ``<channel>_1`` and so on, one a pass over the data.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import fcntl
import itertools
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.files import write_all, write_pieces
from sagewright.runtime.agent.s3 import S3, S3Error

_CHUNK = 1024 * 1024
_PIPE_SIZE = 1024 * 1024
_RECORD = 0xCED7230A
"""What a RecordIO record begins with; its length and the data follow, padded to four bytes."""
_RECORD_LIMIT = 2**29 - 1


class Pipe:
    """One channel. keys: (bucket, key) of its objects in order. scratch: a file of its own for objects on their way.

    broken is told why, when the objects cannot be read to their end.
    """

    def __init__(
        self,
        s3: S3,
        channel: dict[str, Any],
        keys: list[tuple[str, str]],
        place: str,
        scratch: str,
        broken: Callable[[Fault], None],
    ) -> None:
        self._s3 = s3
        self._channel = channel
        self._keys = keys
        self._place = place
        self._scratch = scratch
        self._broken = broken
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.mkfifo(f"{place}_0", 0o644)

    def start(self) -> None:
        """Feed the FIFOs as long as someone opens the next one."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for epoch in itertools.count():
            if not self._feed(epoch):
                return

    def _feed(self, epoch: int) -> bool:
        """One pass; False, and broken told, where it came to no good end."""
        path = f"{self._place}_{epoch}"
        writer = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
            # The next one must be there when the reader has seen the end of this one.
            os.mkfifo(f"{self._place}_{epoch + 1}", 0o644)
            with suppress(BrokenPipeError):
                for bucket, key in self._keys:
                    for piece in self._object(bucket, key):
                        write_all(writer, piece)
        except (S3Error, Fault, OSError) as error:
            # Told before the FIFO's end, which the command may take for the end of the data.
            self._broken(_fault(error))
            return False
        finally:
            os.close(writer)
        os.unlink(path)
        return True

    def _object(self, bucket: str, key: str) -> Iterator[bytes]:
        pieces = self._pieces(bucket, key)
        if self._channel["record_wrapper"] != "RecordIO":
            return pieces
        body = b"".join(pieces)
        if len(body) > _RECORD_LIMIT:
            raise client_error(f"Data download failed:s3://{bucket}/{key} is too large for a RecordIO record")
        return iter((struct.pack("<II", _RECORD, len(body)), body, b"\0" * (-len(body) % 4)))

    def _pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        path = self._s3.blob(bucket, key)
        if path is None:
            # A whole copy first: what has gone into a FIFO cannot be taken back when the connection breaks.
            path = self._scratch
            self._s3.fetch(bucket, key, lambda answer: write_pieces(self._scratch, answer.chunks()))
        with open(path, "rb", buffering=0) as source:
            if self._channel["compression"] == "Gzip":
                from sagewright.runtime.agent.archive import gunzip

                yield from gunzip(source, f"s3://{bucket}/{key}")
            else:
                while piece := source.read(_CHUNK):
                    yield piece


def _fault(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, S3Error):
        return client_error(f"Data download failed:{error}")
    return Fault("InternalServerError", f"We encountered an internal error: {error}")
