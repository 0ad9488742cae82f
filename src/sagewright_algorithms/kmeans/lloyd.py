"""Lloyd's method on weighted points, and how it begins.

S. Lloyd, Least squares quantization in PCM, 1982; D. Arthur and S. Vassilvitskii, k-means++, SODA 2007.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Features, Floats
from sagewright_algorithms.kmeans.rows import Centres, sums_of

Array = NDArray[Any]
Total = Callable[[Array], Array]
"""The sum of an array over instances that have parts of the points."""


def alone(array: Array) -> Array:
    return array


class Found(NamedTuple):
    """centres: (k, d) float32. msd: the weighted mean of the squared distances to them, before the last update."""

    centres: Floats
    msd: float
    iterations: int


def lloyd(
    points: Features, weights: Array, centres: Floats, tolerance: float, iterations: int, total: Total = alone
) -> Found:
    """Until the relative change of the distances is below the tolerance, or for so many iterations.

    points: (n, d). weights: (n,) float32. A centre without points stays where it is.
    """
    last = math.inf
    done = 0
    while done < iterations:
        done += 1
        now = Centres(centres)
        labels = now.labels(points)
        sums, counts = sums_of(points, labels, len(centres), weights)
        cost = _cost(now, points, labels, weights)
        flat = total(np.concatenate([sums.reshape(-1), counts, cost]))
        (squares, weight), counts = flat[-2:].tolist(), flat[-2 - len(centres) : -2]
        msd = squares / max(weight, 1e-300)
        full = counts > 0
        centres = centres.copy()
        centres[full] = flat[: sums.size].reshape(sums.shape)[full] / counts[full, None]
        if last - msd <= tolerance * last < math.inf:
            break
        last = msd
    return Found(centres, msd, done)


def mean_distance(points: Features, weights: Array, centres: Floats, total: Total = alone) -> tuple[float, float]:
    """(the weighted sum of squared distances to the nearest centre, the sum of weights)."""
    now = Centres(centres)
    squares, weight = total(_cost(now, points, now.labels(points), weights)).tolist()
    return squares, weight


def _cost(centres: Centres, points: Features, labels: Array, weights: Array) -> Array:
    distances = centres.distances(points, labels)
    return np.array([np.dot(distances.astype(np.float64), weights), weights.sum(dtype=np.float64)])


def initial(method: str, points: Features, weights: Array, count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """(count,): which points are the first centres. weights: more than ``count`` are not zero, or as many.

    method: ``random`` or ``kmeans++``.
    """
    if method == "random":
        shares = weights.astype(np.float64)
        chosen: NDArray[np.intp] = random.choice(points.shape[0], count, replace=False, p=shares / shares.sum())
        return chosen
    return _plus_plus(points, weights.astype(np.float64), count, random)


def _plus_plus(points: Features, weights: Array, count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Each next one drawn by weight and squared distance to those before; of a few draws the one that helps most."""
    draws = 2 + int(math.log(count))
    norms = _norms(points)
    chosen = np.empty(count, np.intp)
    chosen[0] = _draw(weights, 1, random)[0]
    nearest = _squares(points, norms, chosen[:1])[:, 0]
    for index in range(1, count):
        shares = weights * nearest
        if not shares.sum() > 0:
            # Every point is one of the centres already.
            shares = weights.copy()
            shares[chosen[:index]] = 0
        candidates = _draw(shares, draws, random)
        gaps = np.minimum(_squares(points, norms, candidates), nearest[:, None])
        best = int(np.argmin(weights @ gaps))
        chosen[index], nearest = candidates[best], gaps[:, best]
    return chosen


def _draw(shares: Array, count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Which ones, by their shares."""
    bounds = np.cumsum(shares)
    found = np.searchsorted(bounds, random.random(count) * bounds[-1], side="right")
    chosen: NDArray[np.intp] = np.minimum(found, len(shares) - 1)
    return chosen


def _squares(points: Features, norms: Array, chosen: NDArray[np.intp]) -> Array:
    """(n, chosen): squared distances to some of the points."""
    products = np.asarray(points @ dense(points[chosen]).T)
    found: Array = np.maximum(norms[:, None] + norms[chosen] - 2 * products, 0)
    return found


def _norms(points: Features) -> Array:
    if isinstance(points, np.ndarray):
        norms: Array = np.einsum("ij,ij->i", points, points)
        return norms
    return np.asarray(points.multiply(points).sum(axis=1)).reshape(-1)


def dense(rows: Features) -> Floats:
    return rows if isinstance(rows, np.ndarray) else rows.toarray()
