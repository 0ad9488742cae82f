"""PUT and GET of 1 GiB with boto3 against moto_server, and the server's memory while 4 GiB stream through it."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import client, median, moto_server, rss_mb, server

_ROUNDS, _GIB, _LARGE = 3, 1, 4
_BUCKET = "bench"


def _file(folder: Path, gib: int) -> Path:
    path = folder / f"{gib}-gib"
    piece = os.urandom(1 << 24)
    with path.open("wb") as file:
        for number in range(gib * 64):
            file.write(number.to_bytes(8, "big"))
            file.write(piece[8:])
    return path


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _put_object(s3: Any, path: Path) -> None:
    with path.open("rb") as file:
        s3.put_object(Bucket=_BUCKET, Key="one-piece", Body=file)


def _round(s3: Any, path: Path) -> dict[str, float]:
    """Seconds of an upload and a download with boto3's default TransferConfig, and of a PUT in one piece."""
    target = path.with_suffix(".back")
    found = {
        "PUT of 1 GiB, multipart": _seconds(lambda: s3.upload_file(str(path), _BUCKET, "parts")),
        "PUT of 1 GiB in one piece": _seconds(lambda: _put_object(s3, path)),
        "GET of 1 GiB": _seconds(lambda: s3.download_file(_BUCKET, "parts", str(target))),
    }
    if target.stat().st_size != path.stat().st_size:
        raise RuntimeError("the object came back with another size")
    target.unlink()
    return found


class _Highest:
    """The most memory a process has while the block runs, MB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self.mb = rss_mb(pid)

    def __enter__(self) -> _Highest:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.mb = max(self.mb, rss_mb(self._pid))


def _growth(folder: Path) -> float:
    """MB that a server has more at most while it streams than after its first small object."""
    path = _file(folder, _LARGE)
    with server() as handle:
        s3 = client("s3", handle.url)
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_object(Bucket=_BUCKET, Key="small", Body=b"x")
        before = rss_mb(handle.process.pid)
        with _Highest(handle.process.pid) as highest:
            s3.upload_file(str(path), _BUCKET, "large")
            _drain(s3)
        path.unlink()
        return highest.mb - before


def _drain(s3: Any) -> None:
    for _ in s3.get_object(Bucket=_BUCKET, Key="large")["Body"].iter_chunks(1 << 20):
        pass


def run() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as name:
        folder = Path(name)
        path = _file(folder, _GIB)
        ours = []
        with server() as handle:
            s3 = client("s3", handle.url)
            s3.create_bucket(Bucket=_BUCKET)
            for _ in range(_ROUNDS):
                ours.append(_round(s3, path))
        with moto_server() as peer:
            s3 = client("s3", peer)
            s3.create_bucket(Bucket=_BUCKET)
            theirs = _round(s3, path)
        for what, seconds in theirs.items():
            own = median([found[what] for found in ours])
            yield f"{what}: sagewright {own:.2f} s, moto_server {seconds:.1f} s, ratio {seconds / own:.1f}"
        path.unlink()
        yield f"memory while {_LARGE} GiB go up and down: + {_growth(folder):.0f} MB (reach < 50)"
