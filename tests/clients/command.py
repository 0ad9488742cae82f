"""The ``sagewright`` command for tests: a real process over a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAGEWRIGHT = (sys.executable, "-m", "sagewright")


def clean_environment() -> dict[str, str]:
    """This process's environment without proxies, AWS settings, trust roots and Sagewright's own settings."""
    roots = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    dropped = ("AWS_", "SAGEWRIGHT_", *roots)
    proxies = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped) and k.lower() not in proxies}


@dataclass
class Sagewright:
    """Commands on one data folder, on whatever port is free."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        home = {"HOME": str(self.data_dir.parent), "SAGEWRIGHT_DATA_DIR": str(self.data_dir), "SAGEWRIGHT_PORT": "0"}
        return {**clean_environment(), **home, **self.settings}

    def __call__(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output is kept, its status not checked."""
        return subprocess.run(
            [*SAGEWRIGHT, *words], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*SAGEWRIGHT, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def server(self) -> dict[str, Any] | None:
        """What the server says of itself while it runs."""
        file = self.data_dir / "server.json"
        return json.loads(file.read_text()) if file.exists() else None
