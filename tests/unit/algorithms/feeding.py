"""What feeds a channel in Pipe mode, in the platform's place."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class Feeder(threading.Thread):
    """FIFOs ``<place>_0``, ``<place>_1`` and so on, each with all the pieces. between: called before each piece."""

    def __init__(self, place: Path, pieces: Sequence[bytes], between: Callable[[int], object]) -> None:
        super().__init__(daemon=True)
        self.passes = 0
        self.broken = False
        self._place, self._pieces, self._between = place, pieces, between
        self._stopped = False
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(f"{place}_0")

    def run(self) -> None:
        for epoch in itertools.count():
            path = f"{self._place}_{epoch}"
            with open(path, "wb", buffering=0) as writer:
                if self._stopped:
                    return
                os.mkfifo(f"{self._place}_{epoch + 1}")
                try:
                    self._write(writer.fileno())
                except BrokenPipeError:
                    self.broken = True
            os.unlink(path)
            self.passes += 1

    def _write(self, writer: int) -> None:
        for number, piece in enumerate(self._pieces):
            self._between(number)
            view = memoryview(piece)
            while view:
                view = view[os.write(writer, view) :]

    def stop(self) -> None:
        self._stopped = True
        while self.is_alive():
            for path in self._place.parent.glob(f"{self._place.name}_*"):
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            self.join(0.01)


@contextmanager
def feeding(place: Path, *pieces: bytes, between: Callable[[int], object] = lambda number: None) -> Iterator[Feeder]:
    """place: input/data/<channel>."""
    feeder = Feeder(place, pieces, between)
    feeder.start()
    try:
        yield feeder
    finally:
        feeder.stop()
