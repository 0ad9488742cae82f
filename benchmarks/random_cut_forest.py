"""Random cut forests against the rrcf package (build and score) and scikit-learn's IsolationForest (a million rows)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, median, peer
from benchmarks.trainings import Trainings

_ROUNDS = 5
_TREES, _SAMPLES = 50, 256
_ROWS, _COLUMNS = 1_000_000, 10
_SERIES = ROOT.parent / "shared" / "data" / "nab"

# Each point that is not in a tree is inserted, scored and taken out again: what the package's own examples do.
_RRCF = """
import sys, time
import numpy as np, rrcf
rows, samples = np.load(sys.argv[1]), np.load(sys.argv[2])
begin = time.perf_counter()
scores = np.zeros(len(rows))
for chosen in samples:
    tree = rrcf.RCTree(rows[chosen], index_labels=chosen)
    own = set(chosen.tolist())
    for number, row in enumerate(rows):
        if number in own:
            scores[number] += tree.codisp(number)
        else:
            tree.insert_point(row, index="new")
            scores[number] += tree.codisp("new")
            tree.forget_point("new")
print(time.perf_counter() - begin)
np.save(sys.argv[3], scores / len(samples))
"""


def run(gigabytes: float = 10.0) -> Iterator[str]:
    if _SERIES.is_dir():
        yield from _series()
    else:
        yield "no series: ../shared/data/nab is not there"
    yield from _million(gigabytes)


def _series() -> Iterator[str]:
    """NAB's taxi series: seconds; then on all five, what is found."""
    from sklearn.ensemble import IsolationForest

    sys.path.insert(0, str(ROOT / "tests"))
    from parity.series import SERIES, found_windows, row_auc, series
    from sagewright_algorithms.random_cut_forest.forest.forest import Forest

    figures = []
    for name in SERIES:
        one = series(name)
        samples = _samples(len(one.rows))

        def own(rows: Any = one.rows, samples: Any = samples) -> Any:
            return Forest.build(rows[samples]).score(rows)

        first = _seconds(own)
        times = [_seconds(own) for _ in range(_ROUNDS)]
        seconds, theirs = _rrcf(one.rows, samples)
        if name == "nyc_taxi":
            yield (
                f"nyc_taxi, {len(one.rows):,} x {one.rows.shape[1]}, build and score {median(times):.3f} s, rrcf "
                f"{seconds:.1f} s, ratio {seconds / median(times):.0f} (reach >= 300); the first time {first:.2f} s"
            )
        isolation = IsolationForest(n_estimators=_TREES, max_samples=_SAMPLES, random_state=0).fit(one.rows)
        scores = (own(), theirs, -isolation.score_samples(one.rows))
        found, areas = [found_windows(one, each) for each in scores], [row_auc(one, each) for each in scores]
        figures.append((found, areas))
        yield (
            f"{name}: windows of {len(one.windows)} found {found[0]}, rrcf {found[1]}, IsolationForest {found[2]}; "
            f"AUC {areas[0]:.3f}, {areas[1]:.3f}, {areas[2]:.3f}"
        )
    totals = [sum(found[each] for found, _ in figures) for each in range(3)]
    means = [sum(areas[each] for _, areas in figures) / len(figures) for each in range(3)]
    yield (
        f"all: windows {totals[0]}, rrcf {totals[1]}, IsolationForest {totals[2]} (reach: not fewer); mean AUC "
        f"{means[0]:.3f}, {means[1]:.3f}, {means[2]:.3f} (reach: not lower)"
    )


def _samples(rows: int) -> Any:
    """(trees, samples) row numbers."""
    import numpy as np

    random = np.random.default_rng(0)
    return np.stack([random.choice(rows, _SAMPLES, replace=False) for _ in range(_TREES)])


def _rrcf(rows: Any, samples: Any) -> tuple[float, Any]:
    """(seconds, co-displacements)."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{name}.npy") for name in ("rows", "samples", "scores")]
        np.save(paths[0], rows.astype(np.float64))
        np.save(paths[1], samples)
        command = [str(peer("rrcf") / "python"), "-c", _RRCF, *paths]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(done.stdout), np.load(paths[2])


def _million(gigabytes: float) -> Iterator[str]:
    import joblib
    import numpy as np
    from sklearn.ensemble import IsolationForest

    from sagewright_algorithms.random_cut_forest.forest.forest import Forest

    rows = np.random.default_rng(0).normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    forest = Forest.build(rows[: 100 * 256].reshape(100, 256, -1))
    isolation = IsolationForest(n_estimators=100, random_state=0).fit(rows)
    forest.score(rows[:10])
    own, others, threaded = [], [], []
    for _ in range(_ROUNDS):
        own.append(_seconds(lambda: forest.score(rows)))
        others.append(_seconds(lambda: isolation.score_samples(rows)))
        with joblib.parallel_backend("threading", n_jobs=len(os.sched_getaffinity(0))):
            threaded.append(_seconds(lambda: isolation.score_samples(rows)))
    yield (
        f"{_ROWS:,} x {_COLUMNS}, 100 trees x 256, scored in {median(own):.2f} s, IsolationForest "
        f"{median(others):.2f} s, ratio {median(own) / median(others):.2f} (reach <= 1); in joblib's threads "
        f"{median(threaded):.2f} s"
    )
    with tempfile.TemporaryDirectory() as folder:
        yield from _jobs(Path(folder), rows, gigabytes)


def _jobs(base: Path, rows: Any, gigabytes: float) -> Iterator[str]:
    import numpy as np

    from benchmarks.linear_learner import records

    given, content = {"feature_dim": _COLUMNS}, records(rows, np.zeros(len(rows), np.float32))
    trainings = Trainings("random_cut_forest", base / "ml")
    trainings.put("train", content)
    jobs = [trainings.run(given, "train") for _ in range(_ROUNDS)]
    rates = [float(re.findall(r"train throughput=(\S+) records", job.log)[-1]) for job in jobs]
    yield (
        f"whole job on as many records {median([job.seconds for job in jobs]):.2f} s, sampling {median(rates):,.0f} "
        "records/s"
    )
    piped = Trainings("random_cut_forest", base / "pipe").piped(given, content, gigabytes)
    yield (f"Pipe mode, {gigabytes:.0f} GB: {piped.seconds:.1f} s, peak memory {piped.megabytes:.0f} MB (reach < 2000)")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
