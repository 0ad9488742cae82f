"""Training jobs of one algorithm as processes: from files, or from a pipe that never holds them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, NamedTuple

_TYPE = "application/x-recordio-protobuf"


class Run(NamedTuple):
    """megabytes: the process's peak of resident memory, as the kernel has it. log: all that was written."""

    seconds: float
    megabytes: float
    log: str


def measured(command: list[str], log: Path, **environment: str) -> Run:
    """Raises RuntimeError where the command fails."""
    start = time.perf_counter()
    with log.open("w") as stream:
        process = Popen(command, env={**os.environ, **environment}, stdin=DEVNULL, stdout=stream, stderr=stream)
        # The peak that wait4 tells would be that of the process this one was forked from.
        with _Peak(process.pid) as peak:
            process.wait()
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(log.read_text()[-2000:])
    return Run(seconds, peak.megabytes, log.read_text())


class _Peak(threading.Thread):
    """Follows a process's high-water mark of resident memory."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.megabytes = 0.0
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()

    def __enter__(self) -> _Peak:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            with suppress(OSError):
                for line in self._status.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.megabytes = max(self.megabytes, int(line.split()[1]) / 1024)


class Trainings:
    """base: an empty folder that becomes the job's /opt/ml. content_type: of all channels."""

    def __init__(self, package: str, base: Path, content_type: str = _TYPE) -> None:
        self.base = base
        self._content_type = content_type
        self._package = package
        (base / "input" / "config").mkdir(parents=True)

    def put(self, channel: str, content: bytes) -> None:
        folder = self.base / "input" / "data" / channel
        folder.mkdir(parents=True)
        (folder / "data.pbr").write_bytes(content)

    def run(self, hyperparameters: Mapping[str, Any], *channels: str, mode: str = "File") -> Run:
        config = self.base / "input" / "config"
        given = {name: str(value) for name, value in hyperparameters.items()}
        channel = {"ContentType": self._content_type, "TrainingInputMode": mode}
        (config / "hyperparameters.json").write_text(json.dumps(given))
        (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(channels, channel)))
        command = [sys.executable, "-m", "sagewright_algorithms", self._package, "train"]
        return measured(command, self.base / "log", SAGEMAKER_BASE_DIR=str(self.base))

    def piped(self, hyperparameters: Mapping[str, Any], content: bytes, gigabytes: float) -> Run:
        """content: records, which come again and again through the FIFO of the train channel."""
        with _feeding(self.base / "input" / "data" / "train_0", content, gigabytes):
            return self.run(hyperparameters, "train", mode="Pipe")


@contextmanager
def _feeding(path: Path, content: bytes, gigabytes: float) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)

    def feed() -> None:
        with path.open("wb", buffering=0) as pipe:
            for _ in range(max(1, round(gigabytes * 1e9 / len(content)))):
                view = memoryview(content)
                while view:
                    view = view[pipe.write(view) :]

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        path.unlink()
