"""What a user can get wrong, and the sentence in output/failure that says so."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from .conftest import Folder, csv_of
from .test_train import dense_records

GOOD = "1,2,3\n0,4,5\n1,6,7\n0,8,9\n"
BINARY = {"num_round": "1", "objective": "binary:logistic"}
ROUND = {"num_round": "1"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "label,a,b\n1,2,3\n",
            "file a.csv, row 1, column 1: 'label' is not a number. The file seems to begin with a header",
        ),
        ("1,2,3\n0,4\n", "file a.csv, row 2: expected 3 columns as in row 1, found 2"),
        ("1,2,3\n\n0,4,5,6\n", "file a.csv, row 2: expected 3 columns as in row 1, found 4"),
        ("1,2,3\n0,x,5\n", "file a.csv, row 2, column 2: 'x' is not a number"),
        ("1,2,3\n,4,5\n", "file a.csv, row 2: the label is missing or not finite, found nan"),
        ("1,2,3\n0,4,5\ninf,4,5\n", "file a.csv, row 3: the label is missing or not finite, found inf"),
        ("1\n0\n", "row 1: 1 columns"),
        ("1,2,3\n0,inf,5\n", "file a.csv, row 2: a feature is infinite"),
    ],
)
def test_bad_csv_names_channel_file_and_row(folder: Folder, text: str, says: str) -> None:
    folder.put("train", "a.csv", text)
    assert folder.run(ROUND)[0] == 1
    assert folder.failure.startswith("ClientError: Failed to load csv data of the train channel: ")
    assert says in folder.failure


@pytest.mark.parametrize(
    ("label", "objective", "says"),
    [
        ("2", {"objective": "binary:logistic"}, "label must be in [0,1] for logistic regression, found 2"),
        ("3", {"objective": "multi:softmax", "num_class": "3"}, "label must be in [0, num_class)"),
        ("0.5", {"objective": "multi:softmax", "num_class": "3"}, "label must be in [0, num_class)"),
        ("-1", {"objective": "count:poisson"}, "PoissonRegression: label must be nonnegative, found -1"),
        ("-1", {"objective": "reg:tweedie"}, "TweedieRegression: label must be nonnegative"),
        ("-1", {"objective": "reg:gamma"}, "label must be positive for gamma"),
        ("0.5", {"objective": "binary:hinge"}, "label must be 0 or 1"),
        ("-2", {"objective": "reg:squaredlogerror"}, "label must be greater than -1"),
    ],
)
def test_labels_that_an_objective_cannot_have(folder: Folder, label: str, objective: dict[str, str], says: str) -> None:
    folder.put("train", "a.csv", GOOD.replace("0", "1"))
    folder.put("validation", "b.csv", f"1,1,1\n{label},1,1\n")
    assert folder.run({"num_round": "1", **objective})[0] == 1
    assert folder.failure.startswith(
        "ClientError: Failed to load csv data of the validation channel: file b.csv, row 2: "
    )
    assert says in folder.failure


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 0:2 1:x\n", "row 1: '1:x' is not index:value"),
        ("1 0:2\nabc 0:2\n", "row 2: 'abc' is not a label or label:weight"),
        ("1 0:2\n0 0:2 3\n", "row 2: '3' is not index:value"),
        ("1 0:2\n0 0.5:2\n", "row 2: '0.5:2' is not index:value"),
        ("1,2,3\n", "row 1: '1,2,3' is not a label or label:weight"),
    ],
)
def test_bad_libsvm_names_the_row(folder: Folder, text: str, says: str) -> None:
    folder.put("train", "a.libsvm", text)
    assert folder.run(ROUND, None)[0] == 1
    assert folder.failure.startswith("ClientError: Failed to load libsvm data of the train channel: file a.libsvm, ")
    assert says in folder.failure


def test_truncated_recordio_names_record_and_byte(folder: Folder, features: np.ndarray[Any, Any]) -> None:
    data = dense_records(features[:5], np.zeros(5))
    size = len(data) // 5
    for cut, says in (
        (data[:-6], f"record 5 at byte {4 * size}: "),
        (data + b"\n#\xd7\xce\x05", f"record 6 at byte {5 * size}: the file ends within its header; it is truncated"),
        (data[:size] + b"garbage!" + data[size:], f"record 2 at byte {size}: not RecordIO"),
        (struct.pack("<II", 0xCED7230A, 4) + b"\xff\xff\xff\xff", "record 1 at byte 0: not a protobuf Record"),
    ):
        folder.put("train", "a.pbr", cut)
        assert folder.run(ROUND, "application/x-recordio-protobuf")[0] == 1
        assert folder.failure.startswith("ClientError: ")
        assert f"train channel: file a.pbr, {says}" in folder.failure


def test_not_parquet(folder: Folder) -> None:
    folder.put("train", "a.parquet", GOOD)
    assert folder.run(ROUND, "application/x-parquet")[0] == 1
    assert "train channel: file a.parquet, not a Parquet file" in folder.failure


def test_channels_and_files(folder: Folder) -> None:
    folder.put("validation", "a.csv", GOOD)
    assert folder.run(ROUND)[0] == 1
    assert folder.failure == "ClientError: Missing required channel: train"
    folder.put("train", "empty.csv", "")
    assert folder.run(ROUND)[0] == 1
    assert folder.failure.startswith("ClientError: No data in training channel path ")
    folder.put("train", "a.csv", GOOD)
    assert folder.run(ROUND, "text/plain")[0] == 1
    assert folder.failure.startswith("ClientError: text/plain is not an accepted ContentType: ")
    assert folder.run(ROUND, "text/csv;label_size=2")[0] == 1
    assert "label_size must be equal to 1" in folder.failure
    assert folder.run(ROUND, "text/libsvm", mode="Pipe")[0] == 1
    assert "Pipe mode with text/libsvm" in folder.failure
    folder.put("test", "a.csv", GOOD)
    assert folder.run(ROUND)[0] == 1
    assert folder.failure == "ClientError: Extraneous channel found: test"


def test_hidden_files_deep_folders_and_markers(folder: Folder) -> None:
    folder.put("train", "a/b/c.csv", GOOD)
    folder.put("train", "a/b/c/deep.csv", GOOD)
    folder.put("train", "_SUCCESS", "not data")
    code, log = folder.run(ROUND)
    assert code == 0
    assert "Train matrix has 4 rows and 2 columns" in log
    assert "are not loaded" in log
    folder.put("train", ".hidden", GOOD)
    assert folder.run(ROUND)[0] == 1
    assert folder.failure.startswith("ClientError: Hidden file found in the data path! Remove that before training.")


def test_widths_that_do_not_fit(folder: Folder) -> None:
    folder.put("train", "a.csv", GOOD)
    folder.put("train", "b.csv", "1,2\n")
    assert folder.run(ROUND)[0] == 1
    assert "train channel: file b.csv, row 1: 1 features, but the file a.csv has 2 a row" in folder.failure
    folder.put("train", "b.csv", GOOD)
    folder.put("validation", "c.csv", "1,2\n")
    assert folder.run(ROUND)[0] == 1
    assert "validation channel: 1 features a row, but the train channel has 2" in folder.failure


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"objective": "binary:logistic", "base_score": "2"},
        {"objective": "multi:softmax", "num_class": "3", "eval_metric": "f1_binary"},
        {"max_bin": "1", "tree_method": "hist"},
        {"monotone_constraints": "(1,1,1,1,1)", "tree_method": "hist"},
        {"objective": "rank:ndcg", "eval_metric": "map"},
    ],
    ids=str,
)
def test_what_libxgboost_refuses_is_the_users_fault(folder: Folder, hyperparameters: dict[str, str]) -> None:
    labels = [0, 1, 0, 1, 0] if hyperparameters.get("objective") == "binary:logistic" else [0, 1, 2, 1, 0]
    folder.put("train", "a.csv", csv_of(labels, np.eye(5)[:, :2]))
    assert folder.run({"num_round": "1", **hyperparameters})[0] == 1
    assert folder.failure.startswith("ClientError: "), folder.failure
    assert "Stack trace" not in folder.failure


def test_our_fault_has_a_traceback_in_the_log(folder: Folder) -> None:
    folder.put("train", "a.csv", GOOD)
    (folder.base / "model").write_text("a file where the folder should be")
    code, log = folder.run(ROUND)
    assert code == 1
    assert folder.failure.startswith("AlgorithmError: FileExistsError: ")
    assert "Traceback" in log or 'File "' in log


def test_the_same_file_in_both_channels_is_warned_of(folder: Folder) -> None:
    folder.put("train", "a.csv", GOOD)
    folder.put("validation", "a.csv", GOOD)
    code, log = folder.run(ROUND)
    assert code == 0
    assert "a.csv is in the train and the validation channel with the same size" in log
