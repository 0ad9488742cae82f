"""The SageMaker Python SDK v2 and v3 under `sagewright run`: programs as their users write them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of

pytestmark = pytest.mark.slow

CLIENTS = {
    "sdk_v2.py": "sdk_v2",
    "sdk_v2_training.py": "sdk_v2",
    "sdk_v2_tabular.py": "sdk_v2",
    "sdk_v2_ip_insights.py": "sdk_v2",
    "sdk_v2_tuning.py": "sdk_v2",
    "sdk_v2_processing.py": "sdk_v2",
    "sdk_v3.py": "sdk_v3",
    "sdk_v3_training.py": "sdk_v3",
    "sdk_v3_processing.py": "sdk_v3",
    "sdk_v3_tuning.py": "sdk_v3",
}
"""Programs, and the client whose virtualenv has what they import."""


Outcomes = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Of a program, which is run once."""

    @cache
    def run(program: str) -> dict[str, str]:
        command = Sagewright(tmp_path_factory.mktemp("sdk") / "data", {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"})
        python = python_of(CLIENTS[program])
        return outcomes_of(command("run", "--", str(python), str(PROGRAMS / program), timeout=600))

    return run


@pytest.mark.parametrize(("program", "step"), [(program, step) for program in CLIENTS for step in steps_of(program)])
def test_sdk(outcomes: Outcomes, program: str, step: str) -> None:
    check(outcomes(program)[step])
