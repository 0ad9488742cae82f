"""BackendSuite's part about linked objects that come in when they are first read."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.workload import Channel, FolderInput, Link, Workload
from sagewright.testing.backend_folders import FolderTests
from sagewright.testing.backend_inputs import SHOW, python
from sagewright.testing.s3_stub import S3Stub

_HERE = SHOW + "import sys, threading, time\nos.chdir(base + '/input/data/c')\n"
_STAY = _HERE + "print('begins', flush=True)\n"


class LazyFolderTests(FolderTests):
    """File systems whose objects come in late."""

    @pytest.fixture
    def linked(self, real: Backend, s3: S3Stub, root: Path) -> Callable[..., FolderInput]:
        """The file system with these objects linked to it. Skips where they come in early."""
        self.lazily(self.shown(real, self.source(root, "", Link("", "s3://bucket/probe"))))

        def make(**objects: bytes) -> FolderInput:
            for name, body in objects.items():
                s3.put(f"p/{name}", body)
            s3.requests.clear()
            return self.source(root, "", Link("", "s3://bucket/p"))

        return make

    def got(self, s3: S3Stub) -> list[str]:
        """Which objects were asked for."""
        return sorted(each.split()[1] for each in s3.requests if each.startswith('"GET /bucket/'))

    def begun(self, backend: Backend, id: str, code: str, source: FolderInput, **more: float) -> None:
        """A batch that has said so."""
        channel = Channel("c", source, read_only=False)
        backend.launch(Workload(id, "batch", python(code), channels=(channel,), stop_grace=more.get("grace", 1)))
        self.until(backend, id, lambda seen: "begins" in self.printed(backend, id) or seen.finished)

    def test_what_a_job_has_changed_stays(
        self, real: Backend, s3: S3Stub, root: Path, linked: Callable[..., FolderInput]
    ) -> None:
        source = linked(gone=b"1", moved=b"2", emptied=b"3", over=b"4", read=b"5", late=b"6")
        code = (
            _HERE + "os.unlink('gone'); os.rename('moved', 'here'); open('emptied', 'w').write('new')\n"
            "open('mine', 'w').write('mine'); os.rename('mine', 'over')\n"
            "print(open('read').read()); os.unlink('read')"
        )
        self.shown(real, source, code, read_only=False)
        look = _HERE + "print({n: open(n).read() for n in sorted(os.listdir('.')) if os.path.isfile(n)})"
        beside = {"beside": "no", "emptied": "new", "here": "2"}
        seen = self.shown(real, source, look)[-1]
        assert seen == str({**beside, "late": "6", "over": "mine"}), seen
        s3.put("p/gone", b"is new")
        seen = self.shown(real, source, look)[-1]
        assert seen == str(dict(sorted({**beside, "gone": "is new", "late": "6", "over": "mine"}.items()))), seen

    def test_objects_come_at_the_same_time(self, real: Backend, s3: S3Stub, linked: Callable[..., FolderInput]) -> None:
        source = linked(**{f"o{n}": b"x" * 100 for n in range(6)})
        s3.share, s3.meeting = False, threading.Barrier(7)
        code = (
            _HERE + "sizes = []\n"
            "names = ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o5', 'o5']\n"
            "all = [threading.Thread(target=lambda n: sizes.append(len(open(n).read())), args=(n,)) for n in names]\n"
            "for each in all: each.start()\n"
            "time.sleep(0.2); open('beside').read(); os.listdir('.'); os.stat('o4'); print('begins', flush=True)\n"
            "for each in all: each.join()\n"
            "print(sizes)"
        )
        self.begun(real, "many", code, source)  # which is said before any object has come
        s3.meeting.wait(20)
        assert self.until(real, "many", lambda seen: seen.finished).phase == "Completed"
        assert self.printed(real, "many")[-1] == str([100] * 8)
        assert self.got(s3) == [f"/bucket/p/o{n}" for n in range(6)], "each once"

    def test_two_jobs_bring_an_object_in_once(
        self, real: Backend, s3: S3Stub, linked: Callable[..., FolderInput]
    ) -> None:
        source = linked(a=b"x" * 100)
        s3.share = False
        s3.slow["GET"] = 1.0
        for job in ("one", "two"):
            self.begun(real, job, _STAY + "time.sleep(1); print(len(open('a').read()))", source)
        for job in ("one", "two"):
            self.until(real, job, lambda seen: seen.finished)
            assert self.printed(real, job)[-1] == "100"
        assert self.got(s3) == ["/bucket/p/a"]

    def test_a_job_that_waits_for_an_object_can_be_stopped(
        self, real: Backend, s3: S3Stub, linked: Callable[..., FolderInput]
    ) -> None:
        source = linked(a=b"x" * 100)
        s3.slow.update(GET=600.0, HEAD=600.0)
        self.begun(real, "waits", _STAY + "open('a')", source, grace=1)
        time.sleep(0.5)
        real.signal("waits", "stop")
        assert self.until(real, "waits", lambda seen: seen.finished).phase == "Stopped"

    def test_a_folder_whose_process_is_gone(
        self, real: Backend, data_dir: Path, linked: Callable[..., FolderInput]
    ) -> None:
        code = _STAY + "while True:\n    time.sleep(0.1); open('beside').read()"
        self.begun(real, "widow", code, linked(a=b"x"))
        agent = json.loads((self.agents(data_dir) / "work" / "widow" / "agent.json").read_text())["pid"]
        for pid in Path(f"/proc/{agent}/task/{agent}/children").read_text().split():
            if b"linked_folder" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGKILL)
        seen = self.until(real, "widow", lambda seen: seen.finished)
        assert seen.failure is not None
        assert "shows the file system" in seen.failure.reason

    def test_files_are_as_on_a_disk(self, real: Backend, root: Path, linked: Callable[..., FolderInput]) -> None:
        (root / "victim").write_text("v")
        (root / "victim").chmod(0o600)
        code = (
            _HERE + "import mmap, tempfile\n"
            "os.umask(0); open('wide', 'w').close(); print(oct(os.stat('wide').st_mode))\n"
            "os.utime('wide', ns=(1, 1700000000123456789)); print(os.stat('wide').st_mtime_ns)\n"
            "os.utime('wide'); print(abs(os.stat('wide').st_mtime - time.time()) < 100)\n"
            "f = open('m', 'w+b'); f.write(bytes(9000)); f.flush()\n"
            "m = mmap.mmap(f.fileno(), 0); m[8999] = 7; m.flush(); print(open('m', 'rb').read()[8999]); m.close()\n"
            "os.chmod('m', 0o444); os.ftruncate(f.fileno(), 5); print(os.stat('m').st_size)\n"
            "t = tempfile.TemporaryFile(dir='.'); t.write(b'abc'); t.flush(); time.sleep(1.2)\n"
            "print(os.fstat(t.fileno()).st_size); t.seek(0); print(t.read())\n"
            "os.mkfifo('fifo'); os.symlink('victim', 'l')\n"
            "try: os.chmod('/proc/self/fd/%d' % os.open('l', os.O_PATH | os.O_NOFOLLOW), 0o777)\n"
            "except OSError as e: print(e.strerror)\n"
            "a = open('log', 'a'); b = open('log', 'a')\n"
            "for n in range(3): a.write('a'); a.flush(); b.write('b'); b.flush()\n"
            "print(open('log').read())\n"
            "print(os.stat('a').st_mtime, os.stat('a').st_mtime == (open('a').read(), os.stat('a').st_mtime)[1])\n"
        )
        lines = self.shown(real, linked(a=b"x"), code, read_only=False)[-10:]
        assert lines[:3] == ["0o100666", "1700000000123456789", "True"], lines
        assert lines[3:7] == ["7", "5", "3", "b'abc'"], lines
        assert lines[7] == "Operation not supported", lines
        assert lines[8] == "ababab", lines
        assert lines[9] == "1767323045.0 True", lines
        assert (root / "victim").stat().st_mode & 0o777 == 0o600
        assert not [path for path in root.iterdir() if path.name.startswith(".")], "nothing is left behind"
