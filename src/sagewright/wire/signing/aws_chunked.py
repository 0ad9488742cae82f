"""The content encoding ``aws-chunked``: a body in chunks that may each be signed, with trailing headers.

Format: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html

    <size in hex>[;chunk-signature=<hex>]
    <bytes>
    ...
    0[;chunk-signature=<hex>]
    <name of a trailer>:<value>
    (an empty line; every line ends in CR LF)
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagewright.wire.signing.chunk_signatures import ChunkSignatures

_LINE = 8192
"""Longest line of a chunk's head or a trailer, bytes."""


class BadChunks(ValueError):
    """The body is not well-formed aws-chunked, or ends early."""


class Decoder:
    """feed() gives the payload in what arrived; trailers (lower-case names) are complete when done is True.

    signatures: checks those of the chunks, before the last bytes of each are given out; None reads over them.
    """

    def __init__(self, signatures: ChunkSignatures | None = None) -> None:
        self._signatures = signatures
        self.trailers: dict[str, str] = {}
        self.done = False
        self._line = bytearray()
        self._left = 0
        """Bytes of the present chunk still to come."""
        self._expect = self._head

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """Slices of data, without a copy. Raises BadChunks, and AwsError for a chunk that is not what was signed."""
        view = memoryview(data)
        at = 0
        while at < len(data):
            if self._left:
                piece = view[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                if self._signatures is not None:
                    self._signatures.update(piece)
                    if not self._left:
                        self._signatures.end()
                yield piece
                continue
            if self.done:
                raise BadChunks("bytes after the end")
            end = data.find(b"\n", at)
            self._line += data[at : end + 1] if end >= 0 else data[at:]
            at = end + 1 if end >= 0 else len(data)
            if len(self._line) > _LINE:
                raise BadChunks("a line without end")
            if end >= 0:
                line = bytes(self._line).rstrip(b"\r\n")
                self._line.clear()
                self._expect(line)

    def finish(self) -> None:
        """The body is over. Raises BadChunks when it was not to be yet, and AwsError as feed() does."""
        if self._expect == self._trailer and not self._line and not self.done:
            self._end()
        if not self.done:
            raise BadChunks("the body ends in the middle")

    def _head(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        size = size.strip()
        if not size or len(size) > 16 or size.strip(b"0123456789abcdefABCDEF"):
            raise BadChunks("no chunk size")
        self._left = int(size, 16)
        if self._signatures is not None:
            self._signatures.begin(extension)
            if not self._left:
                self._signatures.end()
        self._expect = self._after_chunk if self._left else self._trailer

    def _after_chunk(self, line: bytes) -> None:
        if line:
            raise BadChunks("a chunk longer than its size")
        self._expect = self._head

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._end()
            return
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadChunks("a trailer without a colon")
        name, value = name.strip().lower(), value.strip()
        if self._signatures is None or self._signatures.trailer(name, value):
            self.trailers[name] = value

    def _end(self) -> None:
        if self._signatures is not None:
            self._signatures.finish()
        self.done = True


async def decode(body: AsyncIterable[bytes], decoder: Decoder) -> AsyncIterator[memoryview]:
    """The payload of a body; decoder.trailers is filled in at its end. Raises BadChunks."""
    async for data in body:
        for piece in decoder.feed(data):
            yield piece
    decoder.finish()
