"""Factorization machines on MovieLens-100k against plain PyTorch, on adult, and on 1,000,000 x 100,000 sparse rows."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import adult
from benchmarks.common import ROOT, median, peer
from benchmarks.trainings import Run, Trainings

_SHARED = ROOT.parent / "shared" / "data"
_ROUNDS, _EPOCHS, _FACTORS, _BATCH = 5, 10, 64, 1000
# Chosen on a tenth of the training rows.
_TUNED = {
    "num_factors": 128,
    "predictor_type": "regressor",
    "epochs": 36,
    "mini_batch_size": 200,
    "bias_lr": 0.03,
    "linear_lr": 0.002,
    "linear_wd": 0.00036,
    "factors_lr": 0.0006,
    "factors_wd": 0.0005,
    "factors_init_sigma": 0.004,
}
_CLASSIFIER = {
    "num_factors": 8,
    "predictor_type": "binary_classifier",
    "epochs": 20,
    "mini_batch_size": 200,
    "bias_lr": 0.01,
    "linear_lr": 0.003,
    "linear_wd": 1e-5,
    "factors_lr": 0.001,
    "factors_wd": 0.001,
    "factors_init_sigma": 0.02,
}
_ROWS, _WIDTH, _ENTRIES = 1_000_000, 100_000, 40

_TORCH = """
import sys, time
import numpy as np, torch
from torch import nn
found = np.load(sys.argv[1])
sparse, factors, size, epochs = sys.argv[2] == "sparse", int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
rows, labels = torch.from_numpy(found["rows"].astype(np.int64)), torch.from_numpy(found["labels"])

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))
        self.linear = nn.Embedding(int(found["width"]), 1, sparse=sparse)
        self.factors = nn.Embedding(int(found["width"]), factors, sparse=sparse)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.normal_(self.factors.weight, std=0.001)

    def forward(self, rows):
        vectors = self.factors(rows)
        pairs = vectors.sum(1).square() - vectors.square().sum(1)
        return self.bias + self.linear(rows).sum((1, 2)) + pairs.sum(1) / 2

model = Model()
if sparse:
    optimizers = [torch.optim.SparseAdam([model.linear.weight, model.factors.weight]), torch.optim.Adam([model.bias])]
else:
    optimizers = [torch.optim.Adam(model.parameters(), weight_decay=1e-5)]

def run():
    for at in range(0, len(rows), size):
        part = slice(at, at + size)
        loss = nn.functional.mse_loss(model(rows[part]), labels[part])
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

run()
speeds = []
for _ in range(epochs):
    begin = time.perf_counter()
    run()
    speeds.append(len(rows) / (time.perf_counter() - begin))
print(np.median(speeds))
"""


def run(gigabytes: float = 10.0) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if _SHARED.exists():
            yield from _films(base)
            yield _adults(base / "adult")
        else:
            yield "no ratings: ../shared/data is not there"
        yield from _large(base / "large", gigabytes)


def _films(base: Path) -> Iterator[str]:
    """Nine tenths of the ratings train, one tests."""
    import numpy as np

    table = np.loadtxt(_SHARED / "movielens-100k" / "ratings.tsv", skiprows=1)
    table = table[np.random.default_rng(0).permutation(len(table))]
    rows, labels = table[:, :2].astype(int) - 1, table[:, 2].astype(np.float32)
    rows[:, 1] += rows[:, 0].max() + 1
    width, cut = int(rows.max()) + 1, len(rows) * 9 // 10
    trainings = Trainings("factorization_machines", base / "films")
    for name, part in (("train", slice(cut)), ("test", slice(cut, None))):
        trainings.put(name, _records(rows[part], np.ones(rows[part].shape), labels[part], width))
    path = base / "ratings.npz"
    np.savez(path, rows=rows[:cut], labels=labels[:cut], width=width)
    given = {"num_factors": _FACTORS, "predictor_type": "regressor", "epochs": 1 + _EPOCHS, "mini_batch_size": _BATCH}
    own, dense, sparse = [], [], []
    for _ in range(_ROUNDS):
        own.append(median(_speeds(trainings.run({"feature_dim": width, **given}, "train"))[1:]))
        dense.append(_torch(path, "dense"))
        sparse.append(_torch(path, "sparse"))
    yield (
        f"MovieLens-100k: {median(own):,.0f} examples/s, PyTorch {median(dense):,.0f}/s, ratio "
        f"{median(own) / median(dense):.1f} (reach >= 3); with sparse gradients and SparseAdam {median(sparse):,.0f}/s"
        f", ratio {median(own) / median(sparse):.1f}"
    )
    job = trainings.run({"feature_dim": width, **_TUNED}, "train", "test")
    (error,) = re.findall(r"test rmse <loss>=(\S+)", job.log)
    yield f"  tuned: test RMSE {float(error):.4f} (reach <= 0.910); {_whole(job)}"


def _adults(base: Path) -> str:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    from sagewright_algorithms.factorization_machines import artifacts, model

    (rows, labels), (test_rows, test_labels) = adult.tables()
    trainings = Trainings("factorization_machines", base)
    order = np.random.default_rng(0).permutation(len(rows))
    content = [_records(*_entries(rows[one]), labels[one : one + 1], rows.shape[1]) for one in order]
    trainings.put("train", b"".join(content))
    job = trainings.run({"feature_dim": rows.shape[1], **_CLASSIFIER}, "train")
    found = model.Model(artifacts.read(base / "model")).predict(test_rows)["score"]
    linear = LogisticRegression(max_iter=5000).fit(rows, labels).predict_proba(test_rows)[:, 1]
    ours, theirs = (float(roc_auc_score(test_labels, one)) for one in (found, linear))
    return (
        f"adult, one-hot: test AUC {ours:.4f}, LogisticRegression {theirs:.4f}, difference {ours - theirs:+.4f} (reach "
        f">= -0.002); {_whole(job)}"
    )


def _entries(row: Any) -> tuple[Any, Any]:
    """(keys, values), (1, n) each, of what is not zero."""
    import numpy as np

    keys = np.flatnonzero(row)
    return keys[None], row[keys][None]


def _large(base: Path, gigabytes: float) -> Iterator[str]:
    import numpy as np

    random = np.random.default_rng(0)
    weights = random.normal(scale=0.3, size=_WIDTH)
    parts = []
    for _ in range(10):
        keys = np.sort(random.integers(0, _WIDTH, (_ROWS // 10, _ENTRIES)), axis=1)
        values = random.random(keys.shape, np.float32)
        labels = np.sum(weights[keys] * values, axis=1) + random.normal(size=len(keys))
        parts.append(_records(keys, values, labels, _WIDTH))
    content = b"".join(parts)
    del parts
    trainings = Trainings("factorization_machines", base)
    trainings.put("train", content)
    given = {"feature_dim": _WIDTH, "num_factors": _FACTORS, "predictor_type": "regressor", "mini_batch_size": _BATCH}
    for epochs in (1, 3):
        job = trainings.run({**given, "epochs": epochs}, "train")
        speeds = ", ".join(f"{speed:,.0f}" for speed in _speeds(job))
        yield (
            f"{_ROWS:,} x {_WIDTH:,}, {_ENTRIES} entries a row, {len(content) / 1e6:.0f} MB, epochs {epochs}: {speeds} "
            f"examples/s; {_whole(job)}"
        )
    piped = Trainings("factorization_machines", base / "pipe").piped(given, content, gigabytes)
    (seen,) = re.findall(r'"Total Records Seen": \{"sum": (\d+)', piped.log)
    yield f"Pipe mode, {gigabytes:.0f} GB, {int(seen):,} records: {_whole(piped)} (reach < 2000)"


def _records(keys: Any, values: Any, labels: Any, width: int) -> bytes:
    """keys, values: (n, entries)."""
    from sagewright_algorithms.formats import recordio
    from sagewright_algorithms.formats.record import record_class

    new, found = record_class(), []
    for own, numbers, label in zip(keys.tolist(), values.tolist(), labels.tolist(), strict=True):
        record = new()
        tensor = record.features["values"].float32_tensor
        tensor.values.extend(numbers)
        tensor.keys.extend(own)
        tensor.shape.append(width)
        record.label["values"].float32_tensor.values.append(label)
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def _speeds(job: Run) -> list[float]:
    """Of the epochs, examples a second."""
    return [float(speed) for speed in re.findall(r"train throughput=(\S+) records", job.log)]


def _whole(job: Run) -> str:
    return f"whole job {job.seconds:.1f} s, peak memory {job.megabytes:.0f} MB"


def _torch(path: Path, kind: str) -> float:
    """Examples a second."""
    sizes = (_FACTORS, _BATCH, _EPOCHS)
    command = [str(peer("torch") / "python"), "-c", _TORCH, str(path), kind, *map(str, sizes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)
