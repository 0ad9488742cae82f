"""What BackendSuite's tests share, and its part about the input of workloads."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Channel, S3Input, Workload
from sagewright.testing.s3_stub import S3Stub

SHOW = "import os; base = os.environ['SAGEMAKER_BASE_DIR']\n"
_TREE = (
    SHOW
    + "for root, _, files in sorted(os.walk(base + '/input/data')):\n"
    + "    for f in sorted(files): print(os.path.relpath(root, base) + '/' + f, open(root + '/' + f).read())"
)


def python(code: str) -> tuple[str, ...]:
    """A command that runs this code."""
    return (sys.executable, "-c", code)


def tar(**members: bytes) -> bytes:
    """A tar.gz of these files; ``__`` in a name is a slash."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, body in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return raw.getvalue()


SERVER = """
import http.server, os, pathlib, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if body == b'crash': os._exit(7)
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body[::-1])
    def log_message(self, *a): pass
where = os.environ['SAGEMAKER_BIND_TO_HOST'], int(os.environ['SAGEMAKER_BIND_TO_PORT'])
http.server.HTTPServer(where, Handler).serve_forever()
"""
"""A service that reverses what it gets, and crashes when told to."""


class Bench:
    """Fixtures and helpers."""

    def new_backend(self, data_dir: Path) -> Backend:
        """A backend over data_dir, which may hold what an earlier one left."""
        raise NotImplementedError

    def agents(self, data_dir: Path) -> Path:
        """The folder with ``work`` and ``layers`` on the machine where workloads run."""
        return data_dir

    def tick(self) -> None:
        """Let a little time pass."""
        time.sleep(0.01)

    def lasting(self, id: str) -> Workload:
        """A batch that prints ``begun`` and goes on for a minute, unless it is told to stop."""
        return Workload(id, "batch", python("import time; print('begun'); time.sleep(60)"))

    def brief(self, id: str) -> Workload:
        """A batch that prints ``begun`` and ``done``, a moment apart."""
        return Workload(id, "batch", python("import time; print('begun'); time.sleep(0.3); print('done')"))

    def serving(self, id: str) -> Workload:
        """A service that gets healthy."""
        return Workload(id, "service", python(SERVER))

    @pytest.fixture
    def data_dir(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def s3(self, data_dir: Path) -> Iterator[S3Stub]:
        stub = S3Stub(data_dir)
        yield stub
        stub.stop()

    @pytest.fixture
    def backend(self, data_dir: Path) -> Iterator[Backend]:
        backend = self.new_backend(data_dir)
        yield backend
        for left in backend.recover():
            backend.remove(left)

    @pytest.fixture
    def real(self, backend: Backend, s3: S3Stub) -> Backend:
        """A backend that runs processes."""
        if not backend.capabilities.processes:
            pytest.skip("scripted")
        return backend

    def until(
        self, backend: Backend, id: str, wanted: Callable[[Observation], bool], timeout: float = 20
    ) -> Observation:
        """Observe until it is as wanted."""
        deadline = time.monotonic() + timeout
        while True:
            seen = backend.observe(id)
            if wanted(seen):
                return seen
            assert time.monotonic() < deadline, f"still {seen}"
            self.tick()

    def finish(self, backend: Backend, workload: Workload) -> Observation:
        """Launch and observe to the end."""
        backend.launch(workload)
        return self.until(backend, workload.id, lambda seen: seen.finished)

    def printed(self, backend: Backend, id: str) -> list[str]:
        """The whole log."""
        return [line.text for line in backend.logs(id)[0]]


class InputTests(Bench):
    """Channels and archives, from S3 into /opt/ml."""

    def fetch(self, backend: Backend, source: S3Input, **channel: Any) -> Observation:
        """A batch that prints what its channel ``c`` holds."""
        channels = (Channel("c", source, **channel),)
        return self.finish(backend, Workload("in", "batch", python(_TREE), channels=channels))

    @pytest.mark.parametrize("share", [True, False])
    @pytest.mark.parametrize("uri", ["s3://bucket/p", "s3://bucket/p/"])
    def test_prefix(self, real: Backend, s3: S3Stub, share: bool, uri: str) -> None:
        s3.share = share
        for key in ("p/", "p/a b+é", "p/d/1", "p/d/2", "p/z&<", "q/other"):
            s3.put(key, key.encode())
        assert self.fetch(real, S3Input(uri)).phase == "Completed"
        expected = ["a b+é p/a b+é", "z&< p/z&<", "d/1 p/d/1", "d/2 p/d/2"]
        assert [line for line in self.printed(real, "in") if "data/c" in line] == [
            f"input/data/c/{e}" for e in expected
        ]

    def test_a_prefix_that_is_part_of_a_name(self, real: Backend, s3: S3Stub) -> None:
        for key in ("d/part-0", "d/part-1", "d/other"):
            s3.put(key, b"x")
        self.fetch(real, S3Input("s3://bucket/d/part-", shard=1, shards=2))
        assert self.printed(real, "in")[-1] == "input/data/c/part-1 x"

    def test_stored_objects_cannot_be_changed(self, real: Backend, s3: S3Stub) -> None:
        stored = [s3.put("p/a", b"as it was"), s3.put("w/a", b"as it was")]
        code = SHOW + (
            "for name in ('r', 'w'):\n"
            "    path = base + '/input/data/' + name + '/a'\n"
            "    try: os.chmod(path, 0o777); open(path, 'w').write('changed'); print(name)\n"
            "    except OSError: pass"
        )
        channels = (
            Channel("r", S3Input("s3://bucket/p")),
            Channel("w", S3Input("s3://bucket/w"), read_only=False),
        )
        assert self.finish(real, Workload("in", "batch", python(code), channels=channels)).phase == "Completed"
        assert self.printed(real, "in")[-1] == "w"
        assert [path.read_bytes() for path in stored] == [b"as it was"] * 2

    def test_missing_prefix(self, real: Backend) -> None:
        for bucket in ("bucket", "nowhere"):
            seen = self.fetch(real, S3Input(f"s3://{bucket}/none", role="arn:aws:iam::1:role/r"))
            assert seen.failure is not None
            assert seen.failure.reason == (
                f'ClientError: Data download failed:No S3 objects found under S3 URL "s3://{bucket}/none" given in '
                "input data source. Please ensure that the bucket exists in the selected region (us-east-1), that "
                'objects exist under that S3 prefix, and that the role "arn:aws:iam::1:role/r" has "s3:ListBucket" '
                f'permissions on bucket "{bucket}".'
            )
            real.remove("in")
        assert self.fetch(real, S3Input("s3://bucket/none"), optional=True).phase == "Completed"

    @pytest.mark.parametrize("keys", [["p/../x"], ["p/a", "p/a/b"], ["p//x"], ["p/./x"]])
    def test_keys_that_are_no_files(self, real: Backend, s3: S3Stub, keys: list[str]) -> None:
        for key in keys:
            s3.put(key, b"x")
        seen = self.fetch(real, S3Input("s3://bucket/p/"))
        assert seen.failure is not None
        assert seen.failure.kind == "ClientError"
        assert f"s3://bucket/{keys[0]}" in seen.failure.text

    def test_manifest(self, real: Backend, s3: S3Stub) -> None:
        s3.put("m", json.dumps([{"prefix": "s3://bucket/p/"}, "a", "d/b"]).encode())
        s3.put("p/a", b"1")
        s3.put("p/d/b", b"2")
        self.fetch(real, S3Input("s3://bucket/m", "ManifestFile"))
        assert self.printed(real, "in")[-2:] == ["input/data/c/a 1", "input/data/c/d/b 2"]

    @pytest.mark.parametrize(
        "text", ["{", "{}", '["a"]', "[]", '[{"prefix": "s3://bucket/p/"}, 1]', '[{"prefix": "s3://b"}, "a"]']
    )
    def test_bad_manifests(self, real: Backend, s3: S3Stub, text: str) -> None:
        s3.put("m", text.encode())
        seen = self.fetch(real, S3Input("s3://bucket/m", "ManifestFile"))
        assert seen.failure is not None
        assert seen.failure.reason.startswith("ClientError: Data download failed:Manifest file s3://bucket/m ")

    def test_manifest_that_names_missing_objects(self, real: Backend, s3: S3Stub) -> None:
        s3.put("m", b'[{"prefix": "s3://bucket/p/"}, "there", "missing"]')
        s3.put("p/there", b"1")
        seen = self.fetch(real, S3Input("s3://bucket/m", "ManifestFile"))
        assert seen.failure is not None
        assert seen.failure.reason == (
            "ClientError: Data download failed:NoSuchKey (404): The specified key does not exist. "
            "(channel c, manifest s3://bucket/m: s3://bucket/p/missing)"
        )

    def test_shards_of_what_is_shuffled(self, real: Backend, s3: S3Stub) -> None:
        for number in range(7):
            s3.put(f"p/{number}", b"x")
        shards = []
        for shard in (0, 1, 2):
            self.fetch(real, S3Input("s3://bucket/p/", shard=shard, shards=3, shuffle=5))
            shards.append({line[-3] for line in self.printed(real, "in") if "data/c" in line})
            real.remove("in")
        assert sorted(len(shard) for shard in shards) == [2, 2, 3]
        assert set().union(*shards) == set("0123456")
        assert shards[0] != {"0", "3", "6"}, "the same seed gives the same order each time"

    def test_a_shard_without_data(self, real: Backend, s3: S3Stub) -> None:
        s3.put("p/a", b"x")
        assert self.fetch(real, S3Input("s3://bucket/p/", shard=1, shards=2)).phase == "Completed"
        assert "channel c has no data on this instance" in self.printed(real, "in")[-1]

    @pytest.mark.parametrize("share", [True, False])
    def test_fast_files(self, real: Backend, s3: S3Stub, share: bool) -> None:
        s3.share = share
        stored = s3.put("p/d/a", b"text")
        assert self.fetch(real, S3Input("s3://bucket/p/"), input_mode="FastFile").phase == "Completed"
        assert self.printed(real, "in")[-1] == "input/data/c/d/a text"
        linked = stored.stat().st_nlink == 2
        told = any("1 of 1 files could not be linked" in line for line in self.printed(real, "in"))
        assert linked != told, "what is not lazy is said"
        assert linked == (share and real.capabilities.sandbox)

    @pytest.mark.parametrize("share", [True, False])
    def test_gzip(self, real: Backend, s3: S3Stub, share: bool) -> None:
        s3.share = share
        s3.put("p/a", gzip.compress(b"text"))
        self.fetch(real, S3Input("s3://bucket/p/"), compression="Gzip")
        assert self.printed(real, "in")[-1] == "input/data/c/a text"
        real.remove("in")
        s3.put("p/b", b"no gzip")
        seen = self.fetch(real, S3Input("s3://bucket/p/"), compression="Gzip")
        assert seen.failure is not None
        assert seen.failure.kind == "ClientError"

    @pytest.mark.parametrize("share", [True, False])
    def test_archives(self, real: Backend, s3: S3Stub, share: bool) -> None:
        s3.share = share
        s3.put("t.tar.gz", tar(a=b"1", d__b=b"2"))
        self.fetch(real, S3Input("s3://bucket/t.tar.gz", "S3Object"), compression="Tar")
        assert self.printed(real, "in")[-2:] == ["input/data/c/a 1", "input/data/c/d/b 2"]

    @pytest.mark.parametrize("name", ["..__up", "__root", "link", "broken"])
    def test_archives_that_lead_outside(self, real: Backend, s3: S3Stub, name: str) -> None:
        body = tar(**{name: b"x"})
        if name == "broken":
            body = body[:-20]
        if name == "link":
            raw = io.BytesIO()
            with tarfile.open(fileobj=raw, mode="w:gz") as archive:
                entry = tarfile.TarInfo("link")
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(entry)
            body = raw.getvalue()
        s3.put("t.tar.gz", body)
        workload = Workload("in", "batch", python("pass"), model_data="s3://bucket/t.tar.gz")
        seen = self.finish(real, workload)
        assert seen.failure is not None
        assert seen.failure.kind == "ClientError"
        assert "s3://bucket/t.tar.gz" in seen.failure.text
