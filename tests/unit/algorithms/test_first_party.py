"""What AWS's own containers say: refused hyperparameters, the log's lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.first_party import WORDING
from sagewright_algorithms.contract.hyperparameters import (
    Categorical,
    Continuous,
    Hyperparameter,
    Integer,
    Interval,
    JsonList,
    validate,
)
from sagewright_algorithms.contract.report import Report, Seen
from sagewright_algorithms.kmeans.spec import SPEC as KMEANS
from sagewright_algorithms.linear_learner.spec import SPEC as LINEAR_LEARNER
from sagewright_algorithms.xgboost.spec import SPEC as XGBOOST

ROWS = (
    Hyperparameter("needed", required=True),
    Integer("count", range=Interval(1)),
    Integer("none_or_more", range=Interval(0), special=("auto",)),
    Continuous("share", range=Interval(0, 1, open_minimum=True)),
    Categorical("kind", values=("a", "b")),
    JsonList("names", values=("x", "y")),
)


@pytest.mark.parametrize(
    ("given", "summary", "cause"),
    [
        (
            {},
            "No value(s) were specified for 'needed' which are required hyperparameter(s)",
            "'needed' is a required property",
        ),
        (
            {"other": "1"},
            "Additional hyperparameters are not allowed ('other' was unexpected)",
            "Additional properties are not allowed ('other' was unexpected)",
        ),
        (
            {"count": "0"},
            "The value '0' is not valid for the 'count' hyperparameter which expects one of the following: a string "
            "which matches the pattern '^([1-9][0-9]*)$'; or an integer greater than or equal to 1",
            "'0' is not valid under any of the given schemas",
        ),
        (
            {"none_or_more": "1.5"},
            "The value '1.5' is not valid for the 'none_or_more' hyperparameter which expects one of the following: a "
            "string which matches the pattern '^(auto|0|[1-9][0-9]*)$'; or an integer greater than or equal to 0",
            "'1.5' is not valid under any of the given schemas",
        ),
        (
            {"share": "nan"},
            "The value 'nan' is not valid for the 'share' hyperparameter which expects one of the following: a string "
            r"which matches the pattern '^([+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?)$'; or a number greater than 0 and "
            "less than or equal to 1",
            "'nan' is not valid under any of the given schemas",
        ),
        (
            {"kind": "c"},
            "The value 'c' is not valid for the 'kind' hyperparameter which accepts one of the following: 'a', 'b'",
            "'c' is not one of ['a', 'b']",
        ),
        (
            {"names": '["x", "z"]'},
            "The value '[\"x\", \"z\"]' is not valid for the 'names' hyperparameter which expects a JSON list of "
            "['x', 'y']",
            '\'["x", "z"]\' is not such a list',
        ),
    ],
)
def test_refusals(given: dict[str, str], summary: str, cause: str) -> None:
    given = {"needed": "", **given} if given else given
    with pytest.raises(ClientError) as caught:
        validate(ROWS, (), given, WORDING)
    assert str(caught.value) == f"ClientError: {summary} (caused by ValidationError)\n\nCaused by: {cause}"


@pytest.mark.parametrize("spec", [KMEANS, LINEAR_LEARNER])
def test_hidden_hyperparameters_are_taken_but_not_described(spec: Any) -> None:
    required: dict[str, Any] = {"k": 3, "feature_dim": 2} if spec is KMEANS else {"predictor_type": "regressor"}
    values = spec.parse({**required, **spec.first_party.hidden})
    assert values["_log_level"] == "info"
    assert values["_kvstore"] == "auto"
    assert not [row for row in spec.describe()["hyperparameters"] if row["Name"].startswith("_")]
    with pytest.raises(ClientError, match="_kvstore"):
        spec.parse({**required, "_kvstore": "dist_tree"})


def test_every_hidden_default_has_a_row() -> None:
    for spec in (KMEANS, LINEAR_LEARNER):
        assert spec.first_party is not None
        assert {row.name for row in spec.first_party.hyperparameters} == set(spec.first_party.hidden)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (KMEANS, r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] hello"),
        (XGBOOST, r"\[\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d:INFO\] hello"),
    ],
)
def test_lines_begin_as_the_containers_do(spec: Any, line: str, capfd: pytest.CaptureFixture[str]) -> None:
    log.use(spec.log_form)
    log.info("hello")
    assert re.fullmatch(f"{line}\n", capfd.readouterr().out)


def test_the_log_level(capfd: pytest.CaptureFixture[str]) -> None:
    log.use(log.FIRST_PARTY, "error")
    try:
        log.info("1")
        log.warning("2")
        log.error("3")
        log.write_line("4")
    finally:
        log.use(log.TOOLKIT)
    assert [line[-1] for line in capfd.readouterr().out.splitlines()] == ["3", "4"]


def test_a_report(capfd: pytest.CaptureFixture[str]) -> None:
    log.use(log.FIRST_PARTY)
    report = Report("algo-2", "An Algorithm")
    report.quality("epoch=3, train rmse", 0.5, loss=True)
    report.quality("test accuracy", 1.0, loss=False)
    report.score("test", "msd", 2.0)
    report.progress(1, 3)
    report.metrics({"epochs": 4}, begin=1.5, epoch=0)
    *lines, structured = capfd.readouterr().out.splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "#quality_metric: host=algo-2, epoch=3, train rmse <loss>=0.5",
        "#quality_metric: host=algo-2, test accuracy <score>=1.0",
        "#test_score (algo-2) : ('msd', 2.0)",
        f"#progress_metric: host=algo-2, completed {100 / 3} % of epochs",
    ]
    document = json.loads(structured.removeprefix("#metrics "))
    assert document.pop("EndTime") > 1.5
    assert document == {
        "StartTime": 1.5,
        "Dimensions": {"Algorithm": "An Algorithm", "Host": "algo-2", "Operation": "training", "epoch": 0},
        "Metrics": {"epochs": {"sum": 4, "count": 1, "min": 4, "max": 4}},
    }


def test_what_an_iterator_has_seen() -> None:
    seen = Seen()
    for batches in ((5, 5, 2), (5, 1)):
        for records in batches:
            seen.add(records)
        last = seen.metrics()
        seen.reset()
    assert last == {
        "Total Records Seen": 18,
        "Total Batches Seen": 5,
        "Max Records Seen Between Resets": 12,
        "Max Batches Seen Between Resets": 3,
        "Reset Count": 1,
        "Number of Records Since Last Reset": 6,
        "Number of Batches Since Last Reset": 2,
    }
