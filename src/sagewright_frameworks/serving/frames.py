"""What goes between the HTTP server and its workers: a JSON head and a body, both with their length before them."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

_LENGTHS = struct.Struct("!IQ")
Frame = tuple[dict[str, Any], bytes]


def packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    raw = json.dumps(head).encode()
    return b"".join((_LENGTHS.pack(len(raw), len(body)), raw, body))


async def read(reader: asyncio.StreamReader) -> Frame:
    """The next frame. Raises asyncio.IncompleteReadError at the end."""
    head, body = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    return json.loads(await reader.readexactly(head)), await reader.readexactly(body) if body else b""


def receive(connection: socket.socket) -> Frame | None:
    """The next frame; None at the end."""
    lengths = _exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head, body = _LENGTHS.unpack(lengths)
    raw, content = _exactly(connection, head), _exactly(connection, body)
    return None if raw is None or content is None else (json.loads(raw), content)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts, left = [], size
    while left:
        part = connection.recv(min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
