"""From the many centres of the passes to the k of the model, and how good they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.kmeans.instances import Instances
from sagewright_algorithms.kmeans.lloyd import Found, initial, lloyd, mean_distance
from sagewright_algorithms.kmeans.online import Online
from sagewright_algorithms.kmeans.report import Report
from sagewright_algorithms.kmeans.rows import Centres
from sagewright_algorithms.kmeans.settings import Settings
from sagewright_algorithms.kmeans.training import Training

Array = NDArray[Any]

_CANDIDATES = 3
"""The best runs on the centres, which go on on a part of the rows."""
_PART, _PART_A_CENTRE = 10_000, 200
"""Rows of that part, of all instances together: the larger of the two, the second for each centre."""


def finish(training: Training) -> tuple[Floats, float, float]:
    """(centres (k, d) of rows as training has them, the sum of squared distances of the rows to them, the rows).

    The last two are estimated from the sample where it has not all rows. Ends the training.
    """
    settings, instances = training.settings, training.instances
    with training.report.timed("_shrink.time"):
        # Random numbers and all: the others take what the first one finds.
        found = shrunk(training.online, settings, training.report) if instances.first else None
        candidates = list(instances.agree(found))
    rows, weights = training.sample.rows()
    centres = _refined(rows, weights, candidates, training)
    distinct = len(np.unique(centres, axis=0))
    if distinct < settings.k:
        training.report.few(distinct, settings.k)
    return centres, *mean_distance(rows, weights, centres, instances.total)


def _refined(rows: Features, weights: Array, candidates: list[Floats], training: Training) -> Floats:
    """Lloyd's method on the rows: from each candidate on a part of them, and from the best one on all."""
    settings, total = training.settings, training.instances.total
    if training.stopped:
        return lloyd(rows, weights, candidates[0], settings.tolerance, 1, total).centres
    count = int(total(np.array([rows.shape[0]]))[0])
    wanted = max(_PART, _PART_A_CENTRE * settings.k)
    part = -(-rows.shape[0] * min(count, wanted) // count)
    runs = [
        lloyd(rows[:part], weights[:part], centres, settings.tolerance, settings.iterations, total)
        for centres in candidates
    ]
    best = min(runs, key=lambda run: run.msd)
    return lloyd(rows, weights, best.centres, settings.tolerance, settings.iterations, total).centres


def shrunk(online: Online, settings: Settings, report: Report) -> Array:
    """(candidates, k, d), the best first: of some runs of Lloyd's method on the centres, each as heavy as its rows."""
    k = settings.k
    report.shrinking(len(online.points), k)
    heavy = np.flatnonzero(online.counts > 0)
    if len(heavy) <= k:
        # Centres that no row was ever near make up the number.
        return online.points[np.argsort(-online.counts, kind="stable")[:k]][None]
    points, weights = online.points[heavy], online.counts[heavy]
    weights = (weights / weights.mean()).astype(np.float32)
    random = np.random.default_rng(1)
    runs: list[Found] = []
    for number in range(settings.trials):
        start = points[initial(settings.lloyd_method, points, weights, k, random)]
        found = lloyd(points, weights, start, settings.tolerance, settings.iterations)
        report.attempt(number, found.msd)
        runs = sorted([*runs, found], key=lambda run: run.msd)[:_CANDIDATES]
    report.shrunk(runs[0].msd)
    return np.stack([run.centres for run in runs])


def distances(batches: Iterable[Features], centres: Floats, instances: Instances) -> tuple[float, float]:
    """(the sum of squared distances of the instances' rows to their nearest centre, the rows)."""
    around = Centres(centres)
    sums = np.zeros(2)
    for rows in batches:
        squares = around.distances(rows, around.labels(rows))
        sums += squares.sum(dtype=np.float64), rows.shape[0]
    squares, count = instances.total(sums).tolist()
    return squares, count
