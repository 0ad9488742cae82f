"""BackendSuite's part about channels that are folders of the host, and what is linked to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Channel, FolderInput, Link, Workload
from sagewright.testing.backend_inputs import SHOW, Bench, python
from sagewright.testing.s3_stub import S3Stub

_TREE = (
    SHOW
    + "top = base + '/input/data/c'\n"
    + "for root, folders, files in sorted(os.walk(top)):\n"
    + "    for f in sorted(files): print(os.path.relpath(root + '/' + f, top), open(root + '/' + f).read())"
)
_WRITE = (
    SHOW + "try: open(base + '/input/data/c/new', 'w').write('by the job'); print('written')\n"
    "except OSError as error: print(error.strerror)"
)


class FolderTests(Bench):
    """File systems."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A file system's folder."""
        (tmp_path / "system" / "in" / "deep").mkdir(parents=True)
        (tmp_path / "system" / "in" / "deep" / "a").write_text("A")
        (tmp_path / "system" / "beside").write_text("no")
        return tmp_path / "system"

    def shown(self, backend: Backend, source: FolderInput, code: str = _TREE, **channel: Any) -> list[str]:
        """What a batch with that channel ``c`` prints that the agent does not."""
        seen = self.ended(backend, source, code, **channel)
        assert seen.phase == "Completed", seen.failure
        return self.printed(backend, seen.job)

    def ended(self, backend: Backend, source: FolderInput, code: str = _TREE, **channel: Any) -> Observation:
        name = f"folder{len(backend.recover())}"
        work = Workload(name, "batch", python(code), channels=(Channel("c", source, **channel),))
        return self.finish(backend, work)

    def source(self, root: Path, directory: str = "", *links: Link) -> FolderInput:
        return FolderInput("fs-1", f"/{directory}", str(root), directory, links, str(root.parent / "ledgers" / "fs-1"))

    def test_a_folder_is_seen_in_its_place(self, real: Backend, root: Path) -> None:
        lines = self.shown(real, self.source(root, "in"))
        assert lines[-1] == "deep/a A"
        assert not any("beside" in line for line in lines)
        assert [line for line in self.shown(real, self.source(root)) if " " in line][-2:] == [
            "beside no",
            "in/deep/a A",
        ]

    def test_who_may_write(self, real: Backend, root: Path) -> None:
        if real.capabilities.sandbox:
            assert self.shown(real, self.source(root, "in"), _WRITE)[-1] == "Read-only file system"
            assert not (root / "in" / "new").exists()
        assert self.shown(real, self.source(root, "in"), _WRITE, read_only=False)[-1] == "written"
        assert (root / "in" / "new").read_text() == "by the job"
        for left in real.recover():
            real.remove(left)
        assert (root / "in" / "new").exists(), "went with the job's folder"

    @pytest.mark.parametrize(
        ("directory", "link", "reason"),
        [
            ("nothing", "", "The directory path does not exist"),
            ("beside", "", "The directory path is no directory"),
            ("in/out", "..", ""),
            ("in/out", "../..", "The directory path leads out of the file system"),
            ("in/out", "/etc", "The directory path leads out of the file system"),
        ],
    )
    def test_directories_that_cannot_be_mounted(
        self, real: Backend, root: Path, directory: str, link: str, reason: str
    ) -> None:
        if link:
            (root / "in" / "out").symlink_to(link)
        seen = self.ended(real, self.source(root, directory))
        assert (seen.phase == "Failed") == bool(reason)
        if reason:
            assert seen.failure is not None
            start = f"ClientError: Unable to mount file system: fs-1, directory path: /{directory}. "
            assert seen.failure.reason.startswith(start)
            assert f"{reason}" in seen.failure.reason
            assert seen.failure.reason.endswith("(channel c)")

    def test_a_file_system_whose_folder_is_gone(self, real: Backend, root: Path) -> None:
        seen = self.ended(real, self.source(root / "gone"))
        assert seen.failure is not None
        assert "/gone of this machine, which it stands for, is not there" in seen.failure.reason

    @pytest.mark.parametrize("share", [True, False])
    def test_linked_objects_come_in_once(self, real: Backend, s3: S3Stub, root: Path, share: bool) -> None:
        s3.share = share
        stored = [s3.put(f"p/{name}", name.encode()) for name in ("1", "d/2", "d/é +", "d/4", "other")]
        link = Link("", "s3://bucket/p")
        files = ["2 d/2", "4 d/4", "é + d/é +"]
        assert self.shown(real, self.source(root, "d", link))[-3:] == files
        assert not (root / "other").exists(), "outside of the directory"
        s3.requests.clear()
        log = self.shown(real, self.source(root, "d", link))
        assert log[-3:] == files
        assert any("0 of the 3 objects of s3://bucket/p/d/" in line for line in log)
        assert all(request.startswith('"GET /bucket?list-type=2') for request in s3.requests), s3.requests
        (root / "d" / "2").unlink()
        s3.put("p/d/4", b"changed")
        assert self.shown(real, self.source(root, "d", link))[-3:] == ["2 d/2", "4 changed", "é + d/é +"]
        (root / "d" / "2").write_text("mine")
        assert stored[1].read_bytes() == b"d/2", "the stored object is not the user's to change"
        assert self.shown(real, self.source(root, "d", link))[-3] == "2 mine"

    def test_links_of_folders(self, real: Backend, s3: S3Stub, root: Path) -> None:
        for key in ("p/x", "q/y", "q/sub/z", "q/sub/", "q/empty/"):
            s3.put(key, key.encode())
        links = Link("in/p", "s3://bucket/p/"), Link("q", "s3://bucket/q")
        assert self.shown(real, self.source(root, "in", *links))[-2:] == ["deep/a A", "p/x p/x"]
        assert not (root / "q").exists()
        assert self.shown(real, self.source(root, "q/sub", *links))[-1] == "z q/sub/z"
        assert not (root / "q" / "y").exists()
        self.shown(real, self.source(root, "", *links))
        assert (root / "q" / "y").read_text() == "q/y"
        assert (root / "q" / "empty").is_dir()

    def test_objects_that_fit_nowhere(self, real: Backend, s3: S3Stub, root: Path, tmp_path: Path) -> None:
        for key in ("p/../evil", "p//b", "p/./c", "p/ok", "p/x/.."):
            s3.put(key, b"x")
        log = self.shown(real, self.source(root, "", Link("", "s3://bucket/p")))
        assert any(line.startswith("4 objects have no name that a file could have") for line in log)
        assert (root / "ok").read_text() == "x"
        assert not (tmp_path / "evil").exists()

    def test_objects_do_not_follow_links_out(self, real: Backend, s3: S3Stub, root: Path, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (root / "away").symlink_to(tmp_path / "outside")
        s3.put("p/away/x", b"x")
        seen = self.ended(real, self.source(root, "", Link("", "s3://bucket/p")))
        assert seen.failure is not None
        assert seen.failure.reason.startswith(
            "ClientError: Data download failed:s3://bucket/p/away/x: away/x is in the"
        )
        assert "channel c, file system fs-1" in seen.failure.reason
        assert not (tmp_path / "outside" / "x").exists()

    def test_a_bucket_that_is_gone(self, real: Backend, s3: S3Stub, root: Path) -> None:
        seen = self.ended(real, self.source(root, "", Link("", "s3://nobodys/p")))
        assert seen.failure is not None
        assert seen.failure.reason.startswith("ClientError: Data download failed:NoSuchBucket (404)")
        assert seen.failure.reason.endswith("(channel c, file system fs-1: s3://nobodys/p/)")
