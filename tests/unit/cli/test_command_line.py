"""The command line's own answers, before any server is involved."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.cli import main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name} " in text for name in ["up", "down", "status", "run", "env", "demo", "doctor", "ops"])


@pytest.mark.parametrize("words", [[], ["nothing"], ["up", "--port", "x"], ["env", "--shell", "tcsh"]])
def test_misuse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(words)
    assert done.value.code == 2
    assert "usage: sagewright" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_up_refuses_other_than_loopback(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--host", host, "--port", "0", "--data-dir", str(tmp_path / "data")]) == 1
    assert f"--host {host} is refused: signatures are not checked" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_run_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--"]) == 1
    assert "no command given" in capsys.readouterr().err


def test_run_of_an_unknown_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--data-dir", str(tmp_path / "data"), "--", "no-such-command"]) == 127
    assert "no-such-command: command not found" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["env", "status"])
def test_without_a_server(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--port", "0", "--data-dir", str(tmp_path)]) == 1
    assert "start one with `sagewright up --detach`" in capsys.readouterr().err


def test_bad_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SAGEWRIGHT_PORT", "many")
    assert main(["up", "--data-dir", str(tmp_path)]) == 1
    assert "sagewright up: setting port: 'many' is not a valid int" in capsys.readouterr().err
