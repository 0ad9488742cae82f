"""The area under the curve in bounded memory, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.ip_insights.evaluation import Histogram
from unit.algorithms.side_by_side import side_by_side


@pytest.mark.parametrize(("apart", "spread"), [(0, 1), (0.01, 0.01), (1, 1), (3, 1), (30, 20), (1e4, 1e4)])
def test_area(apart: float, spread: float) -> None:
    random = np.random.default_rng(0)
    records = random.normal(apart, spread, 5000).astype(np.float32)
    negatives = random.normal(0, spread, 10_000).astype(np.float32)
    labels = np.r_[np.ones(5000), np.zeros(10_000)]
    expected = roc_auc_score(labels, np.r_[records, negatives])

    def area(rank: int, collective: Collective) -> float | None:
        histogram = Histogram()
        histogram.add(records[rank :: collective.size], negative=False)
        histogram.add(negatives[rank :: collective.size], negative=True)
        return histogram.area(collective)

    assert area(0, alone()) == pytest.approx(expected, abs=1e-4)
    assert set(side_by_side(2, area)) == {area(0, alone())}


def test_ties_and_nothing() -> None:
    histogram = Histogram()
    assert histogram.area(alone()) is None
    for negative in (False, True):
        histogram.add(np.zeros(3, np.float32), negative=negative)
    assert histogram.area(alone()) == 0.5
