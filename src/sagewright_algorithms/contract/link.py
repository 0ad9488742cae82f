"""A connection between two instances of a job: arrays, and the last words of an instance that ends.

A frame is a header and the array's bytes: no pickle, nothing that runs. The receiver says which element type and shape
it takes, and reads no more than that.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HEADER = struct.Struct("<2sBB4sQ4Q")
"""Magic, kind, number of axes, element type, step, axes."""
_MAGIC = b"SC"
_AXES = 4
_TYPES = frozenset(("<f4", "<f8", "<i4", "<i8", "<u4", "<u8", "|i1", "|u1", "<i2", "<u2", "|b1"))
_LIMIT = 1 << 34
"""Bytes of an array whose size the receiver cannot know."""
_WORDS = 4096
_BUFFER = 4 << 20
_LINGER_SECONDS = 2.0


class Kind(IntEnum):
    """What a frame is: a step of all instances, or the last words of one."""

    SUM = 1
    GATHER = 2
    BROADCAST = 3
    FAILED = 16
    STOPPED = 17
    LEFT = 18


_KINDS = {int(kind): kind for kind in Kind}


@dataclass(eq=False)
class LastWords(Exception):
    """Nothing comes from this host any more. kind: FAILED, STOPPED or LEFT. text: of a failure, with its prefix."""

    kind: Kind
    host: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a receiver takes. open: whether the first axis may be of any length."""

    dtype: np.dtype[Any]
    axes: tuple[int, ...]
    open: bool = False

    def fits(self, dtype: str, axes: tuple[int, ...]) -> bool:
        skip = int(self.open)
        return dtype == self.dtype.str and len(axes) == len(self.axes) and axes[skip:] == self.axes[skip:]


def plain(array: Array) -> Array:
    """The array as it travels: little-endian, in C order. Raises TypeError for elements that do not travel."""
    found = np.asarray(array, order="C")
    found = found.astype(found.dtype.newbyteorder("<"), copy=False)
    if found.dtype.str not in _TYPES or found.ndim > _AXES:
        raise TypeError(f"An array of {found.dtype} with {found.ndim} axes does not travel between instances")
    return found


class Link:
    """host: the instance at the other end, where known by name."""

    def __init__(self, host: str, connection: socket.socket) -> None:
        self.host = host
        self._connection = connection
        self._midway = False
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # A machine that vanishes says nothing: half a minute without an answer is its end.
        for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, option, _BUFFER)

    @property
    def addresses(self) -> tuple[str, str]:
        """This end's and the other's."""
        return str(self._connection.getsockname()[0]), str(self._connection.getpeername()[0])

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, kind: Kind, step: int, array: Array) -> None:
        """array: plain. Raises LastWords."""
        try:
            self._send(kind, step, array)
        except OSError as error:
            raise self._words_left(error) from error

    def _send(self, kind: Kind, step: int, array: Array) -> None:
        axes = array.shape + (0,) * (_AXES - array.ndim)
        header = _HEADER.pack(_MAGIC, kind, array.ndim, array.dtype.str.encode(), step, *axes)
        content = array.reshape(-1).view(np.uint8).data
        self._midway = True
        sent = self._connection.sendmsg([header, content])
        for part in (header, content):
            if sent < len(part):
                self._connection.sendall(part[sent:])
            sent = max(0, sent - len(part))
        self._midway = False

    def receive(self, kind: Kind, step: int, wanted: Shape | None = None) -> Array:
        """The array of a step. wanted: None for any. Raises LastWords."""
        try:
            return self._receive(kind, step, wanted)
        except OSError as error:
            raise self._lost(str(error)) from error

    def _receive(self, kind: Kind, step: int, wanted: Shape | None) -> Array:
        found, number, dtype, axes = self._header()
        if found >= Kind.FAILED:
            raise self._words(found, dtype, axes)
        if (found, number) != (kind, step):
            raise self._nonsense(f"{found.name} of step {number}, not {kind.name} of step {step}")
        if wanted is not None and not wanted.fits(dtype, axes):
            raise self._nonsense(f"{dtype} {axes}, not {wanted.dtype.str} {wanted.axes}")
        return self._content(dtype, axes)

    def _header(self) -> tuple[Kind, int, str, tuple[int, ...]]:
        data = bytearray(_HEADER.size)
        self._fill(memoryview(data))
        magic, kind, count, dtype, step, *axes = _HEADER.unpack(data)
        name = dtype.rstrip(b"\0").decode("latin-1")
        if magic != _MAGIC or kind not in _KINDS or name not in _TYPES or count > _AXES:
            raise self._nonsense("what is no frame")
        return _KINDS[kind], step, name, tuple(axes[:count])

    def _content(self, dtype: str, axes: tuple[int, ...]) -> Array:
        size = math.prod(axes) * np.dtype(dtype).itemsize
        if size > _LIMIT:
            raise self._nonsense(f"an array of {size} bytes")
        array = np.empty(axes, dtype)
        self._fill(array.reshape(-1).view(np.uint8).data)
        return array

    def _fill(self, view: memoryview) -> None:
        while view:
            count = self._connection.recv_into(view)
            if not count:
                raise self._lost("the connection was closed")
            view = view[count:]

    # The end.

    def say(self, words: LastWords) -> None:
        """The last frame, as far as the other end takes it."""
        # Where a signal broke into a frame, the other end could not tell its last words from the frame's rest.
        if self._midway:
            return
        data = f"{words.host}\0{words.text}".encode(errors="replace")[:_WORDS]
        with contextlib.suppress(OSError):
            self._connection.settimeout(_LINGER_SECONDS)
            self._send(words.kind, 0, np.frombuffer(data, np.uint8))
            self._connection.shutdown(socket.SHUT_WR)

    def linger(self, deadline: float) -> None:
        """Takes what the other end still sends, until it closes: else it might lose our last words over it."""
        with contextlib.suppress(OSError):
            while (left := deadline - time.monotonic()) > 0:
                self._connection.settimeout(left)
                if not self._connection.recv(1 << 16):
                    break

    def close(self) -> None:
        self._connection.close()

    def _words_left(self, error: OSError) -> LastWords:
        """Why the other end does not take a frame: it may have said so before it closed the connection."""
        try:
            self._connection.settimeout(_LINGER_SECONDS)
            while True:
                kind, _, dtype, axes = self._header()
                if kind >= Kind.FAILED:
                    return self._words(kind, dtype, axes)
                self._content(dtype, axes)
        except LastWords as words:
            return words
        except OSError:
            return self._lost(str(error))

    def _words(self, kind: Kind, dtype: str, axes: tuple[int, ...]) -> LastWords:
        if dtype != "|u1" or len(axes) != 1 or axes[0] > _WORDS:
            return self._nonsense("what is no frame")
        host, _, text = bytes(self._content(dtype, axes)).decode(errors="replace").partition("\0")
        return LastWords(kind, host, text)

    def _lost(self, why: str) -> LastWords:
        return LastWords(Kind.FAILED, self.host, f"AlgorithmError: Instance {self.host} was lost: {why}")

    def _nonsense(self, what: str) -> LastWords:
        return LastWords(Kind.FAILED, self.host, f"AlgorithmError: Instance {self.host} sent {what}")


def leave(links: Sequence[Link], words: LastWords) -> None:
    """Ends the links, with the same words to all; a failure lingers for a moment."""
    for link in links:
        link.say(words)
    deadline = time.monotonic() + _LINGER_SECONDS
    for link in links:
        if words.kind is not Kind.LEFT:
            link.linger(deadline)
        link.close()
