"""The AWS SDK for JavaScript v3 on Node: through AWS_ENDPOINT_URL alone, and through the proxy of `sagewright run`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.command import Sagewright
from clients.harness import node_modules_of
from clients.outcomes import PROGRAMS, outcomes_of, steps_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="Node and npm are not installed"),
]
ALONE = "unset HTTPS_PROXY https_proxy NODE_USE_ENV_PROXY NODE_OPTIONS"
PROXY = "unset AWS_ENDPOINT_URL"


@pytest.fixture(scope="module")
def sagewright(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sagewright]:
    command = Sagewright(tmp_path_factory.mktemp("javascript") / "data")
    assert command("up", "--detach").returncode == 0
    yield command
    command("down")


@pytest.fixture(scope="module", params=[ALONE, PROXY], ids=["endpoint", "proxy"])
def outcomes(
    sagewright: Sagewright, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("program")
    for name in ("javascript.mjs", "steps.mjs"):
        shutil.copy(PROGRAMS / name, folder)
    (folder / "node_modules").symlink_to(node_modules_of("javascript"))
    script = f"{request.param}; exec node {folder}/javascript.mjs"
    return outcomes_of(sagewright("run", "--", "sh", "-c", script))


@pytest.mark.parametrize("step", steps_of("javascript.mjs"))
def test_javascript(outcomes: dict[str, str], step: str) -> None:
    assert outcomes[step] == ""
