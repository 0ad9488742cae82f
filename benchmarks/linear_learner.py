"""Linear learner's 32 models on 1,000,000 x 50 rows, one epoch, against 32 runs of scikit-learn's SGDClassifier."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import median

_ROUNDS = 3
_ROWS, _VALIDATION, _COLUMNS, _MODELS = 1_000_000, 100_000, 50, 32
_HYPERPARAMETERS = {
    "predictor_type": "binary_classifier",
    "epochs": "1",
    "num_models": str(_MODELS),
    "binary_classifier_model_selection_criteria": "loss_function",
}


def run() -> Iterator[str]:
    import numpy as np

    random = np.random.default_rng(0)
    features = random.normal(size=(_ROWS + _VALIDATION, _COLUMNS)).astype(np.float32)
    scores = features @ (random.normal(size=_COLUMNS) / 3).astype(np.float32)
    labels = (scores + random.logistic(size=len(scores)) > 0.5).astype(np.float32)
    train, validation = (features[:_ROWS], labels[:_ROWS]), (features[_ROWS:], labels[_ROWS:])
    best = _logistic_regression(train, validation)
    jobs, epochs, others, losses = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        _lay_out(base, train=train, validation=validation)
        for _ in range(_ROUNDS):
            others.append(_scikit_learn(train))
            start = time.perf_counter()
            log = _job(base)
            jobs.append(time.perf_counter() - start)
            epochs.append(_ROWS / float(re.findall(r"train throughput=(\S+) records", log)[-1]))
            losses.append(float(re.findall(r"validation \S+_objective <loss>=(\S+)", log)[-1]))
    ratio = median([b / a for a, b in zip(jobs, others, strict=True)])
    epoch = median([b / a for a, b in zip(epochs, others, strict=True)])
    yield f"whole job {median(jobs):.2f} s, SGDClassifier {median(others):.1f} s, ratio {ratio:.1f} (reach >= 8)"
    yield f"the epoch alone {median(epochs):.2f} s, ratio {epoch:.1f}"
    yield (
        f"validation loss {median(losses):.5f}, LogisticRegression {best:.5f}, ratio {median(losses) / best:.4f} "
        "(reach < 1.01)"
    )


def _logistic_regression(train: Any, validation: Any) -> float:
    """Its loss on the validation rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    found = LogisticRegression(max_iter=1000).fit(*train)
    return float(log_loss(validation[1], found.predict_proba(validation[0])))


def _scikit_learn(train: Any) -> float:
    """Seconds of one pass for each of as many models, with the data in memory."""
    import numpy as np
    from sklearn.linear_model import SGDClassifier

    start = time.perf_counter()
    for alpha in np.logspace(-7, -2, _MODELS):
        SGDClassifier(loss="log_loss", alpha=alpha, max_iter=1, tol=None, random_state=0).fit(*train)
    return time.perf_counter() - start


def _lay_out(base: Path, **channels: Any) -> None:
    """/opt/ml of a job whose channels are RecordIO-protobuf files."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    for name, (features, labels) in channels.items():
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        (folder / "data.pbr").write_bytes(records(features, labels))
    channel = {"ContentType": "application/x-recordio-protobuf"}
    (config / "hyperparameters.json").write_text(json.dumps(_HYPERPARAMETERS))
    (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(channels, channel)))


def records(features: Any, labels: Any) -> bytes:
    """The rows as the Python SDK writes them: dense float32 records, all of one size."""
    import numpy as np

    from sagewright_algorithms.formats import recordio
    from sagewright_algorithms.formats.record import record_class

    record = record_class()()
    marks = np.arange(1, features.shape[1] + 2, dtype="<f4")
    record.features["values"].float32_tensor.values.extend(marks[:-1].tolist())
    record.label["values"].float32_tensor.values.append(float(marks[-1]))
    one = recordio.frame(record.SerializeToString())
    table = np.tile(np.frombuffer(one, np.uint8), (len(features), 1))
    for values, mark in ((features, marks[:-1]), (labels.reshape(-1, 1), marks[-1:])):
        at = one.index(mark.tobytes())
        table[:, at : at + 4 * len(mark)] = np.ascontiguousarray(values, "<f4").view(np.uint8)
    return table.tobytes()


def _job(base: Path) -> str:
    """The log."""
    command = [sys.executable, "-m", "sagewright_algorithms", "linear_learner", "train"]
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
