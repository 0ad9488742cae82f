"""PCA of 1,000,000 x 100 rows to 10 components, against scikit-learn's fastest solver, with the data in memory."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import median
from benchmarks.linear_learner import records
from benchmarks.trainings import Trainings, measured

_ROUNDS = 5
_ROWS, _COLUMNS, _COUNT = 1_000_000, 100, 10
_GIVEN = {"feature_dim": _COLUMNS, "num_components": _COUNT, "mini_batch_size": 5000}
_PEER = """
import sys, time
import numpy as np
from sklearn.decomposition import PCA
rows = np.load(sys.argv[1])
start = time.perf_counter()
found = PCA(int(sys.argv[3]), svd_solver=sys.argv[2], random_state=0).fit(rows)
print("fit", time.perf_counter() - start)
"""


def run(gigabytes: float = 10.0) -> Iterator[str]:
    import numpy as np

    rows = _rows()
    yield from _in_memory(rows)
    content = records(rows, np.zeros(len(rows), np.float32))
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        np.save(base / "rows.npy", rows)
        trainings = Trainings("pca", base / "ml")
        trainings.put("train", content)
        for mode, solver in (("regular", "covariance_eigh"), ("randomized", "randomized")):
            yield from _against(trainings, {**_GIVEN, "algorithm_mode": mode}, solver, base, rows)
        piped = Trainings("pca", base / "pipe").piped(_GIVEN, content, gigabytes)
        memory = f"peak memory {piped.megabytes:.0f} MB (reach < 2000)"
        yield f"Pipe mode, {gigabytes:.0f} GB: {piped.seconds:.1f} s, {memory}"
        yield from _many_features(base)


def _rows() -> Any:
    """Ten directions with most of the variance, noise in all, and means."""
    import numpy as np

    random = np.random.default_rng(0)
    turn = random.normal(size=(_COUNT, _COLUMNS)) * np.linspace(3, 1, _COUNT)[:, None]
    rows = random.standard_normal((_ROWS, _COLUMNS), np.float32) + 1
    return rows + random.standard_normal((_ROWS, _COUNT), np.float32) @ turn.astype(np.float32)


def _in_memory(rows: Any) -> Iterator[str]:
    """The computation alone, on the same array, a block at a time."""
    import numpy as np
    from sklearn.decomposition import PCA

    from sagewright_algorithms.contract.collective import alone
    from sagewright_algorithms.formats.examples import Examples
    from sagewright_algorithms.pca.spec import DEFAULTS
    from sagewright_algorithms.pca.summary import Summaries

    ours, theirs = [], []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        PCA(_COUNT, svd_solver="covariance_eigh").fit(rows)
        theirs.append(time.perf_counter() - start)
        start = time.perf_counter()
        summaries = Summaries({**DEFAULTS, **_GIVEN}, alone())
        with summaries.adding(lambda examples: None) as add:
            for _ in add(Examples(part) for part in np.array_split(rows, 100)):
                pass
        summaries.components()
        ours.append(time.perf_counter() - start)
    ratio = median([b / a for a, b in zip(ours, theirs, strict=True)])
    yield f"the same array in memory: {median(ours):.3f} s, covariance_eigh {median(theirs):.3f} s, ratio {ratio:.2f}"


def _against(trainings: Trainings, given: dict[str, Any], solver: str, base: Path, rows: Any) -> Iterator[str]:
    jobs, passes, others, fits, memory, peak = [], [], [], [], [], 0.0
    command = [sys.executable, "-c", _PEER, str(base / "rows.npy"), solver, str(_COUNT)]
    for _ in range(_ROUNDS):
        other = measured(command, base / "log")
        others.append(other.seconds)
        fits.append(float(re.findall(r"fit (\S+)", other.log)[0]))
        job = trainings.run(given, "train")
        jobs.append(job.seconds)
        passes.append(_ROWS / float(re.findall(r"train throughput=(\S+)", job.log)[0]))
        memory.append(job.megabytes)
        peak = other.megabytes
    ratio = median([b / a for a, b in zip(jobs, others, strict=True)])
    yield (
        f"{given['algorithm_mode']}: whole job {median(jobs):.2f} s, script with {solver} {median(others):.2f} s, "
        f"ratio {ratio:.2f} (reach >= 1); peak memory {max(memory):.0f} MB (reach < 300), script {peak:.0f} MB"
    )
    yield f"  the pass over the file {median(passes):.2f} s, fit in memory {median(fits):.2f} s"
    found, most = _explained(trainings, rows)
    yield f"  explained variance {found:.7f}, full decomposition {most:.7f}, difference {most - found:.1e}"


def _explained(trainings: Trainings, rows: Any) -> tuple[float, float]:
    """(of the job's components, of the best ones): the shares of the variance."""
    import numpy as np

    from sagewright_algorithms.pca import artifacts

    mean = rows.mean(axis=0, dtype=np.float64)
    gram = sum((part - mean).T @ (part - mean) for part in np.array_split(rows, 50))
    vectors = artifacts.read(trainings.base / "model").vectors.astype(np.float64)
    whole = np.trace(gram)
    found = np.trace(np.linalg.solve(vectors.T @ vectors, vectors.T @ gram @ vectors))
    return found / whole, np.linalg.eigvalsh(gram)[-_COUNT:].sum() / whole


def _many_features(base: Path) -> Iterator[str]:
    """Randomized mode where the exact sum would need 7 GB."""
    import numpy as np

    random = np.random.default_rng(1)
    width, count = 30_000, 4_000
    rows = random.standard_normal((count, 20), np.float32) @ random.standard_normal((20, width), np.float32)
    rows += random.standard_normal((count, width), np.float32)
    trainings = Trainings("pca", base / "wide")
    trainings.put("train", records(rows, np.zeros(count, np.float32)))
    given = {**_GIVEN, "feature_dim": width, "mini_batch_size": 500, "algorithm_mode": "randomized"}
    job = trainings.run(given, "train")
    yield f"randomized, {count} x {width}: whole job {job.seconds:.1f} s, peak memory {job.megabytes:.0f} MB"
