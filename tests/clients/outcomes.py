"""Runs a client's program (``programs/``) and reports what came of each of its steps."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"


def steps_of(program: str) -> list[str]:
    """The names of a program's steps, in order."""
    return re.findall(r"^(?:def|const) (step_\w+)", (PROGRAMS / program).read_text(), re.MULTILINE)


def outcomes_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Step to "" or what went wrong, of a program that has ended. Raises AssertionError where it got nowhere."""
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    assert found, f"exit status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    outcomes: dict[str, str] = json.loads(found[1])
    return outcomes


def check(outcome: str) -> None:
    """Fails with all that a step had to say, which an assertion would cut."""
    if outcome:
        raise AssertionError(outcome)
