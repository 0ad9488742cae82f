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

_LINE = 8192
"""Longest line of a chunk's head or a trailer, bytes."""


class BadChunks(ValueError):
    """The body is not well-formed aws-chunked, or ends early."""


class Decoder:
    """feed() gives the payload in what arrived; trailers (lower-case names) are complete when done is True.

    Signatures of chunks are read over, not verified.
    """

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self.done = False
        self._line = bytearray()
        self._left = 0
        """Bytes of the present chunk still to come."""
        self._expect = self._head

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """Slices of data, without a copy. Raises BadChunks."""
        view = memoryview(data)
        at = 0
        while at < len(data):
            if self._left:
                piece = view[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
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
        """The body is over. Raises BadChunks when it was not to be yet."""
        if self._expect == self._trailer and not self._line:
            self.done = True
        if not self.done:
            raise BadChunks("the body ends in the middle")

    def _head(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip()
        if not size or len(size) > 16 or size.strip(b"0123456789abcdefABCDEF"):
            raise BadChunks("no chunk size")
        self._left = int(size, 16)
        self._expect = self._after_chunk if self._left else self._trailer

    def _after_chunk(self, line: bytes) -> None:
        if line:
            raise BadChunks("a chunk longer than its size")
        self._expect = self._head

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.done = True
            return
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadChunks("a trailer without a colon")
        self.trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()


async def decode(body: AsyncIterable[bytes], decoder: Decoder) -> AsyncIterator[memoryview]:
    """The payload of a body; decoder.trailers is filled in at its end. Raises BadChunks."""
    async for data in body:
        for piece in decoder.feed(data):
            yield piece
    decoder.finish()
