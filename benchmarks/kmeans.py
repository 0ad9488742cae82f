"""K-means of 100 clusters on 1,000,000 x 50 rows, the whole job, against scikit-learn's MiniBatchKMeans and KMeans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import median
from benchmarks.linear_learner import records

_ROUNDS = 3
_ROWS, _COLUMNS, _CLUSTERS = 1_000_000, 50, 100
_SPREAD = 0.35
"""Of the blobs' centres, of which each blob has a spread of 1: they overlap."""


def run() -> Iterator[str]:
    import numpy as np

    random = np.random.default_rng(0)
    centres = random.normal(0, _SPREAD, size=(_CLUSTERS, _COLUMNS)).astype(np.float32)
    rows = centres[random.integers(0, _CLUSTERS, _ROWS)] + random.standard_normal((_ROWS, _COLUMNS), np.float32)
    full_seconds, full = _scikit_learn("KMeans", rows, 0)
    jobs, others, ours, theirs = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        _lay_out(base, rows)
        for number in range(_ROUNDS):
            seconds, msd = _scikit_learn("MiniBatchKMeans", rows, number)
            others.append(seconds)
            theirs.append(msd)
            start = time.perf_counter()
            _job(base)
            jobs.append(time.perf_counter() - start)
            ours.append(_msd(base, rows))
    ratio = median([b / a for a, b in zip(jobs, others, strict=True)])
    yield (
        f"whole job {median(jobs):.2f} s, MiniBatchKMeans {median(others):.2f} s, ratio {ratio:.2f} (reach >= 1); "
        f"KMeans {full_seconds:.1f} s"
    )
    closer = (median(theirs) - median(ours)) / (median(theirs) - full)
    yield (
        f"msd {median(ours):.3f}, MiniBatchKMeans {median(theirs):.3f}, KMeans {full:.3f}: {closer:.0%} of the way "
        "from MiniBatchKMeans to KMeans (reach > 50%)"
    )


def _scikit_learn(name: str, rows: Any, seed: int) -> tuple[float, float]:
    """(seconds of a fit with the data in memory, mean squared distance)."""
    import sklearn.cluster

    start = time.perf_counter()
    found = getattr(sklearn.cluster, name)(_CLUSTERS, n_init="auto", random_state=seed).fit(rows)
    seconds = time.perf_counter() - start
    return seconds, -found.score(rows) / len(rows)


def _lay_out(base: Path, rows: Any) -> None:
    """/opt/ml of a job whose train channel is a RecordIO-protobuf file."""
    import numpy as np

    config, data = base / "input" / "config", base / "input" / "data" / "train"
    config.mkdir(parents=True)
    data.mkdir(parents=True)
    (data / "data.pbr").write_bytes(records(rows, np.zeros(len(rows), np.float32)))
    given = {"k": str(_CLUSTERS), "feature_dim": str(_COLUMNS)}
    (config / "hyperparameters.json").write_text(json.dumps(given))
    channel = {"ContentType": "application/x-recordio-protobuf"}
    (config / "inputdataconfig.json").write_text(json.dumps({"train": channel}))


def _job(base: Path) -> None:
    command = [sys.executable, "-m", "sagewright_algorithms", "kmeans", "train"]
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _msd(base: Path, rows: Any) -> float:
    """Of all rows, by the model that the job left."""
    import numpy as np

    from sagewright_algorithms.kmeans import model

    _, distances = model.load(base / "model").nearest(rows)
    return float(np.mean(np.square(distances, dtype=np.float64)))
