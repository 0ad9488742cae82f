"""How well scores tell records from negatives, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.ip_insights.data import Source
from sagewright_algorithms.ip_insights.network import Network

Array = NDArray[Any]

_BITS = 18
_SIGN = np.uint32(1 << 31)
_SIZE, _SEED = 10_000, 20181113


class Histogram:
    """Counts of scores, of records and of negatives, in bins that are a part of a score wide: its first nine binary
    digits say which.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((2, 1 << _BITS), np.int64)

    def add(self, scores: Array, *, negative: bool) -> None:
        """scores: (n,) float32."""
        # The bits of floating-point numbers are in the numbers' order, but for the sign; there is one zero only.
        bits = (scores + np.float32(0)).view(np.uint32)
        ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
        bins = (ordered >> np.uint32(32 - _BITS)).astype(np.int64)
        self._counts[int(negative)] += np.bincount(bins, minlength=1 << _BITS)

    def area(self, collective: Collective) -> float | None:
        """Under the ROC curve, of all instances: how often a record scores higher than a negative. None without any."""
        records, negatives = collective.sum(self._counts)
        pairs = float(records.sum()) * float(negatives.sum())
        below = np.cumsum(negatives) - negatives
        return float((records * (below + 0.5 * negatives)).sum() / pairs) if pairs else None


def area(network: Network, source: Source, epoch: int, collective: Collective) -> float | None:
    """discriminator_auc: against a random address and a shuffled one for each record, whatever the job's rates are, so
    that the metric means the same in all jobs. epoch: which of a Pipe-mode channel's FIFOs. None without records.
    """
    random = np.random.default_rng(_SEED)
    histogram = Histogram()
    for pairs in source.batches(_SIZE, epoch):
        count = len(pairs.entities)
        others = random.integers(0, 1 << 32, count, dtype=np.uint32)
        shuffled = random.permutation(pairs.addresses)
        histogram.add(network.scores(pairs.entities, pairs.addresses), negative=False)
        for addresses in (others, shuffled):
            histogram.add(network.scores(pairs.entities, addresses), negative=True)
    return histogram.area(collective)
