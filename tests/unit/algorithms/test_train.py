"""Training jobs in this process, against libxgboost called directly."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import xgboost
from sklearn.metrics import f1_score

from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class

from .conftest import Folder, csv_of

Array = np.ndarray[Any, Any]


@pytest.fixture
def target(features: Array) -> Array:
    return features[:, 0] * 3 + features[:, 1] ** 2


@pytest.fixture
def binary(target: Array) -> Array:
    return (target > 1).astype(np.float32)


def direct(parameters: dict[str, Any], features: Any, labels: Array, rounds: int = 5, **matrix: Any) -> Array:
    data = xgboost.DMatrix(features, label=labels, **matrix)
    return xgboost.train(parameters, data, rounds).predict(data)


def dense_records(features: Array, labels: Array) -> bytes:
    found = []
    for row, label in zip(features, labels, strict=True):
        record = record_class()()
        record.features["values"].float32_tensor.values.extend(row.tolist())
        record.label["values"].float32_tensor.values.append(float(label))
        found.append(recordio.frame(record.SerializeToString()))
    return b"".join(found)


def libsvm_of(features: Array, labels: Array) -> str:
    rows = (" ".join(f"{i}:{v:.9g}" for i, v in enumerate(row) if v) for row in features)
    return "".join(f"{label:.9g} {row}\n" for label, row in zip(labels, rows, strict=True))


def test_the_model_is_that_of_libxgboost(folder: Folder, features: Array, target: Array) -> None:
    folder.put("train", "a.csv", csv_of(target[:120], features[:120]))
    folder.put("train", "deeper/b.csv", csv_of(target[120:], features[120:]))
    code, log = folder.run({"num_round": "5", "eta": "0.2", "max_depth": "3"})
    assert code == 0
    expected = direct({"eta": 0.2, "max_depth": 3}, features, target)
    np.testing.assert_array_equal(folder.model().predict(xgboost.DMatrix(features)), expected)
    assert "Train matrix has 200 rows and 4 columns" in log
    assert log.count("\ttrain-rmse:") == 5


@pytest.mark.parametrize("tree", [{}, {"tree_method": "exact"}, {"tree_method": "approx"}, {"booster": "dart"}])
def test_every_format_gives_the_same_model(
    folder: Folder, features: Array, binary: Array, tree: dict[str, str]
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    sparse = np.where(np.abs(features) < 0.5, 0, features)
    hyperparameters = {"num_round": "4", "objective": "binary:logistic", **tree}
    sink = pa.BufferOutputStream()
    names = ["label", "a", "b", "c", "d"]
    parquet.write_table(pa.table(list(np.column_stack([binary, sparse]).T), names=names), sink)
    expected = direct({"objective": "binary:logistic", **tree}, sparse, binary, 4)
    for name, content_type, content in (
        ("data.csv", "text/csv; label_size=1", csv_of(binary, sparse)),
        ("data.parquet", "application/x-parquet", sink.getvalue().to_pybytes()),
        ("data.pbr", "application/x-recordio-protobuf", dense_records(sparse, binary)),
    ):
        path = folder.put("train", name, content)
        assert folder.run(hyperparameters, content_type)[0] == 0, folder.failure
        np.testing.assert_array_equal(folder.model().predict(xgboost.DMatrix(sparse)), expected)
        path.unlink()
    matrix = scipy.sparse.csr_matrix(sparse)
    folder.put("train", "data.libsvm", libsvm_of(sparse, binary))
    assert folder.run(hyperparameters, None)[0] == 0, folder.failure
    expected = direct({"objective": "binary:logistic", **tree}, matrix, binary, 4)
    np.testing.assert_array_equal(folder.model().predict(xgboost.DMatrix(matrix)), expected)


def test_weights_count(folder: Folder, features: Array, target: Array) -> None:
    weights = np.linspace(0.1, 3, 200, dtype=np.float32)
    expected = direct({}, features, target, weight=weights)
    folder.put("train", "a.csv", csv_of(target, weights, features))
    assert folder.run({"num_round": "5", "csv_weights": "1"})[0] == 0
    np.testing.assert_array_equal(folder.model().predict(xgboost.DMatrix(features)), expected)


def test_pipe_mode_reads_a_fifo(folder: Folder, features: Array, target: Array) -> None:
    data = folder.base / "input" / "data"
    data.mkdir(parents=True)
    os.mkfifo(data / "train_0")
    writer = threading.Thread(target=(data / "train_0").write_text, args=[csv_of(target, features)])
    writer.start()
    code, _ = folder.run({"num_round": "5"}, mode="Pipe")
    writer.join()
    assert code == 0
    np.testing.assert_array_equal(folder.model().predict(xgboost.DMatrix(features)), direct({}, features, target))


def test_early_stopping_keeps_the_best_model(folder: Folder, features: Array, binary: Array) -> None:
    noise = np.random.default_rng(3).permutation(binary)
    folder.put("train", "a.csv", csv_of(noise[:100], features[:100]))
    folder.put("validation", "b.csv", csv_of(binary[100:], features[100:]))
    hyperparameters = {
        "num_round": "50",
        "objective": "binary:logistic",
        "eval_metric": "error,logloss",
        "early_stopping_rounds": "3",
    }
    code, log = folder.run(hyperparameters)
    assert code == 0
    losses = [
        float(line.rpartition("validation-logloss:")[2])
        for line in log.splitlines()
        if line.startswith("[") and "validation-logloss" in line
    ]
    assert len(losses) < 50
    assert folder.model().num_boosted_rounds() == int(np.argmin(losses)) + 1
    assert len(losses) == int(np.argmin(losses)) + 4


def test_the_added_metrics_are_those_of_scikit_learn(folder: Folder, features: Array, binary: Array) -> None:
    folder.put("train", "a.csv", csv_of(binary, features))
    code, log = folder.run(
        {"num_round": "3", "objective": "binary:logistic", "eval_metric": "logloss,f1", "max_depth": "2"}
    )
    assert code == 0
    guess = folder.model().predict(xgboost.DMatrix(features)) > 0.5
    line = next(line for line in log.splitlines() if line.startswith("[2]"))
    assert f"\ttrain-f1:{f1_score(binary, guess, average='macro'):.5f}" in line
    assert "\ttrain-logloss:" in line


def test_added_metrics_alone_leave_out_the_default(folder: Folder, features: Array, binary: Array) -> None:
    folder.put("train", "a.csv", csv_of(binary, features))
    hyperparameters = {"num_round": "1", "objective": "binary:logistic", "eval_metric": "accuracy"}
    code, log = folder.run(hyperparameters | {"_tuning_objective_metric": "validation:recall"})
    assert code == 0
    line = next(line for line in log.splitlines() if line.startswith("[0]"))
    assert [part.split(":")[0] for part in line.split("\t")] == ["[0]", "train-accuracy", "train-recall"]


def test_a_job_goes_on_from_its_checkpoint(folder: Folder, features: Array, target: Array) -> None:
    folder.put("train", "a.csv", csv_of(target, features))
    checkpoints = folder.base / "checkpoints"
    checkpoints.mkdir()
    assert folder.run({"num_round": "8"})[0] == 0
    names = sorted(path.name for path in checkpoints.iterdir())
    assert names == [f"xgboost-checkpoint.{number}" for number in range(3, 8)]
    for number in (6, 7):
        (checkpoints / f"xgboost-checkpoint.{number}").unlink()
    (checkpoints / "xgboost-checkpoint.6").write_bytes(b"broken")
    code, log = folder.run({"num_round": "9"})
    assert code == 0
    assert "Resuming from iteration 6" in log
    assert [line.split("\t")[0] for line in log.splitlines() if "train-rmse" in line] == ["[6]", "[7]", "[8]"]
    predictions = folder.model().predict(xgboost.DMatrix(features))
    np.testing.assert_allclose(predictions, direct({}, features, target, 9), rtol=1e-5)


def test_cross_validation_makes_an_ensemble(folder: Folder, features: Array, binary: Array) -> None:
    folder.put("train", "a.csv", csv_of(binary[:150], features[:150]))
    folder.put("validation", "b.csv", csv_of(binary[150:], features[150:]))
    code, log = folder.run(
        {"num_round": "3", "objective": "binary:logistic", "_kfold": "3", "_num_cv_round": "2", "eval_metric": "auc"}
    )
    assert code == 0, folder.failure
    names = sorted(path.name for path in (folder.base / "model").iterdir())
    assert names == [f"xgboost-model-{fold}" for fold in range(6)]
    table = np.loadtxt(folder.base / "output" / "data" / "predictions.csv", delimiter=",")
    assert table.shape == (200, 3)
    np.testing.assert_array_equal(table[:, 0], binary)
    assert ((table[:, 1] > 0) & (table[:, 1] < 1)).all()
    assert (table[:, 2] == binary).mean() > 0.85
    assert sum(line.startswith("[3]\ttrain-auc:") for line in log.splitlines()) == 3


def test_a_stopped_job_saves_its_model(folder: Folder, features: Array, target: Array) -> None:
    folder.put("train", "a.csv", csv_of(target, features))
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGTERM])
    timer.start()
    code, log = folder.run({"num_round": "1000000", "max_depth": "1"})
    assert code == 0
    assert "SIGTERM" in log
    assert 0 < folder.model().num_boosted_rounds() < 1000000


def test_a_multiclass_model(folder: Folder, features: Array) -> None:
    labels = np.digitize(features[:, 0], [-0.5, 0.5]).astype(np.float32)
    folder.put("train", "a.csv", csv_of(labels, features))
    code, log = folder.run(
        {"num_round": "3", "objective": "multi:softprob", "num_class": "3", "eval_metric": "accuracy"}
    )
    assert code == 0, folder.failure
    predictions = folder.model().predict(xgboost.DMatrix(features))
    line = next(line for line in log.splitlines() if line.startswith("[2]"))
    assert line.endswith(f"train-accuracy:{(predictions.argmax(1) == labels).mean():.5f}")


def test_survival_with_censored_times(folder: Folder, features: Array) -> None:
    times = np.exp(features[:, 0]).astype(np.float32)
    signed = np.where(features[:, 1] > 1, -times, times)
    folder.put("train", "a.csv", csv_of(signed, features))
    hyperparameters = {"num_round": "3", "aft_loss_distribution": "logistic", "aft_loss_distribution_scale": "0.9"}
    code, log = folder.run(hyperparameters | {"objective": "survival:aft", "eval_metric": "aft-nloglik"})
    assert code == 0, folder.failure
    data = xgboost.DMatrix(features)
    data.set_float_info("label_lower_bound", times)
    data.set_float_info("label_upper_bound", np.where(signed < 0, np.inf, times))
    parameters = {"objective": "survival:aft", "aft_loss_distribution": "logistic", "aft_loss_distribution_scale": 0.9}
    expected = xgboost.train(parameters, data, 3).predict(data)
    np.testing.assert_allclose(folder.model().predict(xgboost.DMatrix(features)), expected, rtol=1e-5)
    assert "train-aft-nloglik" in log
    assert folder.run({"num_round": "2", "objective": "survival:cox"})[0] == 0


def test_ranking_uses_the_queries_of_libsvm(folder: Folder, features: Array) -> None:
    grades = np.digitize(features[:, 0], [-1, 0, 1]).astype(np.float32)
    queries = np.repeat(np.arange(20), 10)
    rows = libsvm_of(features, grades).splitlines()
    text = "\n".join(
        f"{row.split(' ', 1)[0]} qid:{q} {row.split(' ', 1)[1]}" for row, q in zip(rows, queries, strict=True)
    )
    folder.put("train", "a.libsvm", text)
    code, log = folder.run({"num_round": "3", "objective": "rank:ndcg", "eval_metric": "ndcg@5"}, "text/libsvm")
    assert code == 0, folder.failure
    matrix = scipy.sparse.csr_matrix(features)
    expected = direct({"objective": "rank:ndcg"}, matrix, grades, 3, qid=queries)
    np.testing.assert_allclose(folder.model().predict(xgboost.DMatrix(matrix)), expected, rtol=1e-5)
    assert "train-ndcg@5:" in log


def test_ranking_without_queries_is_one_group(folder: Folder, features: Array) -> None:
    folder.put("train", "a.csv", csv_of(np.digitize(features[:, 0], [0]), features))
    assert folder.run({"num_round": "2", "objective": "rank:pairwise"})[0] == 0, folder.failure


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"objective": "count:poisson", "max_delta_step": "0.3"},
        {"objective": "reg:tweedie", "tweedie_variance_power": "1.3"},
        {"objective": "reg:gamma"},
        {"objective": "reg:squaredlogerror"},
        {"objective": "reg:pseudohubererror"},
        {"objective": "reg:absoluteerror"},
        {"objective": "reg:squarederror", "booster": "gblinear", "updater": "coord_descent", "lambda": "0.3"},
        {"objective": "reg:squarederror", "booster": "dart", "rate_drop": "0.3", "skip_drop": "0.2", "seed": "3"},
        {"objective": "reg:squarederror", "tree_method": "hist", "grow_policy": "lossguide", "max_leaves": "5"},
        {"objective": "reg:squarederror", "tree_method": "hist", "monotone_constraints": "(1,0,-1,0)"},
        {"objective": "reg:squarederror", "tree_method": "hist", "interaction_constraints": "[[1, 2], [3]]"},
        {"objective": "reg:squarederror", "updater": "grow_colmaker,prune", "gamma": "0.5"},
        {"objective": "reg:squarederror", "num_parallel_tree": "3", "subsample": "0.5", "colsample_bynode": "0.6"},
        {
            "objective": "reg:squarederror",
            "max_bin": "16",
            "base_score": "0.9",
            "alpha": "0.4",
            "min_child_weight": "3",
        },
    ],
    ids=str,
)
def test_hyperparameters_reach_libxgboost(
    folder: Folder, features: Array, target: Array, hyperparameters: dict[str, str]
) -> None:
    labels = np.abs(target) + np.float32(0.1)
    folder.put("train", "a.csv", csv_of(labels, features))
    code, _ = folder.run({"num_round": "4", **hyperparameters})
    assert code == 0, folder.failure
    predictions = folder.model().predict(xgboost.DMatrix(features))
    np.testing.assert_allclose(predictions, direct(dict(hyperparameters), features, labels, 4), rtol=1e-5, atol=1e-6)
    if len(hyperparameters) > 1:
        plain = {"objective": hyperparameters["objective"]}
        assert not np.allclose(predictions, direct(plain, features, labels, 4), rtol=1e-3)


def test_old_images_leave_a_pickled_booster(folder: Folder, features: Array, target: Array) -> None:
    folder.put("train", "a.csv", csv_of(target, features))
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:"
    for tag, pickled in (
        ("1.0-1-cpu-py3", True),
        ("1.2-2", True),
        ("1.3-1", False),
        ("1.7-1", False),
        ("3.0-5", False),
    ):
        assert folder.run({"num_round": "1"}, image=image + tag)[0] == 0
        content = (folder.base / "model" / "xgboost-model").read_bytes()
        assert content.startswith(b"\x80") is pickled
        if pickled:
            assert isinstance(pickle.loads(content), xgboost.Booster)


def test_the_intermediate_model_is_on_disk(folder: Folder, features: Array, target: Array) -> None:
    folder.put("train", "a.csv", csv_of(target, features))
    assert folder.run({"num_round": "3", "save_model_on_termination": "true"})[0] == 0
    assert [path.name for path in (folder.base / "model").iterdir()] == ["xgboost-model"]


def test_updating_a_checkpoint(folder: Folder, features: Array, target: Array) -> None:
    update = {"process_type": "update", "updater": "refresh", "refresh_leaf": "1", "num_round": "4"}
    folder.put("train", "a.csv", csv_of(target, features))
    assert folder.run(update)[0] == 1
    assert folder.failure.startswith("ClientError: process_type 'update' needs a model")
