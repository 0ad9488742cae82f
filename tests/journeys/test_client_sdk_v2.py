"""The SageMaker Python SDK v2's conveniences around local files, logs and inputs, under `sagewright run`."""

from __future__ import annotations

import pytest

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, outcomes_of, steps_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    settings = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
    command = Sagewright(tmp_path_factory.mktemp("sdk-v2") / "data", settings)
    return outcomes_of(command("run", "--", str(python_of("sdk_v2")), str(PROGRAMS / "sdk_v2.py"), timeout=300))


@pytest.mark.parametrize("step", steps_of("sdk_v2.py"))
def test_sdk_v2(outcomes: dict[str, str], step: str) -> None:
    assert outcomes[step] == ""
