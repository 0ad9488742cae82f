"""Several instances of one job work on arrays together.

The first host, in order of names, is rank 0 and the hub: it has a connection to each of the others, adds up what they
send in order of rank, so that results are reproducible, and sends the result back. One connection each is enough for
the few instances that one machine holds.
"""

from __future__ import annotations

import json
import os
import selectors
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log, meeting
from sagewright_algorithms.contract.errors import AlgorithmError, AlgorithmFailure, ClientError, failure_of
from sagewright_algorithms.contract.link import Kind, LastWords, Link, Shape, leave, plain

Array = NDArray[Any]

PORT = 9099
"""Where the first instance listens, on its own address."""
TIMEOUT = 1800.0
"""Seconds that instances wait for each other at first: one may have to load far more data than another."""


def connect(
    hosts: Sequence[str],
    host: str,
    *,
    port: int = 0,
    timeout: float = TIMEOUT,
    environ: Mapping[str, str] = os.environ,
) -> Collective:
    """Returns once all instances are connected; with one host at once, and without a connection.

    hosts, host: as resourceconfig.json names them. timeout: seconds. environ: SAGEWRIGHT_HOSTS, JSON of host -> address
    for where names do not resolve; SAGEWRIGHT_JOB_TOKEN, which instances must have in common; SAGEWRIGHT_JOB_PORT,
    where the address is not the job's alone. Raises AlgorithmError that names the host that did not come.
    """
    order = sorted(set(hosts))
    if host not in order:
        raise AlgorithmError(f"The current host {host} is none of the job's hosts {', '.join(order)}")
    rank = order.index(host)
    if len(order) == 1:
        return Collective(order, rank, [])
    port = port or int(environ.get("SAGEWRIGHT_JOB_PORT") or PORT)
    party = meeting.Party(
        order, rank, _addresses(environ), environ.get("SAGEWRIGHT_JOB_TOKEN", ""), port, time.monotonic() + timeout
    )
    links = [meeting.join(party)] if rank else meeting.receive_all(party)
    collective = Collective(order, rank, links)
    # The first instance waits for the others, and this one for its word that all have come.
    try:
        collective.barrier()
    except BaseException as error:
        collective.__exit__(type(error), error, None)
        raise
    return collective


def _addresses(environ: Mapping[str, str]) -> dict[str, str]:
    text = environ.get("SAGEWRIGHT_HOSTS") or "{}"
    try:
        return {str(name): str(address) for name, address in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise AlgorithmError("SAGEWRIGHT_HOSTS is not a JSON object of host names and addresses") from None


class Collective:
    """rank: this instance's place in the order of hosts; rank 0 writes the model. size: the number of instances.

    All instances must call the same methods in the same order. Each method raises what ended another instance: its own
    ClientError, or an AlgorithmError that names the instance that was lost; SystemExit where it was stopped. Leaving
    the context with an error tells the others, and raises on all what names the instance. Not for several threads.
    """

    def __init__(self, hosts: Sequence[str], rank: int, links: Sequence[Link]) -> None:
        """links: of rank 0 to all others in order of rank; of another to rank 0."""
        self.hosts = tuple(hosts)
        self.rank = rank
        self.size = len(self.hosts)
        self._links = list(links)
        self._step = 0
        self._selector = selectors.DefaultSelector()
        for link in self._links:
            self._selector.register(link, selectors.EVENT_READ)

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def address(self) -> str:
        """Where the first instance is reached. Only with several."""
        own, other = self._links[0].addresses
        return own if self.first else other

    def sum(self, array: Array) -> Array:
        """Elementwise over the instances, the same to the last bit on all; arrays of the same type and shape."""
        own = plain(array)
        wanted = Shape(own.dtype, own.shape)
        if self.rank:
            return self._exchange(Kind.SUM, own, wanted)
        parts = self._collect(Kind.SUM, wanted)
        total = np.asarray(own + parts[0]) if parts else own.copy()
        for part in parts[1:]:
            total += part
        self._distribute(Kind.SUM, [total])
        return total

    def gather(self, array: Array) -> list[Array]:
        """Every instance's array, in order of rank. The first axis may differ in length, the others not."""
        own = np.atleast_1d(plain(array))
        wanted = Shape(own.dtype, own.shape, open=True)
        if self.rank:
            first = self._exchange(Kind.GATHER, own, wanted)
            return [first, *(self._receive(Kind.GATHER, wanted) for _ in range(self.size - 1))]
        parts = [own.copy(), *self._collect(Kind.GATHER, wanted)]
        self._distribute(Kind.GATHER, parts)
        return parts

    def broadcast(self, array: Array | None) -> Array:
        """The first instance's array. array: unused on the others."""
        self._step += 1
        if self.rank:
            return self._receive(Kind.BROADCAST, None)
        assert array is not None
        own = plain(array).copy()
        self._distribute(Kind.BROADCAST, [own])
        return own

    def barrier(self) -> None:
        """Returns once all instances have called it."""
        self.sum(np.zeros(0, np.uint8))

    def __enter__(self) -> Collective:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        host = self.hosts[self.rank]
        if error is None:
            self._leave(LastWords(Kind.LEFT, host))
        elif isinstance(error, SystemExit):
            self._leave(LastWords(Kind.STOPPED, host))
        elif self._links:
            kind_of_failure, _, text = str(failure_of(error)).partition(": ")
            words = LastWords(Kind.FAILED, host, f"{kind_of_failure}: {host}: {text}")
            self._leave(words)
            raise _raised(words) from error

    # Steps of the first instance.

    def _collect(self, kind: Kind, wanted: Shape) -> list[Array]:
        """The others' arrays, read as they come: whoever is lost is noticed at once, whomever one waits for."""
        self._step += 1
        parts: dict[Link, Array] = {}
        try:
            while len(parts) < len(self._links):
                for key, _ in self._selector.select():
                    link = key.fileobj
                    assert isinstance(link, Link)
                    # More from one whose part is here can only be its end: its next step has to wait for this one.
                    step = 0 if link in parts else self._step
                    parts[link] = link.receive(kind, step, wanted)
        except LastWords as words:
            self._end(words)
        return [parts[link] for link in self._links]

    def _distribute(self, kind: Kind, arrays: Sequence[Array]) -> None:
        try:
            for link in self._links:
                for array in arrays:
                    link.send(kind, self._step, array)
        except LastWords as words:
            self._end(words)

    # Steps of the others.

    def _exchange(self, kind: Kind, own: Array, wanted: Shape) -> Array:
        self._step += 1
        try:
            self._links[0].send(kind, self._step, own)
        except LastWords as words:
            self._end(words)
        return self._receive(kind, wanted)

    def _receive(self, kind: Kind, wanted: Shape | None) -> Array:
        try:
            return self._links[0].receive(kind, self._step, wanted)
        except LastWords as words:
            self._end(words)

    # The end.

    def _end(self, words: LastWords) -> NoReturn:
        """Passes on why an instance has ended, and raises it here."""
        if words.kind is Kind.LEFT:
            text = f"AlgorithmError: Instance {words.host} has ended its training before the others"
            words = LastWords(Kind.FAILED, words.host, text)
        self._leave(words)
        if words.kind is Kind.STOPPED:
            log.warning(f"Instance {words.host} was stopped.")
            sys.exit(0)
        raise _raised(words)

    def _leave(self, words: LastWords) -> None:
        self._selector.close()
        leave(self._links, words)
        self._links = []


def alone() -> Collective:
    """Of a job with one instance."""
    return Collective(["algo-1"], 0, [])


def _raised(words: LastWords) -> AlgorithmFailure:
    name, _, text = words.text.partition(": ")
    return (ClientError if name == ClientError.__name__ else AlgorithmError)(text)
