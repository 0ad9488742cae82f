"""Summaries of the rows, one a thread, that a pass over the data adds to."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.memory import free_memory
from sagewright_algorithms.formats.examples import Examples, Features, concatenate
from sagewright_algorithms.pca.components import Components
from sagewright_algorithms.pca.covariance import Covariance
from sagewright_algorithms.pca.sketch import Sketch

_SEED = 20171129
_MOST = 10
"""The least number of components that randomized mode computes besides, where the job does not say."""
_EXACT = 8
"""With no more than so many features for each of a sketch's rows, the exact sum is as fast."""
_EXACT_WIDTH = 2048
_SHARED_WIDTH = 1024
"""Features up to which each thread has its own sum; with more, a matrix product is enough work for all threads."""
_WAITING = 2
"""Pieces for each thread that are read ahead."""


class Summary(Protocol):
    """Of a part of the rows."""

    rows: int

    def enough(self, features: Features) -> int: ...

    def add(self, features: Features) -> None: ...


class Summaries:
    """What all threads of this instance know of its rows. parts: one each."""

    def __init__(self, values: Mapping[str, Any], collective: Collective) -> None:
        """values: the job's hyperparameters. Raises ClientError where a sum would not fit in memory."""
        self._count = int(values["num_components"])
        self._collective = collective
        width, centre = int(values["feature_dim"]), values["subtract_mean"] == "true"
        extra = int(values["extra_components"])
        rank = self._count + (max(_MOST, self._count) if extra < 0 else extra)
        threads = len(os.sched_getaffinity(0))
        self.parts: Sequence[Any]
        if values["algorithm_mode"] == "regular" or width <= min(_EXACT * rank, _EXACT_WIDTH):
            _check_memory(width)
            self.parts = [Covariance(width, centre=centre) for _ in range(threads if width <= _SHARED_WIDTH else 1)]
        else:
            rank = min(rank, width // 2)
            seeds = ([_SEED, collective.rank, number] for number in range(threads))
            self.parts = [Sketch(width, max(rank, self._count), centre=centre, seed=seed) for seed in seeds]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @contextmanager
    def adding(self, check: Callable[[Examples], None]) -> Iterator[Callable[[Iterable[Examples]], Iterator[int]]]:
        """A function that adds blocks of rows and yields the rows of each; all are added once the context is left.

        check: raises ClientError for rows that are wrong, here or in the context.
        """
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with ExitStack() as stack:
            if len(self.parts) > 1:
                # Each thread is busy with its own rows: more threads would only wait for each other.
                stack.enter_context(threadpool_limits(1))
            team = _Team(self.parts, check)
            stack.enter_context(team)
            yield team.add

    def components(self) -> Components:
        """Of the rows of all instances, the same on all; ends this."""
        kind = type(self.parts[0])
        found: Components = kind.components(self.parts, self._count, self._collective)
        return found


class _Team:
    """A thread for each part; each adds every so manieth piece, so that the same rows always come to the same part."""

    def __init__(self, parts: Sequence[Any], check: Callable[[Examples], None]) -> None:
        self._parts = parts
        self._check = check
        self._threads = [ThreadPoolExecutor(1, "pca") for _ in parts]
        self._waiting: deque[Future[None]] = deque()
        self._number = 0

    def __enter__(self) -> _Team:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            for thread in self._threads:
                thread.shutdown(cancel_futures=True)

    def add(self, blocks: Iterable[Examples]) -> Iterator[int]:
        for piece in self._pieces(blocks):
            number = self._number % len(self._parts)
            self._number += 1
            self._waiting.append(self._threads[number].submit(self._work, self._parts[number], piece))
            if len(self._waiting) > _WAITING * len(self._parts):
                self._waiting.popleft().result()
            yield piece.rows

    def _pieces(self, blocks: Iterable[Examples]) -> Iterator[Examples]:
        waiting: list[Examples] = []
        for block in blocks:
            waiting.append(block)
            if sum(one.rows for one in waiting) >= self._parts[0].enough(block.features):
                if piece := concatenate(waiting):
                    yield piece
                waiting = []
        if piece := concatenate(waiting):
            yield piece

    def _work(self, part: Summary, piece: Examples) -> None:
        self._check(piece)
        part.add(piece.features)


def _check_memory(width: int) -> None:
    """A sum, a product beside it, and the decomposition's own. Raises ClientError."""
    needed = 3 * 8 * width * width
    if needed > free_memory():
        raise ClientError(
            f"algorithm_mode=regular with feature_dim={width} needs {needed / 1e9:.1f} GB of memory. Please use "
            "algorithm_mode=randomized, or a larger instance."
        )
