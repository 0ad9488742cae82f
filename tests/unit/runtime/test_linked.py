"""Objects linked to a file system: what is to come, and what stays as jobs left it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.agent.lazy import is_mounted
from sagewright.runtime.agent.linked import Linked, Object
from sagewright.runtime.linked_folder.arrivals import Arrivals


class Store:
    """In the place of S3: key -> bytes, whose ETag they are."""

    def __init__(self, folder: Path, **objects: bytes) -> None:
        self.objects = objects
        self.asked: list[str] = []
        self._folder = folder

    def entries(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, int, str]]:
        for key, body in sorted(self.objects.items()):
            yield f"p/{key}", body.hex(), len(body), "2026-01-02T03:04:05.000Z"

    def blob(self, bucket: str, key: str) -> str:
        self.asked.append(key)
        path = self._folder / "blob"
        path.write_bytes(self.objects[key[2:]])
        return str(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def linked(root: Path, store: Any) -> Linked:
    source = {"system": "fs", "ledger": str(root.parent / "ledger"), "directory": ""}
    links = [{"uri": "s3://bucket/p", "folder": ""}]
    return Linked({"name": "c", "source": {**source, "links": links}}, store, str(root), lambda line: None)


def names(found: list[Object]) -> list[str]:
    return [each.name for each in found]


def test_deleted_by_a_job_and_deleted_on_the_host(root: Path) -> None:
    store = Store(root.parent, a=b"1", b=b"2", c=b"3")
    system = linked(root, store)
    a, b, c = system.lay_out()
    for each in (a, b):
        system.take(each)
        (root / each.name).unlink()
    system.delete("a")
    system.delete("c", c)
    assert names(linked(root, store).lay_out()) == ["b"]
    store.objects["c"] = b"new"
    assert names(linked(root, store).lay_out()) == ["b", "c"]


def test_a_folder_that_was_moved_away(root: Path) -> None:
    store = Store(root.parent, **{"d/a": b"1", "d/b": b"2", "dd": b"3"})
    system = linked(root, store)
    for each in system.lay_out():
        system.take(each)
    assert (root / "dd").stat().st_mtime == 1767323045
    (root / "d").rename(root / "e")
    system.delete("d", folder=True)
    assert not linked(root, store).lay_out()


def test_each_comes_once(root: Path) -> None:
    store = Store(root.parent, a=b"1")
    absent = {"/a": linked(root, store).lay_out()[0]}
    arrivals = Arrivals(absent, lambda: linked(root, store), print, lambda: 0)
    readers = [threading.Thread(target=arrivals.bring, args=(["/a", "/none"],)) for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert store.asked == ["p/a"]
    assert arrivals.get("/a") is None
    assert not arrivals.names("/")
    assert (root / "a").read_bytes() == b"1"


def test_what_another_job_has_brought_in_is_seen(root: Path) -> None:
    store = Store(root.parent, a=b"1")
    each = linked(root, store).lay_out()[0]
    arrivals = Arrivals({"/a": each}, lambda: linked(root, store), print, lambda: 0)
    assert not arrivals.settled("/a")
    linked(root, store).take(each)
    assert arrivals.settled("/a")
    assert arrivals.settled("/b"), "was never to come"


def test_mounts_are_found_without_asking_them(tmp_path: Path) -> None:
    if Path("/proc/self/mountinfo").exists():
        assert is_mounted("/proc")
    assert not is_mounted(str(tmp_path))
