"""Jobs from files: what lies in /opt/ml goes in, model_algo-1 or the failure comes out."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.linear_learner import model
from sagewright_algorithms.linear_learner.spec import SPEC

Array = np.ndarray[Any, Any]
Run = Callable[..., tuple[int, str]]

GIVEN = {"predictor_type": "binary_classifier", "mini_batch_size": "40", "epochs": "3", "num_models": "3"}


def _csv(features: Array, labels: Array) -> str:
    table = np.column_stack([labels, features])
    return "".join(",".join(f"{value:.9g}" for value in row) + "\n" for row in table)


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """start({"train/a.csv": text}, hyperparameters): (exit code, reason of the failure)."""

    def go(files: Mapping[str, str], given: Mapping[str, str] = GIVEN, mode: str = "File") -> tuple[int, str]:
        data, config = tmp_path / "input" / "data", tmp_path / "input" / "config"
        config.mkdir(parents=True)
        for name, text in files.items():
            path = data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        channel = {"ContentType": "text/csv", "TrainingInputMode": mode}
        names = {name.split("/")[0] for name in files} or {"train"}
        (config / "hyperparameters.json").write_text(json.dumps(given))
        (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, channel)))
        code = run(SPEC, Environment(tmp_path))
        failure = tmp_path / "output" / "failure"
        return code, failure.read_text() if failure.exists() else ""

    return go


def test_files_are_read_one_after_the_other(start: Run, rows: Any, tmp_path: Path) -> None:
    texts = [_csv(rows.features[part], rows.binary[part]) for part in (slice(0, 35), slice(35, 50), slice(50, 200))]
    assert start({f"train/{name}.csv": text for name, text in zip("bca", texts, strict=True)}) == (0, "")
    split = model.load(tmp_path / "model")
    order = np.r_[50:200, 0:35, 35:50]
    for path in (tmp_path / "input" / "data" / "train").iterdir():
        path.unlink()
    (tmp_path / "input" / "data" / "train" / "all.csv").write_text(_csv(rows.features[order], rows.binary[order]))
    assert run(SPEC, Environment(tmp_path)) == 0
    np.testing.assert_array_equal(split.weights, model.load(tmp_path / "model").weights)


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("train/b.csv", "1,2,3,4,5,6,inf\n", "file b.csv, row 6: feature 5 is infinite"),
        ("train/b.csv", "1,2,3,4,5,6,\n", "file b.csv, row 6: feature 5 is missing"),
        ("train/b.csv", "7,1,2,3,4,5,6\n", "file b.csv, row 6: the label must be 0 or 1, found 7"),
        ("validation/v.csv", "1,1,2,3,4,5\n", "cannot copy sequence with size 5 to array axis with dimension 6"),
    ],
)
def test_a_wrong_record_is_named(file: str, line: str, words: str, start: Run, rows: Any) -> None:
    files = {f"train/{name}.csv": _csv(rows.features[:5], rows.binary[:5]) for name in "ab"}
    if file.startswith("train"):
        files[file] += line
    else:
        files[file] = line
    code, reason = start(files, {**GIVEN, "mini_batch_size": "4"})
    assert code == 1
    assert reason.startswith("ClientError: ")
    assert words in reason
    assert file.split("/")[0] in reason


def test_every_pass_in_pipe_mode_is_a_fifo(
    start: Run, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept between the passes; three epochs and the final metrics are four."""
    monkeypatch.setattr("sagewright_algorithms.linear_learner.data.free_memory", lambda: 9000)
    text, folder = _csv(rows.features[:200], rows.binary[:200]), tmp_path / "input" / "data"
    folder.mkdir(parents=True)
    served: list[str] = []

    def serve() -> None:
        for epoch in range(4):
            path = folder / f"train_{epoch}"
            with path.open("w") as pipe:
                served.append(path.name)
                pipe.write(text)

    for epoch in range(4):
        os.mkfifo(folder / f"train_{epoch}")
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert start({}, mode="Pipe") == (0, "")
    finally:
        thread.join(30)
    assert served == ["train_0", "train_1", "train_2", "train_3"]
    assert (tmp_path / "model" / "model_algo-1").exists()


def test_only_one_label_column(start: Run, rows: Any, tmp_path: Path) -> None:
    start({"train/a.csv": _csv(rows.features[:50], rows.binary[:50])})
    config = tmp_path / "input" / "config" / "inputdataconfig.json"
    config.write_text(json.dumps({"train": {"ContentType": "text/csv;label_size=2"}}))
    assert run(SPEC, Environment(tmp_path)) == 1
    assert "label_size=2" in (tmp_path / "output" / "failure").read_text()
