"""Bodies that are read whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sagewright.wire.http import Body, BodyTooLarge


def body(*pieces: bytes | float, length: int | None = None) -> Body:
    """pieces: bytes, or seconds of silence."""

    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                yield piece

    return Body(arriving(), length)


def test_a_body_in_pieces() -> None:
    assert asyncio.run(body(b"a", b"", b"bc").read(3)) == b"abc"


def test_too_large_a_body() -> None:
    for large in (body(length=4), body(b"ab", b"cd"), body(b"abcd")):
        with pytest.raises(BodyTooLarge):
            asyncio.run(large.read(3))


def test_silence() -> None:
    """It may come slowly, but it must come."""
    assert asyncio.run(body(b"a", *[0.02, b"b"] * 10).read(20, patience=0.15)) == b"a" + b"b" * 10
    with pytest.raises(TimeoutError):
        asyncio.run(body(b"a", 60.0, b"b").read(3, patience=0.05))
