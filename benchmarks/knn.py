"""k-NN on 200,000 x 64 rows: searches against faiss itself and scikit-learn's brute force, and the jobs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import median
from benchmarks.linear_learner import records
from benchmarks.trainings import Trainings

_ROUNDS = 3
_ROWS, _COLUMNS, _BATCH, _K = 200_000, 64, 5_000, 10
_NPROBE = 24
_GIVEN = {"feature_dim": _COLUMNS, "k": _K, "predictor_type": "classifier", "sample_size": _ROWS}


def run(gigabytes: float = 10.0) -> Iterator[str]:
    import numpy as np

    random = np.random.default_rng(0)
    centres = random.normal(size=(2000, _COLUMNS)).astype(np.float32) * 1.5
    of = random.integers(0, 2000, _ROWS + _BATCH)
    table = centres[of] + random.standard_normal((_ROWS + _BATCH, _COLUMNS), np.float32)
    rows, labels, queries = table[:_ROWS], (of[:_ROWS] % 10).astype(np.float32), table[_ROWS:]
    content = records(rows, labels)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        exact = None
        for kind, more in (
            ("faiss.Flat", {}),
            ("faiss.IVFFlat", {"_faiss_index_nprobe": _NPROBE}),
            ("faiss.IVFPQ", {"_faiss_index_nprobe": _NPROBE, "faiss_index_pq_m": 16}),
        ):
            trainings = Trainings("knn", base / kind)
            trainings.put("train", content)
            job = trainings.run({**_GIVEN, "index_type": kind, **more}, "train")
            yield f"{kind}: whole job {job.seconds:.2f} s, peak memory {job.megabytes:.0f} MB"
            found, lines = _searches(trainings.base / "model", rows, labels, queries, flat=exact is None)
            yield from lines
            exact = found if exact is None else exact
            recall = np.mean([len(set(a) & set(b)) / _K for a, b in zip(found, exact, strict=True)])
            yield f"  recall@{_K} {recall:.4f}" + (f" with nprobe {_NPROBE} of 447 lists" if more else "")
        piped = Trainings("knn", base / "pipe").piped(_GIVEN, content, gigabytes)
        yield f"Pipe mode, {gigabytes:.0f} GB, sample_size {_ROWS}: {piped.seconds:.1f} s, {_peak(piped.megabytes)}"


def _peak(megabytes: float) -> str:
    return f"peak memory {megabytes:.0f} MB (reach < 2000)"


def _searches(model_dir: Path, rows: Any, labels: Any, queries: Any, *, flat: bool) -> tuple[Any, list[str]]:
    """(the neighbours of each query, lines)."""
    from sagewright_algorithms.knn import artifacts, model
    from sagewright_algorithms.knn.index import search

    loaded = model.Model(artifacts.read(model_dir))
    index = loaded.artifact.index
    ours, raw = [], []
    for _ in range(_ROUNDS):
        raw.append(_seconds(lambda: index.search(queries, _K)))
        ours.append(_seconds(lambda: model.predict(loaded, queries)))
    ratio = median([b / a for a, b in zip(ours, raw, strict=True)])
    lines = [
        f"  {_BATCH / median(ours):,.0f} queries/s, the same index in faiss {_BATCH / median(raw):,.0f}/s, ratio "
        f"{ratio:.3f} (reach >= 0.95)"
    ]
    if flat:
        from sklearn.neighbors import KNeighborsClassifier

        brute = KNeighborsClassifier(_K, algorithm="brute", n_jobs=-1).fit(rows, labels)
        theirs = [_seconds(lambda: brute.predict(queries)) for _ in range(_ROUNDS)]
        alike = (brute.predict(queries) == model.predict(loaded, queries)["predicted_label"]).mean()
        lines.append(
            f"  scikit-learn's brute force {_BATCH / median(theirs):,.0f}/s, ratio {median(theirs) / median(ours):.2f} "
            f"(reach >= 1.5); {alike:.2%} of the answers are the same"
        )
    return search(index, queries, _K)[1].tolist(), lines


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
