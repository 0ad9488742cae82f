"""The SageMaker Python SDK v3 under `sagewright run`: ModelTrainer, resources, endpoints, S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, outcomes_of, steps_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("sdk-v3")
    command = Sagewright(folder / "data")
    return outcomes_of(command("run", "--", str(python_of("sdk_v3")), str(PROGRAMS / "sdk_v3.py"), timeout=300))


@pytest.mark.parametrize("step", steps_of("sdk_v3.py"))
def test_sdk_v3(outcomes: dict[str, str], step: str) -> None:
    assert outcomes[step] == ""
