"""Commands that have the names of images: their file, and the command that writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.cli import main
from sagewright.kit import own_images
from sagewright.kit.own_images import OwnImage
from sagewright.services.sagemaker import Images


def command(data: Path, *words: str) -> int:
    return main(["image", *words, "--port", "0", "--data-dir", str(data)])


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "tool.py").write_text("")
    return folder


def test_a_command_is_registered_and_forgotten(
    tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    words = ["--command", "python3 tool.py -v", "--env", "A=b=c", "--env", "EMPTY=", "--folder", str(program)]
    assert command(data, "register", "mine:1", *words) == 0
    found = OwnImage("mine:1", ("python3", f"{program}/tool.py", "-v"), {"A": "b=c", "EMPTY": ""}, str(program))
    assert own_images.registered(data) == {"mine:1": found}
    assert command(data, "register", "mine:1", "--command", "true", "--folder", str(program)) == 0
    assert own_images.registered(data) == {"mine:1": OwnImage("mine:1", ("true",), {}, str(program))}
    assert command(data, "list") == 0
    assert capsys.readouterr().out == f"mine:1  true ({program})\n"
    assert command(data, "remove", "mine:1") == 0
    assert own_images.registered(data) == {}
    assert command(data, "remove", "mine:1") == 1
    assert "no command is registered as mine:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--command", ""], "at least one word"),
        (["--command", "sh 'open"], "No closing quotation"),
        (["--command", "x", "--env", "A"], "--env A: it must be NAME=VALUE"),
        (["--command", "x", "--env", "=b"], "--env =b: it must be NAME=VALUE"),
        (["--command", "x", "--folder", "/no/such/folder"], "is no folder"),
        (["--command", "x", "--folder", "/"], "must be apart"),
    ],
)
def test_what_is_not_registered(
    tmp_path: Path, program: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = [] if "--folder" in words else ["--folder", str(program)]
    assert command(tmp_path / "data", "register", "mine:1", *words, *folder) == 1
    assert why in capsys.readouterr().err
    assert not (tmp_path / "data" / "images.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"mine:1": {"command": null}}', '{"mine:1": {"comand": ["x"]}}'])
def test_a_damaged_file_is_named_and_left_as_it_is(
    tmp_path: Path, program: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path.parent / f"{tmp_path.name}-data"
    data.mkdir()
    (data / "images.json").write_text(text)
    assert command(data, "register", "other", "--command", "x", "--folder", str(program)) == 1
    assert f"{data}/images.json is damaged" in capsys.readouterr().err
    assert (data / "images.json").read_text() == text


ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


def images(*names: str, engine: bool = False) -> Images:
    known = {name: OwnImage(name, ("run", name)) for name in names}
    return Images(list, list, own=lambda: known, engine=lambda: engine)


@pytest.mark.parametrize("name", [f"{ECR}/mine:1", "mine:1", "mine"])
def test_names_of_an_image(name: str) -> None:
    runner = images(name, engine=True).runner(f"{ECR}/mine:1")
    assert (runner.kind, runner.image) == ("own", "")
    assert (runner.train, runner.serve, runner.process) == (
        ("run", name, "train"),
        ("run", name, "serve"),
        ("run", name),
    )


def test_no_tag_is_latest() -> None:
    assert images("mine:latest").runner(f"{ECR}/mine").train == ("run", "mine:latest", "train")


def test_an_engine_may_have_all_others() -> None:
    runner = images("other", engine=True).runner(f"{ECR}/mine:1")
    assert (runner.kind, runner.image, runner.train, runner.serve) == ("own", f"{ECR}/mine:1", ("train",), ("serve",))
