"""The AWS CLI under `sagewright run`, in its own virtualenv."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.command import Sagewright
from clients.examples import EXAMPLES, breast_cancer
from clients.harness import python_of

Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def sagewright(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sagewright]:
    binaries = python_of("aws_cli").parent
    settings = {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "AWS_PAGER": ""}
    command = Sagewright(tmp_path_factory.mktemp("aws-cli") / "data", settings)
    assert command("up", "--detach").returncode == 0
    yield command
    command("down")


@pytest.fixture
def shell(sagewright: Sagewright) -> Shell:
    return lambda script: sagewright("run", "--", "sh", "-ec", script, timeout=300)


def test_sts(shell: Shell) -> None:
    done = shell("aws sts get-caller-identity")
    assert json.loads(done.stdout)["Account"] == "000000000000", done.stderr
    done = shell("AWS_ACCESS_KEY_ID=111122223333 aws sts get-caller-identity --query Account --output text")
    assert done.stdout == "111122223333\n", done.stderr


@pytest.mark.parametrize("endpoint", ["", "--endpoint-url https://s3.us-east-1.amazonaws.com"])
def test_s3(shell: Shell, tmp_path: Path, endpoint: str) -> None:
    """Through AWS_ENDPOINT_URL, and through the proxy."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "folder").mkdir(parents=True)
    (here / "large").write_bytes(os.urandom(20_000_000))  # above the multipart threshold
    (here / "folder" / "a name, ümlaut & co").write_text("text")
    for file in here.rglob("*"):
        os.utime(file, (1_700_000_000, 1_700_000_000))  # S3's times are whole seconds, so a fresh file may seem newer
    bucket = f"s3://cli-{len(endpoint)}"
    done = shell(f"aws {endpoint} s3 mb {bucket}; aws {endpoint} s3 sync --no-progress {here} {bucket}/x")
    assert done.stdout.count("upload: ") == 2, done.stderr
    done = shell(f"aws {endpoint} s3 sync --no-progress {here} {bucket}/x; aws {endpoint} s3 ls --recursive {bucket}")
    assert "upload: " not in done.stdout
    assert sorted(line.split(maxsplit=2)[2] for line in done.stdout.splitlines()) == [
        "20000000 x/large",
        "4 x/folder/a name, ümlaut & co",
    ]
    done = shell(f"aws {endpoint} s3 cp --recursive --no-progress {bucket}/x {there}")
    assert done.returncode == 0, done.stderr
    for name in ("large", "folder/a name, ümlaut & co"):
        assert (there / name).read_bytes() == (here / name).read_bytes()
    done = shell(f"aws {endpoint} s3 cp {bucket}/nothing {there}/nothing")
    assert done.returncode == 1
    assert "(404)" in done.stderr
    assert shell(f"aws {endpoint} s3 rb --force {bucket} && aws {endpoint} s3 ls {bucket}").returncode != 0


def test_errors_are_aws_s(shell: Shell) -> None:
    done = shell("aws sagemaker describe-training-job --training-job-name none")
    assert done.returncode != 0
    assert "(ValidationException) when calling the DescribeTrainingJob operation" in done.stderr
    done = shell("aws kinesis list-streams")
    assert done.returncode != 0
    assert "(NotImplemented) when calling the ListStreams operation" in done.stderr


@pytest.mark.slow
def test_example(sagewright: Sagewright) -> None:
    done = sagewright("run", "--", "sh", str(EXAMPLES / "xgboost_aws_cli.sh"), breast_cancer(), timeout=300)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ") for line in done.stdout.splitlines() if line.startswith(("labels", "predicted")))
    labels = [int(label) for label in lines["labels"].split()]
    predicted = [float(score) for score in lines["predicted"].split()]
    assert [round(score) for score in predicted] == labels
