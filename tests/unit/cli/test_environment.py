"""The environment for clients."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sagewright.commands.env import _SHELLS
from sagewright.commands.environment import for_children, for_clients
from sagewright.commands.servers import Running


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(
        pid=1,
        host="127.0.0.1",
        port=4566,
        url="http://127.0.0.1:4566",
        proxy_port=4567,
        ca_bundle=str(tmp_path / "data" / "ca" / "bundle.pem"),
        started=0.0,
        data_dir=tmp_path / "data",
    )


@pytest.fixture
def base(tmp_path: Path) -> dict[str, str]:
    """A user with an empty home."""
    return {"HOME": str(tmp_path), "PATH": "/bin"}


def test_endpoint_proxy_and_trust(running: Running, base: dict[str, str]) -> None:
    found = for_clients(running, base)
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert found["HTTPS_PROXY"] == found["https_proxy"] == "http://127.0.0.1:4567"
    assert "HTTP_PROXY" not in found
    bundles = {found[name] for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")}
    assert bundles == {running.ca_bundle, found["NODE_EXTRA_CA_CERTS"]}
    assert Path(running.ca_bundle).exists()
    assert found["NO_PROXY"] == found["no_proxy"] == "localhost,127.0.0.1,::1"
    assert found["AWS_EC2_METADATA_DISABLED"] == "true"


def test_no_proxy_keeps_all_but_aws(running: Running, base: dict[str, str]) -> None:
    base |= {"NO_PROXY": "10.0.0.0/8, .corp,.amazonaws.com,s3.amazonaws.com:443", "no_proxy": "*,localhost,*.api.aws"}
    assert for_clients(running, base)["NO_PROXY"] == "localhost,127.0.0.1,::1,10.0.0.0/8,.corp"


@pytest.mark.parametrize(
    ("environment", "file", "text", "keys", "region"),
    [
        ({}, "", "", True, True),
        ({"AWS_ACCESS_KEY_ID": "111122223333"}, "", "", False, True),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "", "", True, False),
        ({"AWS_REGION": "eu-west-1"}, "", "", True, False),
        ({}, "credentials", "[default]\naws_access_key_id = AKIA\n", False, True),
        ({}, "config", "[default]\nregion = eu-west-1\n", True, False),
        ({}, "config", "[default]\nsso_session = corp\nregion = eu-west-1\n", True, False),
        ({}, "config", "[profile dev]\naws_access_key_id = AKIA\n", True, True),
        ({"AWS_PROFILE": "dev"}, "config", "[profile dev]\naws_access_key_id = AKIA\nregion = x\n", False, False),
        ({"AWS_PROFILE": "dev"}, "credentials", "[dev]\naws_access_key_id = AKIA\n", False, True),
        ({}, "config", "no section\n", True, True),
    ],
)
def test_credentials_and_region_where_the_user_has_none(
    running: Running,
    base: dict[str, str],
    environment: dict[str, str],
    file: str,
    text: str,
    keys: bool,
    region: bool,
) -> None:
    if file:
        folder = Path(base["HOME"]) / ".aws"
        folder.mkdir()
        (folder / file).write_text(text)
    found = for_clients(running, base | environment)
    assert (found.get("AWS_ACCESS_KEY_ID") == "test") is keys
    assert (found.get("AWS_DEFAULT_REGION") == "us-east-1") is region


def test_twice_is_as_once(running: Running, base: dict[str, str]) -> None:
    base["HTTPS_PROXY"] = "http://proxy.corp:3128"
    once = base | for_clients(running, base)
    assert once["SAGEWRIGHT_UPSTREAM_PROXY"] == "http://proxy.corp:3128"
    assert once | for_clients(running, once) == once


def test_own_proxy_is_no_upstream(running: Running, base: dict[str, str]) -> None:
    base["https_proxy"] = running.proxy_url
    assert for_clients(running, base)["SAGEWRIGHT_UPSTREAM_PROXY"] == ""


def test_children_get_hooks_before_their_own(running: Running, base: dict[str, str]) -> None:
    base |= {"PYTHONPATH": "/mine", "NODE_OPTIONS": "--max-old-space-size=100"}
    found = for_children(running, base)
    hooks, mine = found["PYTHONPATH"].split(":")
    assert mine == "/mine"
    assert (Path(hooks) / "sitecustomize.py").exists()
    first, flag, file = shlex.split(found["NODE_OPTIONS"])
    assert (first, flag) == ("--max-old-space-size=100", "--require")
    assert Path(file).exists()
    assert for_children(running, base, keep_pauses=True)["PYTHONPATH"] == "/mine"
    del base["PYTHONPATH"]
    assert ":" not in for_children(running, base)["PYTHONPATH"]


def test_shells_quote() -> None:
    variables = {"A": 'it\'s $HOME\\ "x"'}
    assert shlex.split(_SHELLS["posix"](variables)) == ["export", f"A={variables['A']}"]
    assert _SHELLS["fish"](variables) == "set -gx A 'it\\'s $HOME\\\\ \"x\"';"
