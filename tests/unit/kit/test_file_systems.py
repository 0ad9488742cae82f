"""File systems that are folders of this machine: those registered, and the command that does."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.cli import main
from sagewright.core.clock import FakeClock
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.store import Space, Store

ID = "fs-0123456789abcdef0"


def command(data: Path, *words: str) -> int:
    return main(["filesystem", *words, "--port", "0", "--data-dir", str(data)])


def test_a_folder_is_registered_and_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, folder = tmp_path / "data", tmp_path / "files"
    folder.mkdir()
    assert command(data, "register", ID, str(folder)) == 0
    found = file_systems.registered(data)[ID]
    assert (found.id, found.type, found.folder, found.mount_name) == (ID, "EFS", str(folder), "")
    assert command(data, "list") == 0
    assert f"{ID}  EFS" in capsys.readouterr().out
    assert command(data, "unregister", ID) == 0
    assert file_systems.registered(data) == {}
    assert folder.is_dir()
    assert command(data, "unregister", ID) == 1
    assert "no folder is registered as" in capsys.readouterr().err


def test_links_of_a_lustre_file_system(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    words = (
        "register",
        ID,
        str(tmp_path / "files"),
        "--type",
        "FSxLustre",
        "--s3",
        "s3://b/p/",
        "--s3",
        "/ns1/x=s3://c",
    )
    assert command(tmp_path / "data", *words) == 0
    found = file_systems.registered(tmp_path / "data")[ID]
    assert found.links == {"": "s3://b/p/", "ns1/x": "s3://c"}
    assert found.mount_name == "fsx"
    assert command(tmp_path / "data", *words[:5], "--mount-name", "abcdbev") == 0
    assert file_systems.registered(tmp_path / "data")[ID].mount_name == "abcdbev"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("register", "fs-1", "."), "fs-1 is no file system's id"),
        (("register", ID, "/nowhere/at/all"), "is no folder"),
        (("register", ID, ".", "--s3", "s3://b"), "are for file systems of the type FSxLustre"),
        (("register", ID, ".", "--type", "FSxLustre", "--s3", "b/p"), "--s3 b/p: it must be s3://bucket/prefix"),
        (("register", ID, ".", "--type", "FSxLustre", "--s3", "/../x=s3://b"), "--s3 /../x=s3://b: it must be"),
        (("register", ID, ".", "--type", "FSxLustre", "--s3", "s3:///p"), "--s3 s3:///p: it must be"),
        (("register", ID, ".", "--type", "FSxLustre", "--mount-name", "a/b"), "--mount-name a/b"),
    ],
)
def test_what_is_not_registered(
    tmp_path: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, *words) == 1
    assert reason in capsys.readouterr().err
    assert file_systems.registered(tmp_path) == {}


@pytest.mark.parametrize("folder", [".", "data", "data/work", "link"])
def test_the_data_folder_is_not_shown_to_jobs(tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data" / "work").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path)
    assert command(tmp_path / "data", "register", ID, str(tmp_path / folder)) == 1
    assert "must be apart" in capsys.readouterr().err


def test_a_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "filesystems.json").write_text('{"fs-1": {"who": 1}}')
    assert command(tmp_path, "list") == 1
    assert "filesystems.json is damaged" in capsys.readouterr().err
    assert command(tmp_path, "register", ID, ".") == 1
    assert "who" in (tmp_path / "filesystems.json").read_text()


def test_those_of_the_api_are_found_in_their_account_and_region(tmp_path: Path) -> None:
    store = Store(tmp_path, FakeClock())
    try:
        body = {"mount_name": "fsx", "links": {"import": {"folder": "p", "uri": "s3://b/p"}}}
        store.documents.insert(Space("fsx:file-system", "1", "here"), ID, body)
        folder = str(tmp_path / "filesystems" / ID)
        expected = FileSystem(ID, "FSxLustre", folder, "fsx", {"p": "s3://b/p"})
        assert file_systems.find(store, "1", "here", ID) == expected
        assert file_systems.find(store, "2", "here", ID) is None
        assert file_systems.find(store, "1", "there", ID) is None
        file_systems.register(tmp_path, FileSystem(ID, "EFS", "/x", registered=1))
        found = file_systems.find(store, "2", "there", ID)
        assert found is not None
        assert found.folder == "/x"
    finally:
        store.close()


def test_a_new_registration_asks_for_its_objects_again(tmp_path: Path) -> None:
    ledger = file_systems.ledger_of(tmp_path, ID)
    ledger.parent.mkdir()
    for change in (
        lambda: file_systems.register(tmp_path, FileSystem(ID, "FSxLustre", "/x")),
        lambda: file_systems.unregister(tmp_path, ID),
    ):
        ledger.write_text("")
        change()
        assert not ledger.exists()
