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

    def lazily(self, lines: list[str]) -> None:
        """Skips where the backend has no FUSE, which is what its log says."""
        if not any("when first read" in line for line in lines):
            pytest.skip("no FUSE")

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

    def test_linked_objects_come_in_when_they_are_read(self, real: Backend, s3: S3Stub, root: Path) -> None:
        for name in ("1", "2", "d/3", "d/4"):
            s3.put(f"p/{name}", name.encode() * 1000)
        source = self.source(root, "", Link("l", "s3://bucket/p"))
        look = "for root, _, files in sorted(os.walk(base + '/input/data/c/l')):\n"
        look += "    for f in sorted(files): print(f, os.stat(root + '/' + f).st_size)\n"
        read = "print(open(base + '/input/data/c/l/d/3').read(6))"
        lines = self.shown(real, source, SHOW + look + read)
        self.lazily(lines)
        assert lines[-5:] == ["1 1000", "2 1000", "3 3000", "4 3000", "d/3d/3"]
        assert [path.name for path in root.rglob("l/**/*") if path.is_file()] == ["3"], "looking brings nothing in"
        s3.requests.clear()
        assert self.shown(real, source, SHOW + look + read)[-1] == "d/3d/3"
        assert len(s3.requests) == sum("list-type=2" in request for request in s3.requests), "it is there by now"

    def test_what_a_job_does_to_objects_to_come(self, real: Backend, s3: S3Stub, root: Path) -> None:
        for name in ("gone", "moved", "d/along", "appended", "emptied", "replaced", "cut", "mode"):
            s3.put(f"p/{name}", b"object")
        code = (
            SHOW + "os.chdir(base + '/input/data/c')\n"
            "os.unlink('gone'); os.rename('moved', 'here'); os.rename('d', 'e')\n"
            "open('appended', 'a').write(' and more'); open('emptied', 'w').write('new')\n"
            "open('mine', 'w').write('mine'); os.rename('mine', 'replaced')\n"
            "os.truncate('cut', 3); os.chmod('mode', 0o600)\n"
            "os.mkdir('f'); os.symlink('../cut', 'f/link'); os.link('cut', 'f/cut')\n"
            "print(sorted(os.listdir('.')), open('f/link').read())"
        )
        lines = self.shown(real, self.source(root, "", Link("", "s3://bucket/p")), code, read_only=False)
        self.lazily(lines)
        names = ["appended", "beside", "cut", "e", "emptied", "f", "here", "in", "mode", "replaced"]
        assert lines[-1] == f"{names} obj"
        assert sorted(path.name for path in root.iterdir()) == names
        texts = {"here": "object", "e/along": "object", "appended": "object and more", "emptied": "new", "cut": "obj"}
        for name, text in {**texts, "replaced": "mine", "f/cut": "obj", "mode": "object"}.items():
            assert (root / name).read_text() == text
        assert (root / "mode").stat().st_mode & 0o777 == 0o600

    def test_an_object_that_is_gone_when_it_is_read(self, real: Backend, s3: S3Stub, root: Path) -> None:
        s3.put("p/there", b"x")
        stored = s3.put("p/goes", b"x")
        source = self.source(root, "", Link("", "s3://bucket/p"))
        code = SHOW + "import time\nprint('begins'); sys.stdout.flush()\n"
        code += "while not os.path.exists(base + '/input/data/c/go'): time.sleep(0.01)\n"
        code += "try: open(base + '/input/data/c/goes')\nexcept OSError as error: print(error.strerror)\n"
        code = "import sys\n" + code + "print(open(base + '/input/data/c/there').read())"
        work = Workload("goes", "batch", python(code), channels=(Channel("c", source),))
        real.launch(work)
        self.until(real, "goes", lambda seen: "begins" in self.printed(real, "goes") or seen.finished)
        self.lazily(self.printed(real, "goes"))
        del s3.objects["bucket"]["p/goes"]
        stored.unlink(missing_ok=True)
        (root / "go").touch()
        assert self.until(real, "goes", lambda seen: seen.finished).phase == "Completed"
        lines = self.printed(real, "goes")
        assert [line for line in lines if line in ("Input/output error", "x")] == ["Input/output error", "x"]
        assert any("Data download failed:" in line and "s3://bucket/p/goes" in line for line in lines)

    @pytest.mark.parametrize("how", ["stop", "remove", "agent"])
    def test_nothing_stays_mounted(self, real: Backend, s3: S3Stub, root: Path, data_dir: Path, how: str) -> None:
        s3.put("p/a", b"x")
        source = self.source(root, "", Link("", "s3://bucket/p"))
        code = python("import time; print('begins', flush=True); time.sleep(60)")
        real.launch(Workload("stays", "batch", code, channels=(Channel("c", source),), stop_grace=1))
        self.until(real, "stays", lambda seen: "begins" in self.printed(real, "stays") or seen.finished)
        self.lazily(self.printed(real, "stays"))
        mounts = str(self.agents(data_dir) / "mounts")
        assert mounts in Path("/proc/self/mounts").read_text()
        if how == "stop":
            real.signal("stays", "stop")
        elif how == "agent":
            pid = json.loads((self.agents(data_dir) / "work" / "stays" / "agent.json").read_text())["pid"]
            os.kill(pid, signal.SIGKILL)
        if how != "remove":
            self.until(real, "stays", lambda seen: seen.finished)
        real.remove("stays")
        deadline = time.monotonic() + 10
        while mounts in Path("/proc/self/mounts").read_text() or os.listdir(mounts):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert (root / "in" / "deep" / "a").read_text() == "A", "the folder is as it was"

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
