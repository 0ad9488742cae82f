"""A job that finds several hosts in its resourceconfig.json."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.xgboost.spec import SPEC

from .conftest import Folder


@pytest.fixture
def two_hosts(folder: Folder) -> Path:
    """/opt/ml of a job's first host, with a train channel."""
    folder.put("train", "a.csv", "1,2\n0,3\n")
    config = folder.base / "input" / "config"
    config.mkdir()
    documents = {
        "hyperparameters": {"num_round": "2"},
        "inputdataconfig": {"train": {"ContentType": "text/csv"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document))
    return folder.base


def test_an_algorithm_for_one_instance_refuses(two_hosts: Path, folder: Folder) -> None:
    assert run(replace(SPEC, distributed=False), Environment(two_hosts)) == 1
    assert folder.failure == "ClientError: xgboost trains on one instance only; the job has 2"


def test_hosts_that_cannot_be_reached(two_hosts: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEWRIGHT_HOSTS", json.dumps({"algo-1": "192.0.2.1", "algo-2": "192.0.2.2"}))
    assert run(SPEC, Environment(two_hosts)) == 1
    assert folder.failure.startswith("AlgorithmError: algo-1 cannot listen for the other instances on port 9099: ")
