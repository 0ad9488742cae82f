"""The SageMaker Python SDK v2 under `sagewright run`, in its own virtualenv."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sdk_v2_programs as programs

from clients.command import Sagewright
from clients.examples import EXAMPLES, breast_cancer
from clients.harness import python_of

pytestmark = pytest.mark.slow

Program = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def sagewright(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sagewright]:
    settings = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
    command = Sagewright(tmp_path_factory.mktemp("sdk-v2") / "data", settings)
    assert command("up", "--detach").returncode == 0
    yield command
    command("down")


@pytest.fixture
def program(sagewright: Sagewright) -> Program:
    """Runs a program and gives what it prints as its result."""

    def run(text: str, *options: str) -> dict[str, Any]:
        done = sagewright("run", *options, "--", str(python_of("sdk_v2")), "-c", text, timeout=300)
        found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
        assert found, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(found[1])
        return result

    return run


def test_example_trains_deploys_and_predicts(sagewright: Sagewright) -> None:
    example = EXAMPLES / "xgboost_sdk_v2.py"
    text = example.read_text()
    assert not re.search(r"endpoint_url|127\.0\.0\.1|localhost", text)
    done = sagewright("run", "--", str(python_of("sdk_v2")), str(example), breast_cancer(), timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\[19\]#011train-auc:[01]\.\d+#011validation-auc:[01]\.\d+", done.stdout)  # the job's log
    quality = re.search(r"test accuracy ([01]\.\d+), AUC ([01]\.\d+) on 85 rows", done.stdout)
    assert quality, done.stdout
    assert float(quality[1]) > 0.9
    assert float(quality[2]) > 0.97


def test_fit_and_deploy_return_soon_after_the_end(program: Program) -> None:
    found = program(programs.FIT_AND_DEPLOY)
    assert found["statuses"] == ["Completed", "Completed", "InService"]
    assert max(found["late"]) < 5, "seconds; with the SDK's own pauses it is up to 40"


def test_wrong_input_says_what_and_where(program: Program) -> None:
    found = program(programs.WRONG_INPUT)
    assert found["image"].startswith("UnexpectedStatusException: Error for Training job ")
    assert "no-such" in found["image"]
    assert found["prefix"].startswith("UnexpectedStatusException: ")
    assert "nothing/here" in found["prefix"]
    assert found["header"].startswith("UnexpectedStatusException: ")
    assert "ClientError" in found["header"]
    assert found["hyperparameter"].startswith("UnexpectedStatusException: ")
    assert "eta" in found["hyperparameter"]
    assert "num_round" in found["no round"]


def test_stop(program: Program) -> None:
    found = program(programs.STOP)
    assert found["status"] == "Stopped"
    assert found["took"] < 30


def test_demo(tmp_path: Path) -> None:
    done = Sagewright(tmp_path / "data")("demo", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"│ (upload to S3|fit|deploy|predict 85 rows) +│ +[0-9.]+ s │ (.*?) +│", done.stdout)
    assert [title for title, _ in steps] == ["upload to S3", "fit", "deploy", "predict 85 rows"]
    assert re.fullmatch(r" *[0-9]+ s of ml\.m5\.large at \$0\.115/h = \$0\.[0-9]{5}", steps[1][1])
    assert "test accuracy " in done.stdout
    assert not (tmp_path / "data").exists()
