"""A uniform random sample of a stream without replacement, in bounded memory.

Every row gets a random key, and the rows with the least keys are the sample; so the samples of several streams are
easily made one. https://docs.aws.amazon.com/sagemaker/latest/dg/rcf_how-it-works.html#rcf-rndm-sample-data
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.random_cut_forest.data import dense

Keys = NDArray[Any]


class Reservoir:
    """size: rows of the sample, of which twice as many are in memory at most. width: features."""

    def __init__(self, size: int, width: int, random: np.random.Generator) -> None:
        self._size = size
        self._random = random
        self._keys: list[Keys] = [np.empty(0)]
        self._rows: list[Floats] = [np.empty((0, width), np.float32)]
        self._held = 0
        self._bound = 1.0

    def add(self, rows: Features) -> None:
        """rows: (n, width), dense or sparse."""
        keys: Keys = self._random.random((rows.shape[0],))
        stay = keys < self._bound
        if not stay.any():
            return
        # Never a view, which would keep the whole block that was read.
        self._rows.append(dense(rows[stay]))
        self._keys.append(keys[stay])
        self._held += len(self._keys[-1])
        if self._held >= 2 * self._size:
            self._cut()

    def sample(self, collective: Collective) -> Floats:
        """The sample of all instances' rows, in random order, the same on all of them. Ends the reservoir."""
        self._cut()
        keys, rows = self._keys[0], self._rows[0]
        every = np.concatenate(collective.gather(keys))
        if len(every) > self._size:
            # Rows that other instances' outbid need not travel.
            bound = float(np.sort(every)[self._size - 1])
            rows, keys = rows[keys <= bound], keys[keys <= bound]
            every = every[every <= bound]
        whole: Floats = np.concatenate(collective.gather(rows))
        return whole[np.argsort(every, kind="stable")]

    def _cut(self) -> None:
        """Back to the rows with the least keys."""
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        if len(keys) > self._size:
            stay = np.argpartition(keys, self._size - 1)[: self._size]
            keys, rows = keys[stay], rows[stay]
            self._bound = float(keys.max())
        self._keys, self._rows, self._held = [keys], [rows], len(keys)
