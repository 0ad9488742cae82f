"""Script mode by the SageMaker SDKs under `sagewright run`: users' own scripts, as AWS's examples have them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of
from clients.torch import torch_settings

pytestmark = pytest.mark.slow

Outcomes = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Of a program, which is run once."""

    @cache
    def run(program: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("scripts")
        client = program[: len("sdk_v2")]
        words, settings = [str(PROGRAMS / program)], {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
        if program == "sdk_v2_remote.py":
            settings["SAGEWRIGHT_SCRIPT_PYTHON"] = str(python_of(client))  # the job needs the SDK too
        if program == "sdk_v2_pytorch.py":
            settings |= torch_settings() or pytest.skip("pip has no CPU build of torch 2.13 at hand (find-links)")
            words.append(str(_digits(folder)))
        command = Sagewright(folder / "data", settings)
        return outcomes_of(command("run", "--", str(python_of(client)), *words, timeout=600))

    return run


def _digits(folder: Path) -> Path:
    """scikit-learn's digits, the label first."""
    import numpy as np
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    table = np.column_stack([labels, images])
    place = folder / "digits"
    place.mkdir()
    np.savetxt(place / "train.csv", table[:1400], delimiter=",", fmt="%g")
    np.savetxt(place / "test.csv", table[1400:], delimiter=",", fmt="%g")
    return place


PROGRAM_NAMES = ("sdk_v2_scripts.py", "sdk_v2_remote.py", "sdk_v2_pytorch.py", "sdk_v3_scripts.py")


@pytest.mark.parametrize(
    ("program", "step"), [(program, step) for program in PROGRAM_NAMES for step in steps_of(program)]
)
def test_script_mode(outcomes: Outcomes, program: str, step: str) -> None:
    check(outcomes(program)[step])
