"""Bytes across the border of a network namespace, so that a service cut off from the network can be reached.

Inside, a relay takes connections from a unix socket to 127.0.0.1:8080; outside, the agent takes those to the service's
own address to that unix socket. Runs inside as ``python -S -E -P <this file> <socket> <command...>``.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

_CHUNK = 256 * 1024
_BACKLOG = 128
INSIDE = ("127.0.0.1", 8080)


class _End:
    """One side of a connection: what waits to be written to it, and whether it has said all."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = b""
        self.said_all = False
        self.gone = False
        self.peer: _End = self

    def events(self) -> int:
        """What to poll for: reading only while the other side keeps up."""
        reading = 0 if self.said_all or self.peer.waiting else select.POLLIN
        return reading | (select.POLLOUT if self.waiting else 0)


class Relay:
    """Takes each connection of a listener to a fresh one from connect. One thread, as many connections as there are."""

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        self._listener = listener
        self._connect = connect
        self._poll = select.poll()
        self._ends: dict[int, _End] = {}

    def run(self) -> None:
        """For ever."""
        self._poll.register(self._listener, select.POLLIN)
        while True:
            for number, events in self._poll.poll():
                if number == self._listener.fileno():
                    self._accept()
                elif number in self._ends:
                    self._serve(self._ends[number], events)

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        try:
            far = self._connect()
        except OSError:
            near.close()
            return
        one, two = _End(near), _End(far)
        one.peer, two.peer = two, one
        for end in (one, two):
            end.connection.setblocking(False)
            if end.connection.family == socket.AF_INET:
                end.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends[end.connection.fileno()] = end
            self._poll.register(end.connection, end.events())

    def _serve(self, end: _End, events: int) -> None:
        try:
            if events & select.POLLOUT:
                self._flush(end)
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR) and not end.said_all:
                self._take(end)
        except BlockingIOError:
            pass
        except OSError:
            self._close(end)
            return
        if end.said_all and end.peer.said_all and not end.waiting and not end.peer.waiting:
            self._close(end)
            return
        if events & (select.POLLHUP | select.POLLERR) and end.said_all and not end.gone:
            # It would be reported again and again while what it said last is on its way.
            end.gone = True
            self._poll.unregister(end.connection)
        if (end.gone and not end.peer.waiting) or (end.peer.gone and not end.waiting):
            self._close(end)
            return
        for each in (end, end.peer):
            if not each.gone:
                self._poll.modify(each.connection, each.events())

    def _take(self, end: _End) -> None:
        piece = end.connection.recv(_CHUNK)
        if piece:
            end.peer.waiting += piece
        else:
            end.said_all = True
        self._flush(end.peer)

    def _flush(self, end: _End) -> None:
        with suppress(BlockingIOError):
            while end.waiting:
                end.waiting = end.waiting[end.connection.send(end.waiting) :]
        if end.peer.said_all and not end.waiting:
            with suppress(OSError):
                end.connection.shutdown(socket.SHUT_WR)

    def _close(self, end: _End) -> None:
        for each in (end, end.peer):
            number = each.connection.fileno()
            if self._ends.pop(number, None) is not None:
                if not each.gone:
                    self._poll.unregister(number)
                each.connection.close()


def outside(address: str, port: int, folder: str) -> Relay:
    """The agent's half: from address:port to the socket ``s`` in folder. Raises OSError when the address is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(_BACKLOG)
    # Through the descriptor, since a unix socket's path is limited to 108 bytes.
    place = f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}/s"

    def connect() -> socket.socket:
        if not stat.S_ISSOCK(os.lstat(place).st_mode):
            raise OSError("no socket")
        return _unix(place)

    return Relay(listener, connect)


def _unix(place: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(place)
    except OSError:
        connection.close()
        raise
    return connection


def inside(place: str, command: list[str]) -> None:
    """The sandbox's half: listen, leave a relay behind as a process of its own, and become the command."""
    with suppress(FileNotFoundError):
        os.unlink(place)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(_BACKLOG)
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            Relay(listener, lambda: socket.create_connection(INSIDE, 2)).run()
        os._exit(0)
    os.waitpid(child, 0)
    listener.close()
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    inside(sys.argv[1], sys.argv[2:])
