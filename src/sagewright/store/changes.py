"""Who waits for a document to change is told when the change commits."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from sagewright.store.space import Space


class Changes:
    """Waiters by (space, key). Changes noted inside a transaction are published at its commit."""

    def __init__(self) -> None:
        self._closed = False
        self._noted: set[tuple[Space, str]] = set()
        self._waiting: defaultdict[tuple[Space, str], set[asyncio.Future[None]]] = defaultdict(set)

    @property
    def closed(self) -> bool:
        """Whether the server is about to end."""
        return self._closed

    def note(self, space: Space, key: str) -> None:
        self._noted.add((space, key))

    def discard(self) -> None:
        self._noted.clear()

    def publish(self) -> None:
        for place in self._noted:
            for future in self._waiting.pop(place, ()):
                if not future.done():
                    future.set_result(None)
        self._noted.clear()

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        for futures in self._waiting.values():
            for future in futures:
                future.cancel()

    async def wait(self, space: Space, key: str, seconds: float) -> bool:
        """Until the document changes or the time is up; whether it changed."""
        if self._closed:
            return False
        future = asyncio.get_running_loop().create_future()
        place = (space, key)
        self._waiting[place].add(future)
        try:
            done, _ = await asyncio.wait([future], timeout=seconds)
            return bool(done) and not future.cancelled()
        finally:
            if place in self._waiting:
                self._waiting[place].discard(future)
                if not self._waiting[place]:
                    del self._waiting[place]
