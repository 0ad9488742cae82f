"""The pytest plugin: ``sagewright_server``, one real server a test session, and what makes tests over it easy.

```python
pytest_plugins = ["sagewright.testing.plugin"]


def test_bucket(sagewright_client):
    s3 = sagewright_client("s3")
    s3.create_bucket(Bucket="mine")
```

Options: ``--sagewright-data-dir`` and ``--sagewright-port`` (``pytest_plugins`` in the top conftest.py); in the ini
file ``sagewright_data_dir``, ``sagewright_port`` and ``sagewright_env``, a line ``NAME=value`` for each server setting.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sagewright.testing.server import ServerHandle, running_server

_accounts = itertools.count(100_000_000_001)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sagewright")
    group.addoption("--sagewright-data-dir", metavar="DIR", help="data folder of the test server, kept afterwards")
    group.addoption("--sagewright-port", type=int, metavar="PORT", help="port of the test server; 0: a free one")
    parser.addini("sagewright_data_dir", "data folder of the test server, kept afterwards")
    parser.addini("sagewright_port", "port of the test server", default="0")
    parser.addini("sagewright_env", "settings of the test server, NAME=value", type="linelist")


@pytest.fixture(scope="session")
def sagewright_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    """A running server, one a session; it ends with the session, and so do its jobs and endpoints.

    ``.url`` is its endpoint, ``.client("s3")`` a boto3 client, ``.boto3`` the arguments of one, ``.restart()`` and
    ``.kill()`` what they say, ``.log()`` what it printed.
    """
    chosen = pytestconfig.getoption("--sagewright-data-dir") or pytestconfig.getini("sagewright_data_dir")
    port = pytestconfig.getoption("--sagewright-port")
    if port is None:
        port = int(pytestconfig.getini("sagewright_port"))
    folder = pytestconfig.rootpath / chosen if chosen else tmp_path_factory.mktemp("sagewright")
    with running_server(Path(folder), port=port, **_settings(pytestconfig)) as server:
        yield server


@pytest.fixture
def sagewright_account() -> str:
    """A 12-digit account nobody else in the session uses: it starts empty. Bucket names are global, as on AWS."""
    return str(next(_accounts))


@pytest.fixture
def sagewright_client(sagewright_server: ServerHandle, sagewright_account: str) -> Iterator[Callable[..., Any]]:
    """``sagewright_client("sagemaker")``: boto3 clients in the test's own account, closed at its end."""
    with ExitStack() as stack:

        def make(service: str, **options: Any) -> Any:
            client = sagewright_server.client(service, sagewright_account, **options)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def sagewright_environment(
    sagewright_server: ServerHandle, sagewright_account: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """AWS's environment variables are set for the test, for code that makes its own clients; what was set."""
    environment = sagewright_server.environment(sagewright_account)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


def _settings(config: pytest.Config) -> dict[str, str]:
    """Raises pytest.UsageError for a line that is no NAME=value."""
    settings = {}
    for line in config.getini("sagewright_env"):
        name, found, value = line.partition("=")
        if not found:
            raise pytest.UsageError(f"sagewright_env: {line!r} is not NAME=value")
        settings[name.strip()] = value.strip()
    return settings
