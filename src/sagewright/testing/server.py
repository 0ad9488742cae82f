"""A real server process for tests; the pytest fixture over it is in ``sagewright.testing.plugin``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sagewright.kit.root_key import read_root_key
from sagewright.runtime import engine
from sagewright.server import read_server_file


@dataclass
class ServerHandle:
    """A server on a free port over data_dir; restart() keeps the port."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def boto3(self) -> dict[str, str]:
        """Keyword arguments of ``boto3.client`` and ``boto3.Session.client``."""
        access_key, secret = self.key()
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret}
        return {"endpoint_url": self.url, "region_name": "us-east-1", **keys}

    def key(self, account: str = "test") -> tuple[str, str]:
        """Access key and secret of an account; the root key, whatever the account, where signatures are checked."""
        if (read_server_file(self.data_dir) or {}).get("auth", "off") == "off":
            return account, "test"
        root = read_root_key(self.data_dir)
        return root.access_key, root.secret

    def environment(self, account: str = "test", region: str = "us-east-1") -> dict[str, str]:
        """AWS's environment variables, for code that makes its own clients; account: 12 digits, else 000000000000."""
        access_key, secret = self.key(account)
        keys = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **keys}

    def client(self, service: str, account: str = "test", **options: Any) -> Any:
        """A boto3 client; options are those of ``boto3.client`` (region_name, config). Needs boto3."""
        import boto3

        return boto3.client(service, **{**self.boto3, "aws_access_key_id": self.key(account)[0], **options})

    def start(self, timeout: float = 30.0) -> None:
        """Start the server and wait until it is healthy. Raises RuntimeError when it does not come up."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sagewright", "up", "--port", str(self.port), "--data-dir", str(self.data_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.settings},
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            document = read_server_file(self.data_dir)
            if document is not None and document["pid"] == self.process.pid and _healthy(document["url"]):
                self.port = document["port"]
                return
            time.sleep(0.02)
        raise RuntimeError(f"the server did not come up:\n{self.log()}")

    def log(self) -> str:
        """What the server printed."""
        return (self.data_dir / "server.log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9: no goodbye of any kind."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """An orderly end; the exit status."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_sagewright/health", timeout=5) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def running_server(data_dir: Path, *, port: int = 0, **settings: str) -> Iterator[ServerHandle]:
    """A server for the length of the block; port 0 is a free one. settings: environment variables of its process."""
    server = ServerHandle(data_dir, settings, port)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
        _end_workloads(data_dir)


def _end_workloads(data_dir: Path) -> None:
    """Agents outlive a server on purpose, and containers their agents; a test's must not outlive the test."""
    marker = str(data_dir).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes()
            if marker in arguments and b"agent" in arguments:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, PermissionError):
            continue
    for launch in data_dir.absolute().glob("work/*/launch.json"):
        engine.remove(json.loads(launch.read_text()), str(launch.parent))
