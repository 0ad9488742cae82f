"""Command line over environment over TOML over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.config import load


def test_the_nearer_wins(tmp_path: Path) -> None:
    file = tmp_path / "sagewright.toml"
    file.write_text('port = 1\nhold_sdk = 2\nstrict_hardware = true\ndata_dir = "/toml"\n')
    environment = {"SAGEWRIGHT_CONFIG": str(file), "SAGEWRIGHT_PORT": "3", "SAGEWRIGHT_HOLD_SDK": "4.5"}
    config = load({"port": 5, "host": None}, environ=environment)
    assert (config.port, config.hold_sdk, config.strict_hardware) == (5, 4.5, True)
    assert (config.host, config.data_dir) == ("127.0.0.1", Path("/toml"))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SAGEWRIGHT_PORT": "many"}, ["port", "many"]),
        ({"SAGEWRIGHT_STRICT_HARDWARE": "maybe"}, ["strict_hardware", "maybe"]),
        ({"SAGEWRIGHT_AUTH": "sometimes"}, ["auth", "sometimes"]),
        ({"SAGEWRIGHT_SANDBOX": "on"}, ["sandbox", "on"]),
        ({"SAGEWRIGHT_ENGINE_ARGS": "--label 'a"}, ["engine_args", "quotation"]),
        ({"SAGEWRIGHT_ROOT_ACCESS_KEY": "mine"}, ["root_secret_key", "root_access_key"]),
        ({"SAGEWRIGHT_ROOT_ACCESS_KEY": "a/b", "SAGEWRIGHT_ROOT_SECRET_KEY": "x"}, ["root_access_key", "letters"]),
    ],
)
def test_a_wrong_value_is_named(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(ValueError, match=words[0]) as caught:
        load(environ={"SAGEWRIGHT_CONFIG": "/nowhere", **environment})
    assert words[1] in str(caught.value)


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sagewright.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(ValueError, match="prot"):
        load(environ={"SAGEWRIGHT_CONFIG": str(file)})


def test_the_root_secret_is_not_shown() -> None:
    keys = {"SAGEWRIGHT_ROOT_ACCESS_KEY": "mine", "SAGEWRIGHT_ROOT_SECRET_KEY": "hush"}
    assert "hush" not in repr(load(environ={"SAGEWRIGHT_CONFIG": "/nowhere", **keys}))
