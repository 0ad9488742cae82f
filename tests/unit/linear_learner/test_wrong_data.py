"""Rows that cannot be trained on: the error names channel, file and record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import TrainingJob
from sagewright_algorithms.linear_learner.train import train

Array = np.ndarray[Any, Any]
Make = Callable[..., TrainingJob]

FEATURES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
LABELS = (FEATURES[:, 0] > 0).astype(np.float32)


def _fails(make: Make, given: dict[str, Any], words: list[str], **rows: Any) -> None:
    made = make({"predictor_type": "binary_classifier", "mini_batch_size": 25, "epochs": 1, **given}, **rows)
    with pytest.raises(ClientError) as caught:
        train(made)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def _with(array: Array, at: Any, value: float) -> Array:
    found = array.copy()
    found[at] = value
    return found


@pytest.mark.parametrize(("value", "what"), [(np.nan, "missing"), (np.inf, "infinite"), (-np.inf, "infinite")])
@pytest.mark.parametrize("channel", ["train", "validation", "test"])
@pytest.mark.parametrize("sparse", [False, True])
def test_features_that_are_no_numbers(channel: str, value: float, what: str, sparse: bool, job: Make) -> None:
    rows = dict.fromkeys(("train", "validation", "test"), (FEATURES, LABELS))
    features: Any = _with(FEATURES, (7, 2), value)
    rows[channel] = (scipy.sparse.csr_matrix(features) if sparse else features, LABELS)
    _fails(job, {}, [channel, "memory.csv", "row 8", "feature 2", what], **rows)


def test_large_features_are_numbers(job: Make) -> None:
    """Their square is infinite in float32."""
    made = job(
        {"predictor_type": "binary_classifier", "num_models": 2, "epochs": 1},
        train=(_with(FEATURES, (3, 3), 1e30), LABELS),
    )
    train(made)


@pytest.mark.parametrize(
    ("kind", "label", "word"),
    [
        ("binary_classifier", 2.0, "must be 0 or 1, found 2"),
        ("binary_classifier", -1.0, "must be 0 or 1, found -1"),
        ("binary_classifier", 0.5, "must be 0 or 1, found 0.5"),
        ("multiclass_classifier", 3.0, "from 0 to num_classes - 1 = 2, found 3"),
        ("multiclass_classifier", -1.0, "found -1"),
        ("multiclass_classifier", 1.5, "found 1.5"),
        ("regressor", np.nan, "not finite"),
        ("regressor", np.inf, "not finite"),
        ("binary_classifier", np.nan, "not finite"),
    ],
)
def test_labels(kind: str, label: float, word: str, job: Make) -> None:
    given = {"predictor_type": kind, "num_classes": 3}
    _fails(job, given, ["train", "memory.csv", "row 10", word], train=(FEATURES, _with(LABELS, 9, label)))


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only(label: int, job: Make) -> None:
    rows = (FEATURES, np.full(60, label, np.float32))
    _fails(job, {}, ["train", f"all 60 records have the label {label}", "two classes"], train=rows)
    given = {"predictor_type": "multiclass_classifier", "num_classes": 3}
    _fails(job, given, ["train", "two classes"], train=rows)


def test_one_class_among_the_scalers_rows_is_enough(job: Make) -> None:
    """Sorted data trains badly, but trains."""
    labels = np.r_[np.zeros(40), np.ones(20)].astype(np.float32)
    given = {"predictor_type": "binary_classifier", "num_point_for_scaler": 10, "num_models": 2, "epochs": 1}
    for weight in (1.0, "balanced", "auto"):
        train(job({**given, "positive_example_weight_mult": weight}, train=(FEATURES, labels)))


@pytest.mark.parametrize("channel", ["train", "validation", "test"])
def test_another_number_of_features(channel: str, job: Make) -> None:
    rows = dict.fromkeys(("train", "validation", "test"), (FEATURES, LABELS))
    rows[channel] = (FEATURES[:, :3], LABELS)
    given = {"feature_dim": 4} if channel == "train" else {}
    _fails(job, given, [channel, "memory.csv", "size 3", "dimension 4"], **rows)


def test_sparse_rows_may_be_narrower_but_not_wider(job: Make) -> None:
    sparse = scipy.sparse.csr_matrix(FEATURES)
    made = job({"predictor_type": "binary_classifier", "feature_dim": 9, "num_models": 2}, train=(sparse, LABELS))
    train(made)
    _fails(job, {"feature_dim": 3}, ["train", "size 4", "dimension 3"], train=(sparse, LABELS))


def test_no_rows(job: Make) -> None:
    _fails(job, {}, ["No data in training channel"], train=(FEATURES[:0], LABELS[:0]))
    rows = {"train": (FEATURES, LABELS), "validation": (FEATURES[:0], LABELS[:0])}
    _fails(job, {}, ["No data in validation channel"], **rows)


def test_no_labels(job: Make) -> None:
    made = job({"predictor_type": "binary_classifier"}, train=(FEATURES, LABELS))
    channel: Any = made.channels["train"]
    whole = channel.batches

    def unlabelled(*arguments: Any, **more: Any) -> Any:
        for part in whole(*arguments, **more):
            part.labels = None
            yield part

    channel.batches = unlabelled
    with pytest.raises(ClientError, match="without labels"):
        train(made)


def test_more_features_than_memory(job: Make) -> None:
    """A key may say that there are two thousand million features; no model of them is begun."""
    sparse = scipy.sparse.csr_matrix((np.ones(60, np.float32), (np.arange(60), np.full(60, 2**31 - 2))))
    _fails(job, {"num_models": 40}, ["40 models of 2147483647 features need", "GB of memory"], train=(sparse, LABELS))
