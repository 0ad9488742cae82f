"""The pytest plugin: ``sagewright_server``, one real server a test session.

```python
pytest_plugins = ["sagewright.testing.plugin"]


def test_bucket(sagewright_server):
    s3 = boto3.client("s3", **sagewright_server.boto3)
```
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sagewright.testing.server import ServerHandle, running_server


@pytest.fixture(scope="session")
def sagewright_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    """A running server with a data folder of its own; ``.url`` is its endpoint."""
    with running_server(tmp_path_factory.mktemp("sagewright")) as server:
        yield server
