"""The pytest plugin as a user has it: a fresh folder, a test file, and pytest over it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clients.command import clean_environment

USERS_TESTS = """
import os
import boto3
import pytest

pytest_plugins = ["sagewright.testing.plugin"]
seen = []


def test_server(sagewright_server):
    s3 = boto3.client("s3", **sagewright_server.boto3)
    s3.create_bucket(Bucket="plain")
    s3.put_object(Bucket="plain", Key="k", Body=b"v")
    sagewright_server.restart()
    assert sagewright_server.client("s3").get_object(Bucket="plain", Key="k")["Body"].read() == b"v"


@pytest.mark.parametrize("turn", [1, 2])
def test_accounts_start_empty(sagewright_client, sagewright_account, turn):
    iam = sagewright_client("iam")
    assert iam.list_users()["Users"] == []
    iam.create_user(UserName="same-name")
    assert f"::{sagewright_account}:" in sagewright_client("sts").get_caller_identity()["Arn"]
    assert sagewright_client("logs", region_name="eu-west-1").describe_log_groups()["logGroups"] == []
    seen.append(sagewright_account)
    assert len(set(seen)) == turn


def test_code_that_makes_its_own_clients(sagewright_environment, sagewright_account):
    assert boto3.client("sts").get_caller_identity()["Account"] == sagewright_account


def test_nothing_is_left_in_the_environment():
    assert "AWS_ENDPOINT_URL" not in os.environ


def test_options(sagewright_server, request):
    assert sagewright_server.data_dir == request.config.rootpath / "kept"
    assert sagewright_server.settings == {"SAGEWRIGHT_HOLD_SDK": "1"}

"""

INI = """
[pytest]
addopts = -p no:cacheprovider
sagewright_data_dir = kept
sagewright_env =
    SAGEWRIGHT_HOLD_SDK=1
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-q", *options]
    environment = {**clean_environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_users_tests(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(USERS_TESTS)
    (tmp_path / "pytest.ini").write_text(INI)
    done = run(tmp_path)
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "kept" / "sagewright.db").exists()
    assert not (tmp_path / "kept" / "server.json").exists(), "the server has ended"


def test_options_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sagewright.testing.plugin"]\n')
    (tmp_path / "test_mine.py").write_text(
        "def test_it(sagewright_server):\n    assert sagewright_server.data_dir.name == 'other'\n"
    )
    (tmp_path / "pytest.ini").write_text(INI)
    done = run(tmp_path, "--sagewright-data-dir", "other")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    (tmp_path / "pytest.ini").write_text("[pytest]\nsagewright_env =\n    nothing\n")
    done = run(tmp_path)
    assert "'nothing' is not NAME=value" in done.stdout, done.stdout + done.stderr
