"""Requests against a service and its ASGI application, in this process."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.serve import App, Service
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.record import record_class
from sagewright_algorithms.xgboost import model as xgboost_model
from sagewright_algorithms.xgboost.scoring import DenseScorer
from sagewright_algorithms.xgboost.spec import SPEC

from .conftest import csv_of

Array = np.ndarray[Any, Any]


def booster(features: Array, objective: str = "binary:logistic", rounds: int = 4, **parameters: Any) -> xgboost.Booster:
    labels = np.digitize(features[:, 0], [0] if "binary" in objective else [-0.5, 0.5])
    return xgboost.train({"objective": objective, **parameters}, xgboost.DMatrix(features, label=labels), rounds)


def service(tmp_path: Path, *boosters: xgboost.Booster, **settings: str) -> Service:
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(boosters):
        (folder / f"xgboost-model-{number}").write_bytes(one.save_raw("ubj"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        return Service(SPEC, Environment(tmp_path), settings)


def scores(answer: tuple[int, bytes, bytes]) -> list[float]:
    status, _, body = answer
    assert status == 200, body
    return [float(line) for line in body.split()]


def test_the_default_answer_is_csv_of_doubles(tmp_path: Path, features: Array) -> None:
    one = booster(features)
    expected = one.predict(xgboost.DMatrix(features[:3])).tolist()
    status, kind, body = service(tmp_path, one).answer(csv_of(features[:3]).encode(), "text/csv", "")
    assert (status, kind) == (200, b"text/csv")
    assert body == "".join(f"{score!r}\n" for score in expected).encode()


def test_content_types_and_accepts(tmp_path: Path, features: Array) -> None:
    one = booster(features)
    serving = service(tmp_path, one)
    expected = one.predict(xgboost.DMatrix(features[:1])).tolist()
    row = csv_of(features[:1]).encode()
    libsvm = " ".join(f"{index}:{value:.9g}" for index, value in enumerate(features[0])).encode()
    assert scores(serving.answer(libsvm, "", "")) == expected
    assert scores(serving.answer(row, "text/csv; charset=utf-8", "*/*")) == expected
    body = serving.answer(row, "TEXT/CSV", "application/json")[2]
    assert json.loads(body) == {"predictions": [{"score": expected[0]}]}
    body = serving.answer(row, "csv", "application/jsonlines; q=1")[2]
    assert body == b'{"score": %s}\n' % repr(expected[0]).encode()
    body = serving.answer(row, "text/csv", "application/x-recordio-protobuf")[2]
    [(_, content)] = recordio.records(body)
    assert list(record_class().FromString(content).label["score"].float32_tensor.values) == expected
    other = service(tmp_path, one, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json")
    assert other.answer(row, "text/csv", "")[1] == b"application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "says"),
    [
        (b"", "text/csv", "", 204, ""),
        (b"1,2,3,4", "image/png", "", 415, "image/png is not an accepted ContentType: "),
        (b"1,2,3,4", "text/csv", "text/html", 406, "Accept type text/html is not supported."),
        (b"1,2,3,4\n1,2,x,4", "text/csv", "", 415, "Loading csv data failed with Exception, .* row 2, column 3: 'x'"),
        (b"1,2,3,4,5", "text/csv", "", 400, "Feature size of inference data 5 is not consistent .* trained model 4"),
        (
            b"1,2,3,4\n1,2,3,inf",
            "text/csv",
            "",
            400,
            "Unable to evaluate payload provided: row 2: a feature is infinite",
        ),
    ],
)
def test_errors(
    tmp_path: Path, features: Array, body: bytes, content_type: str, accept: str, status: int, says: str
) -> None:
    found, _, text = service(tmp_path, booster(features)).answer(body, content_type, accept)
    assert found == status
    assert re.search(says, text.decode(), re.DOTALL), text


def test_a_model_that_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "xgboost-model").write_bytes(b"no model")
    serving = service(tmp_path)
    for status, _, body in (serving.ping(), serving.answer(b"1,2", "text/csv", "")):
        assert status == 500
        assert body.startswith(b"Unable to load model: ")


def test_pickled_and_json_models_load(tmp_path: Path, features: Array) -> None:
    one, row = booster(features), csv_of(features[:1]).encode()
    expected = one.predict(xgboost.DMatrix(features[:1])).tolist()
    path = tmp_path / "model" / "xgboost-model"
    path.parent.mkdir()
    for content in (pickle.dumps(one), bytes(one.save_raw("json")), bytes(one.save_raw("ubj"))):
        path.write_bytes(content)
        assert scores(service(tmp_path).answer(row, "text/csv", "")) == expected
    path.write_bytes(pickle.dumps({"not": "a booster"}))
    assert b"not a Booster" in service(tmp_path).ping()[2]


def test_an_ensemble_averages_or_votes(tmp_path: Path, features: Array) -> None:
    some = [booster(features, seed=seed, subsample=0.3) for seed in range(3)]
    body = csv_of(features).encode()
    for name in ("mean", "first", "vote"):
        (tmp_path / name).mkdir()
    found = scores(service(tmp_path / "mean", *some).answer(body, "text/csv", ""))
    each = [one.predict(xgboost.DMatrix(features)) for one in some]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-6)
    first = service(tmp_path / "first", *some, SAGEMAKER_INFERENCE_ENSEMBLE="false")
    np.testing.assert_allclose(scores(first.answer(body, "text/csv", "")), each[0], rtol=1e-6)
    some = [booster(features, "multi:softmax", 1, num_class=3, seed=seed, subsample=0.05) for seed in range(3)]
    votes = np.stack([one.predict(xgboost.DMatrix(features)) for one in some])
    assert (votes != votes[0]).any()
    found = scores(service(tmp_path / "vote", *some).answer(body, "text/csv", ""))
    expected = [max(sorted(set(column)), key=list(column).count) for column in votes.T.tolist()]
    assert found == expected


def test_softprob_answers_rows(tmp_path: Path, features: Array) -> None:
    one = booster(features, "multi:softprob", num_class=3)
    expected = one.predict(xgboost.DMatrix(features[:2])).tolist()
    serving = service(tmp_path, one)
    body = serving.answer(csv_of(features[:2]).encode(), "text/csv", "")[2]
    assert [[float(cell) for cell in line.split(b",")] for line in body.splitlines()] == expected
    body = serving.answer(csv_of(features[:2]).encode(), "text/csv", "application/json")[2]
    assert json.loads(body) == {"predictions": [{"score": row} for row in expected]}
    batch = service(tmp_path, one, SAGEMAKER_BATCH="true")
    body = batch.answer(csv_of(features[:2]).encode(), "text/csv", "text/csv")[2]
    assert body.decode() == "".join(f"{row}\n" for row in expected)


def test_the_first_version_joins_its_scores(tmp_path: Path, features: Array) -> None:
    serving = service(
        tmp_path, booster(features), SAGEWRIGHT_IMAGE="811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1"
    )
    body = serving.answer(csv_of(features[:3]).encode(), "text/csv", "")[2]
    assert body.count(b",") == 2
    assert b"\n" not in body


def test_selectable_output(tmp_path: Path, features: Array) -> None:
    one = booster(features)
    keys = "predicted_label, labels,probability,probabilities,raw_score,raw_scores,predicted_score"
    score = one.predict(xgboost.DMatrix(features[:1])).tolist()[0]
    serving = service(tmp_path, one, SAGEMAKER_INFERENCE_OUTPUT=keys)
    row = csv_of(features[:1]).encode()
    [found] = json.loads(serving.answer(row, "text/csv", "application/json")[2])["predictions"]
    assert np.isnan(found.pop("predicted_score"))
    assert found == {
        "predicted_label": int(score > 0.5),
        "labels": [0, 1],
        "probability": score,
        "probabilities": [1 - score, score],
        "raw_score": score,
        "raw_scores": [1 - score, score],
    }
    serving = service(tmp_path, one, SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probabilities,predicted_score")
    body = serving.answer(csv_of(features[:2]).encode(), "text/csv", "text/csv")[2].decode()
    assert body.splitlines()[0] == f'{int(score > 0.5)},"[{1 - score}, {score}]",nan'
    assert not body.endswith("\n")


def test_selectable_output_of_softprob(tmp_path: Path, features: Array) -> None:
    one = booster(features, "multi:softprob", num_class=3)
    row = one.predict(xgboost.DMatrix(features[:1])).tolist()[0]
    serving = service(tmp_path, one, SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probability,labels")
    body = serving.answer(csv_of(features[:1]).encode(), "text/csv", "application/jsonlines")[2]
    assert json.loads(body) == {"predicted_label": int(np.argmax(row)), "probability": max(row), "labels": [0, 1, 2]}


def test_objectives_without_selectable_output(tmp_path: Path, features: Array) -> None:
    one = booster(np.abs(features), "count:poisson")
    serving = service(tmp_path, one, SAGEMAKER_INFERENCE_OUTPUT="predicted_score")
    status, _, body = serving.answer(csv_of(features[:1]).encode(), "text/csv", "")
    assert (status, body) == (500, b"Objective `count:poisson` unsupported for selectable inference predictions.")


@pytest.mark.parametrize("booster_name", ["gbtree", "dart", "gblinear"])
def test_scores_are_those_of_a_dmatrix(booster_name: str, tmp_path: Path, features: Array) -> None:
    one = booster(features, booster=booster_name)
    holes = np.where(features > 1, np.nan, features) if booster_name != "gblinear" else features
    expected = one.predict(xgboost.DMatrix(holes))
    if booster_name == "gbtree":
        np.testing.assert_array_equal(DenseScorer(one, (0, 0))(holes), expected)
        np.testing.assert_array_equal(
            DenseScorer(one, (0, 2))(holes), one.predict(xgboost.DMatrix(holes), iteration_range=(0, 2))
        )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m").write_bytes(one.save_raw("ubj"))
    loaded = xgboost_model.load(tmp_path / "model", {})
    np.testing.assert_array_equal(xgboost_model.predict(loaded, holes)["score"], expected)


def test_a_narrow_row_counts_as_missing_at_the_end(tmp_path: Path, features: Array) -> None:
    one = booster(features)
    padded = np.column_stack([features[:5, :3], np.full(5, np.nan)])
    found = scores(service(tmp_path, one).answer(csv_of(features[:5, :3]).encode(), "text/csv", ""))
    assert found == one.predict(xgboost.DMatrix(padded)).tolist()


def test_requests_in_many_threads(tmp_path: Path, features: Array) -> None:
    one = booster(features, rounds=30)
    serving = service(tmp_path, one)
    expected = one.predict(xgboost.DMatrix(features)).tolist()
    bodies = [csv_of(features[index : index + 1]).encode() for index in range(200)] * 5
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda body: scores(serving.answer(body, "text/csv", ""))[0], bodies))
    assert found == expected * 5


# The ASGI application.


async def call(app: App, method: str, path: str, *chunks: bytes, **headers: str) -> tuple[int, bytes]:
    events: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    events.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await app({"type": "http", "method": method, "path": path, "headers": pairs}, receive, send)
    start, body = sent
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(body["body"])
    return start["status"], body["body"]


def test_routes(tmp_path: Path, features: Array) -> None:
    app = App(service(tmp_path, booster(features)), limit=6 * 1024**2, workers=3)
    row = csv_of(features[:1]).encode()

    async def scene() -> None:
        assert await call(app, "GET", "/ping") == (200, b"")
        assert (await call(app, "POST", "/invocations", row[:5], row[5:], content_type="text/csv"))[0] == 200
        assert (await call(app, "GET", "/invocations"))[0] == 405
        assert (await call(app, "GET", "/other"))[0] == 404
        status, body = await call(app, "GET", "/execution-parameters")
        assert (status, json.loads(body)) == (
            200,
            {"MaxConcurrentTransforms": 3, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6},
        )

    asyncio.run(scene())


def test_large_bodies(tmp_path: Path, features: Array) -> None:
    app = App(service(tmp_path, booster(features)), limit=200_000, workers=1)
    big = csv_of(np.tile(features, (12, 1))).encode()
    assert 1 << 16 < len(big) < 200_000

    async def scene() -> None:
        status, body = await call(app, "POST", "/invocations", big, content_type="text/csv")
        assert (status, body.count(b"\n")) == (200, 2400)
        assert (await call(app, "POST", "/invocations", big, big, content_type="text/csv"))[0] == 413
        assert (await call(app, "POST", "/invocations", b"", content_length="200001"))[0] == 413

    asyncio.run(scene())
