"""Images of one's own by the SDKs: in a container of a real engine, and as a registered command."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import own_image
import pytest

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of

pytestmark = pytest.mark.slow

REGISTERED = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"
SDKS = {"sdk_v2_own_image.py": "sdk_v2", "sdk_v3_own_image.py": "sdk_v3"}
Outcomes = Callable[[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Of a program, which is run once for each kind of image."""

    @cache
    def run(program: str, kind: str) -> dict[str, str]:
        base = tmp_path_factory.mktemp(kind)
        settings = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
        if kind == "container":
            settings |= own_image.engine() or pytest.skip("no docker or podman that runs containers here")
        command = Sagewright(base / "data", settings)
        if kind == "command":
            (base / "program").mkdir()
            (base / "program" / "program.py").write_text(own_image.PROGRAM)
            words = ["--command", "python3 program.py", "--folder", str(base / "program")]
            assert command("image", "register", "mine:1", *words).returncode == 0
        image = own_image.IMAGE if kind == "container" else REGISTERED
        words = [str(python_of(SDKS[program])), str(PROGRAMS / program), image]
        return outcomes_of(command("run", "--", *words, timeout=600))

    return run


@pytest.mark.parametrize("kind", ["command", "container"])
@pytest.mark.parametrize(("program", "step"), [(program, step) for program in SDKS for step in steps_of(program)])
def test_sdk(outcomes: Outcomes, program: str, step: str, kind: str) -> None:
    check(outcomes(program, kind)[step])
