"""How the instances of a job find each other: all others connect to the first one.

Both ends prove that they know the job's token and have the same list of hosts (HMAC-SHA256 over the other's random
number); whoever cannot is sent away, and the others go on waiting.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import AlgorithmError
from sagewright_algorithms.contract.link import Kind, LastWords, Link, leave

_WELCOME = struct.Struct("<8s16s")
"""The first one speaks: magic, its random number."""
_GREETING = struct.Struct("<8s16sH32s")
"""The other: magic, its random number, its rank, its proof."""
_MAGIC = b"SWMEET01"
_PROOF = 32
_REFUSED = bytes(_PROOF)
_GREETING_SECONDS = 10.0
_RETRY_SECONDS = 0.1


@dataclass(frozen=True)
class Party:
    """hosts: sorted. addresses: by host; a host without one is looked up by name. token: of the job, may be empty."""

    hosts: Sequence[str]
    rank: int
    addresses: Mapping[str, str]
    token: str
    port: int
    deadline: float

    def address(self, host: str) -> str:
        """Raises OSError."""
        return self.addresses.get(host) or str(socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)[0][4][0])

    def proof(self, role: bytes, rank: int, challenge: bytes, answer: bytes) -> bytes:
        hosts = "\0".join(self.hosts).encode()
        parts = (role, struct.pack("<H", rank), challenge, answer, hosts)
        return hmac.new(self.token.encode(), b"".join(parts), hashlib.sha256).digest()

    @property
    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()


def receive_all(party: Party) -> list[Link]:
    """On the first instance: links to the others, in order of rank. Raises AlgorithmError that names who is missing."""
    with _listen(party) as listener:
        reception = _Reception(party, listener)
        begin = time.monotonic()
        try:
            reception.run()
        except BaseException:
            leave(list(reception.links.values()), LastWords(Kind.STOPPED, party.hosts[0]))
            raise
    missing = [host for rank, host in enumerate(party.hosts) if rank and rank not in reception.links]
    if missing:
        reason = f"No connection from {', '.join(missing)} within {time.monotonic() - begin:.0f} s{reception.remark}"
        leave(list(reception.links.values()), LastWords(Kind.FAILED, party.hosts[0], f"AlgorithmError: {reason}"))
        raise AlgorithmError(reason)
    return [reception.links[rank] for rank in range(1, len(party.hosts))]


def _listen(party: Party) -> socket.socket:
    host = party.hosts[0]
    try:
        address = party.address(host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, party.port), family=family)
        listener.setblocking(False)
    except OSError as error:
        raise AlgorithmError(f"{host} cannot listen for the other instances on port {party.port}: {error}") from error
    return listener


@dataclass
class _Guest:
    """A connection that has not proved yet who it is."""

    challenge: bytes
    deadline: float
    data: bytearray = field(default_factory=bytearray)


class _Reception:
    """Waits on all connections at once: a silent stranger holds nobody up."""

    def __init__(self, party: Party, listener: socket.socket) -> None:
        self.links: dict[int, Link] = {}
        self.remark = ""
        self._party = party
        self._listener = listener
        self._guests: dict[socket.socket, _Guest] = {}

    def run(self) -> None:
        """Until all are here or the time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while len(self.links) < len(self._party.hosts) - 1 and self._party.left > 0:
                for key, _ in selector.select(min(1.0, max(0.0, self._party.left))):
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif isinstance(key.fileobj, socket.socket):
                        self._hear(key.fileobj, selector)
                for connection in [one for one, guest in self._guests.items() if guest.deadline < time.monotonic()]:
                    self._send_away(connection, selector, "it said nothing")
            for connection in list(self._guests):
                connection.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            guest = _Guest(secrets.token_bytes(16), time.monotonic() + _GREETING_SECONDS)
            connection.send(_WELCOME.pack(_MAGIC, guest.challenge))
        except OSError:
            return
        self._guests[connection] = guest
        selector.register(connection, selectors.EVENT_READ)

    def _hear(self, connection: socket.socket, selector: selectors.BaseSelector) -> None:
        guest = self._guests[connection]
        try:
            data = connection.recv(_GREETING.size - len(guest.data))
        except OSError:
            data = b""
        guest.data += data
        if not data:
            self._send_away(connection, selector, "it left")
        elif not _MAGIC.startswith(bytes(guest.data[: len(_MAGIC)])):
            self._send_away(connection, selector, "it is no instance of a job")
        elif len(guest.data) == _GREETING.size:
            self._judge(connection, guest, selector)

    def _judge(self, connection: socket.socket, guest: _Guest, selector: selectors.BaseSelector) -> None:
        magic, answer, rank, proof = _GREETING.unpack(guest.data)
        party = self._party
        wanted = party.proof(b"guest", rank, guest.challenge, answer)
        if magic != _MAGIC or not 0 < rank < len(party.hosts) or not hmac.compare_digest(proof, wanted):
            self._send_away(connection, selector, "it has another token, or other hosts")
            return
        selector.unregister(connection)
        del self._guests[connection]
        try:
            connection.send(party.proof(b"first", rank, answer, guest.challenge))
        except OSError:
            connection.close()
            return
        self.links[rank] = Link(party.hosts[rank], connection)

    def _send_away(self, connection: socket.socket, selector: selectors.BaseSelector, why: str) -> None:
        selector.unregister(connection)
        del self._guests[connection]
        self.remark = f"; a connection was refused: {why}"
        log.warning(f"A connection to port {self._party.port} was refused: {why}.")
        try:
            connection.send(_REFUSED)
        except OSError:
            pass
        finally:
            connection.close()


def join(party: Party) -> Link:
    """On the others: the link to the first instance. Raises AlgorithmError that names it."""
    first, begin, why = party.hosts[0], time.monotonic(), ""
    while party.left > 0:
        try:
            address = (party.address(first), party.port)
            connection = socket.create_connection(address, timeout=min(_GREETING_SECONDS, max(0.1, party.left)))
        except OSError as error:
            why = str(error)
        else:
            try:
                _greet(party, connection)
                return Link(first, connection)
            except OSError as error:
                connection.close()
                why = str(error)
            except AlgorithmError:
                connection.close()
                raise
        time.sleep(min(_RETRY_SECONDS, max(0.0, party.left)))
    raise AlgorithmError(f"No connection to {first} within {time.monotonic() - begin:.0f} s: {why}")


def _greet(party: Party, connection: socket.socket) -> None:
    """Raises OSError where another try may help."""
    first = party.hosts[0]
    connection.settimeout(_GREETING_SECONDS)
    magic, challenge = _WELCOME.unpack(_read(connection, _WELCOME.size))
    if magic != _MAGIC:
        raise AlgorithmError(f"What listens on port {party.port} of {first} is no instance of a job")
    answer = secrets.token_bytes(16)
    proof = party.proof(b"guest", party.rank, challenge, answer)
    connection.sendall(_GREETING.pack(_MAGIC, answer, party.rank, proof))
    reply = _read(connection, _PROOF)
    if reply == _REFUSED:
        raise AlgorithmError(f"{first} refused {party.hosts[party.rank]}: it has another token, or other hosts")
    if not hmac.compare_digest(reply, party.proof(b"first", party.rank, answer, challenge)):
        raise AlgorithmError(f"What listens on port {party.port} of {first} does not know the job's token")


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the connection was closed")
        data += part
    return data
