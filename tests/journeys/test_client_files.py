"""s3fs, pandas, awswrangler, pyarrow and smart_open, with AWS_ENDPOINT_URL and credentials alone."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from clients.command import clean_environment
from clients.harness import python_of
from clients.outcomes import PROGRAMS, outcomes_of, steps_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes(sagewright_server: Any) -> dict[str, str]:
    environment = {
        "AWS_ENDPOINT_URL": sagewright_server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [str(python_of("files")), str(PROGRAMS / "files.py")]
    return outcomes_of(
        subprocess.run(
            command,
            env={**clean_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    )


@pytest.mark.parametrize("step", steps_of("files.py"))
def test_files(outcomes: dict[str, str], step: str) -> None:
    assert outcomes[step] == ""
