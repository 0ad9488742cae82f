"""BackendSuite's part about Pipe mode: FIFOs, augmented manifests, readers that come and go."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.workload import Channel, S3Input, Workload
from sagewright.testing.backend_inputs import SHOW, Bench, python
from sagewright.testing.s3_stub import S3Stub

_READ = SHOW + (
    "import time\n"
    "def read(number, size=-1):\n"
    "    path = base + '/input/data/c_%d' % number\n"
    "    while not os.path.exists(path): time.sleep(0.01)\n"
    "    with open(path, 'rb', buffering=0) as pipe:\n"
    "        return pipe.readall() if size < 0 else pipe.read(size)\n"
)
MANIFEST = "s3://bucket/m"
TWO_LINES = b'{"a-ref": "s3://bucket/p/1", "b": 1, "c": "text"}\n\n{"b": {"x": [1, 2.5]}, "a-ref": "s3://bucket/p/2"}'


def record(body: bytes) -> bytes:
    """A RecordIO record."""
    return struct.pack("<II", 0xCED7230A, len(body)) + body + b"\0" * (-len(body) % 4)


class PipeTests(Bench):
    """Channels as FIFOs."""

    @pytest.fixture
    def pipes(self, real: Backend) -> Backend:
        """A backend that has them."""
        if "Pipe" not in real.capabilities.input_modes:
            pytest.skip("no Pipe mode")
        return real

    def run(self, backend: Backend, code: str, source: S3Input, **channel: Any) -> Workload:
        """Launch a batch that reads its channel ``c``."""
        channels = (Channel("c", source, input_mode="Pipe", **channel),)
        workload = Workload("pipe", "batch", python(_READ + code), channels=channels)
        backend.launch(workload)
        return workload

    def passes(self, backend: Backend, count: int, source: S3Input, **channel: Any) -> list[bytes]:
        """What so many passes over channel ``c`` give."""
        self.run(backend, f"for number in range({count}): print(read(number))", source, **channel)
        seen = self.until(backend, "pipe", lambda seen: seen.finished)
        assert seen.phase == "Completed", seen.failure
        found = [ast.literal_eval(line) for line in self.printed(backend, "pipe")[-count:]]
        backend.remove("pipe")
        return found

    def reason(self, backend: Backend, source: S3Input, **channel: Any) -> str:
        """Why a batch that reads the channel fails."""
        self.run(backend, "read(0)", source, **channel)
        seen = self.until(backend, "pipe", lambda seen: seen.finished)
        assert seen.failure is not None
        backend.remove("pipe")
        return seen.failure.reason

    @pytest.mark.parametrize("share", [True, False])
    @pytest.mark.parametrize("compression", ["None", "Gzip"])
    def test_pipes(self, pipes: Backend, s3: S3Stub, share: bool, compression: Any) -> None:
        s3.share = share
        for key in ("p/a", "p/b"):
            s3.put(key, gzip.compress(key.encode()) if compression == "Gzip" else key.encode())
        for wrapper, expected in (("None", b"p/ap/b"), ("RecordIO", record(b"p/a") + record(b"p/b"))):
            source = S3Input("s3://bucket/p/")
            found = self.passes(pipes, 3, source, record_wrapper=wrapper, compression=compression)
            assert found == [expected] * 3

    def test_pipes_of_a_manifest(self, pipes: Backend, s3: S3Stub) -> None:
        s3.put("m", b'[{"prefix": "s3://bucket/p/"}, "b", "a", "b"]')
        for key in ("p/a", "p/b"):
            s3.put(key, key.encode())
        assert self.passes(pipes, 1, S3Input(MANIFEST, "ManifestFile")) == [b"p/bp/ap/b"]
        del s3.objects["bucket"]["p/a"]
        assert self.reason(pipes, S3Input(MANIFEST, "ManifestFile")) == (
            "ClientError: Data download failed:NoSuchKey (404): The specified key does not exist. "
            "(channel c, manifest s3://bucket/m: s3://bucket/p/a)"
        )

    def test_pipes_whose_objects_are_gone(self, pipes: Backend, s3: S3Stub) -> None:
        s3.put("p/a", b"1")
        self.run(pipes, "print('ready'); time.sleep(0.5); read(0)", S3Input("s3://bucket/p/"))
        self.until(pipes, "pipe", lambda _: "ready" in self.printed(pipes, "pipe"))
        del s3.objects["bucket"]["p/a"]
        seen = self.until(pipes, "pipe", lambda seen: seen.finished)
        assert seen.failure is not None
        assert seen.failure.reason.startswith("ClientError: Data download failed:NoSuchKey (404)")

    def test_what_is_no_gzip(self, pipes: Backend, s3: S3Stub) -> None:
        s3.put("p/a", b"plain")
        assert "s3://bucket/p/a: not a valid gzip file" in self.reason(
            pipes, S3Input("s3://bucket/p/"), compression="Gzip"
        )

    @pytest.mark.parametrize("kind", ["S3Prefix", "ManifestFile", "AugmentedManifestFile"])
    def test_shuffled_anew_in_each_pass(self, pipes: Backend, s3: S3Stub, kind: Any) -> None:
        names = [f"{number:02d}" for number in range(20)]
        for name in names:
            s3.put(f"p/{name}", name.encode())
        s3.put("m", json.dumps([{"prefix": "s3://bucket/p/"}, *names]).encode())
        if kind == "AugmentedManifestFile":
            s3.put("m", b"".join(json.dumps({"name": name}).encode() + b"\n" for name in names))
        source = S3Input("s3://bucket/p/" if kind == "S3Prefix" else MANIFEST, kind, attributes=("name",), shuffle=7)
        first = self.passes(pipes, 3, source)
        assert len(set(first)) == 3
        assert "".join(names).encode() not in first
        for order in first:
            assert sorted(order[at : at + 2].decode() for at in range(0, 40, 2)) == names
        assert self.passes(pipes, 3, source) == first, "the seed is all that decides"

    def test_shuffled_over_instances(self, pipes: Backend, s3: S3Stub) -> None:
        for number in range(9):
            s3.put(f"p/{number}", b"%d" % number)
        shards = [
            self.passes(pipes, 2, S3Input("s3://bucket/p/", shard=shard, shards=2, shuffle=1)) for shard in (0, 1)
        ]
        for one, other in zip(*shards, strict=True):
            assert sorted(one + other) == list(b"012345678")
        assert set(shards[0][0]) != set(shards[0][1]), "what one has in a pass another has in the next"

    @pytest.mark.parametrize("share", [True, False])
    def test_augmented_manifests(self, pipes: Backend, s3: S3Stub, share: bool) -> None:
        s3.share = share
        s3.put("m", TWO_LINES)
        for key in ("p/1", "p/2"):
            s3.put(key, key.encode())
        source = S3Input(MANIFEST, "AugmentedManifestFile", attributes=("b", "a-ref"))
        assert self.passes(pipes, 2, source) == [b'1p/1{"x":[1,2.5]}p/2'] * 2
        wrapped = [record(part) for part in (b"1", b"p/1", b'{"x":[1,2.5]}', b"p/2")]
        assert self.passes(pipes, 1, source, record_wrapper="RecordIO") == [b"".join(wrapped)]
        second = S3Input(MANIFEST, "AugmentedManifestFile", attributes=("a-ref",), shard=1, shards=2)
        assert self.passes(pipes, 1, second) == [b"p/2"]

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            (b"{", "line 3: not valid JSON"),
            (b"\xff", "line 3: not valid JSON"),
            (b"[1]", "line 3: not a JSON object"),
            (b'{"a-ref": "s3://bucket/p/1"}', "line 3: the attribute 'b' is not there"),
            (b'{"b": 1, "A-ref": "s3://bucket/p/1"}', "line 3: the attribute 'a-ref' is not there"),
            (b'{"b": 1, "a-ref": "s3://bucket/"}', "line 3: the attribute 'a-ref' must be the S3 uri of an object"),
            (b'{"b": 1, "a-ref": 5}', "line 3: the attribute 'a-ref' must be the S3 uri of an object, and is 5"),
            (
                b'{"b": 1, "a-ref": "p/1"}',
                "line 3: the attribute 'a-ref' must be the S3 uri of an object, and is 'p/1'",
            ),
            (b'{"b": 1, "a-ref": "s3://bucket/p/9"}', "line 3: the attribute 'a-ref': s3://bucket/p/9"),
        ],
    )
    def test_broken_augmented_manifests(self, pipes: Backend, s3: S3Stub, line: bytes, told: str) -> None:
        s3.put("m", b'{"b": 1, "a-ref": "s3://bucket/p/1"}\n\n' + line)
        s3.put("p/1", b"1")
        reason = self.reason(pipes, S3Input(MANIFEST, "AugmentedManifestFile", attributes=("b", "a-ref")))
        assert reason.startswith("ClientError: Data download failed:")
        assert f"channel c, augmented manifest s3://bucket/m, {told}" in reason

    def test_an_augmented_manifest_that_is_not_there(self, pipes: Backend, s3: S3Stub) -> None:
        reason = self.reason(pipes, S3Input(MANIFEST, "AugmentedManifestFile", attributes=("b",)))
        assert reason.endswith("NoSuchKey (404): The specified key does not exist. "
                               "(channel c, augmented manifest s3://bucket/m)")  # fmt: skip

    # Readers

    def test_a_reader_leaves_early_and_comes_back(self, pipes: Backend, s3: S3Stub) -> None:
        s3.put("p/a", bytes(8 * 2**20))
        self.run(pipes, "print(len(read(0, 10)), len(read(1, 10)), len(read(2)))", S3Input("s3://bucket/p/"))
        assert self.until(pipes, "pipe", lambda seen: seen.finished).phase == "Completed"
        assert self.printed(pipes, "pipe")[-1] == f"10 10 {8 * 2**20}"

    def test_a_reader_dies(self, pipes: Backend, s3: S3Stub) -> None:
        s3.put("p/a", bytes(8 * 2**20))
        code = (
            "if os.fork() == 0: open(base + '/input/data/c_0', 'rb').read(10); os.kill(os.getpid(), 9)\n"
            "print(os.WTERMSIG(os.wait()[1]), len(read(1)))"
        )
        self.run(pipes, code, S3Input("s3://bucket/p/"))
        assert self.until(pipes, "pipe", lambda seen: seen.finished).phase == "Completed"
        assert self.printed(pipes, "pipe")[-1] == f"9 {8 * 2**20}"

    def test_nobody_reads(self, pipes: Backend, s3: S3Stub, data_dir: Path) -> None:
        s3.put("p/a", b"1")
        self.run(pipes, "print('no need')", S3Input("s3://bucket/p/"))
        assert self.until(pipes, "pipe", lambda seen: seen.finished).phase == "Completed"
        pipes.remove("pipe")
        assert not list((self.agents(data_dir) / "work").glob("*"))

    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_stopped_in_the_middle(self, pipes: Backend, s3: S3Stub, data_dir: Path, how: Any) -> None:
        s3.put("p/a", bytes(8 * 2**20))
        self.run(
            pipes, "pipe = open(base + '/input/data/c_0', 'rb'); pipe.read(10); print('in'); time.sleep(60)",
            S3Input("s3://bucket/p/"),
        )  # fmt: skip
        self.until(pipes, "pipe", lambda _: "in" in self.printed(pipes, "pipe"))
        pipes.signal("pipe", how)
        assert self.until(pipes, "pipe", lambda seen: seen.finished).phase == "Stopped"
        pipes.remove("pipe")
        assert not list((self.agents(data_dir) / "work").glob("*"))

    @pytest.mark.parametrize("share", [True, False])
    @pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
    def test_no_file_is_held(self, pipes: Backend, s3: S3Stub, data_dir: Path, share: bool, wrapper: str) -> None:
        s3.share = share
        path = s3.put("p/a", b"")
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.truncate(200 * 2**20)
        code = (
            "pipe = open(base + '/input/data/c_0', 'rb'); size = 0\n"
            "while piece := pipe.read(2**20): size += len(piece)\n"
        )
        self.run(pipes, code + "print(size); time.sleep(60)", S3Input("s3://bucket/p/"), record_wrapper=wrapper)
        size = 200 * 2**20 + (8 if wrapper == "RecordIO" else 0)
        self.until(pipes, "pipe", lambda _: str(size) in self.printed(pipes, "pipe"))
        pid = json.loads(next(self.agents(data_dir).glob("work/*/agent.json")).read_text())["pid"]
        peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 60 * 1024, peak
        pipes.signal("pipe", "kill")
        self.until(pipes, "pipe", lambda seen: seen.finished)

    def test_a_connection_that_breaks(self, pipes: Backend, s3: S3Stub) -> None:
        """What has gone into a FIFO cannot be taken back: the agent goes on where it was."""
        s3.share = False
        body = bytes(range(256)) * 10_000
        s3.put("p/a", body)
        s3.cuts += [1000, 1_000_000, 0]
        self.run(pipes, "import hashlib; print(hashlib.sha256(read(0)).hexdigest())", S3Input("s3://bucket/p/"))
        assert self.until(pipes, "pipe", lambda seen: seen.finished).phase == "Completed"
        assert self.printed(pipes, "pipe")[-1] == hashlib.sha256(body).hexdigest()
