"""BackendSuite's part about ends that come from outside: stops in each phase, time limits in each input mode."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.workload import Channel, S3Input, Upload, Workload
from sagewright.testing.backend_inputs import SHOW, Bench, python
from sagewright.testing.s3_stub import S3Stub

_WRITE = SHOW + "open(base + '/model/m', 'w').write('1')"


class LimitTests(Bench):
    """Stops and limits."""

    def workload(self, code: str, **changes: Any) -> Workload:
        """A batch with a channel and a model."""
        channels = (Channel("c", S3Input("s3://bucket/p/"), input_mode=changes.pop("input_mode", "File")),)
        return Workload(
            "w", "batch", python(code), channels=channels, uploads=(Upload("model", "s3://bucket/out"),), **changes
        )

    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_stopped_while_downloading(self, real: Backend, s3: S3Stub, how: Any) -> None:
        s3.put("p/a", b"1")
        s3.slow = {"HEAD": 600, "GET": 600}
        real.launch(self.workload(_WRITE))
        self.until(real, "w", lambda seen: seen.phase == "Downloading")
        time.sleep(0.1)
        real.signal("w", how)
        seen = self.until(real, "w", lambda seen: seen.finished)
        assert [step.name for step in seen.steps] == ["Starting", "Downloading", "Stopping", "Stopped"]
        assert "out/model.tar.gz" not in s3.objects["bucket"]

    def test_stopped_while_uploading(self, real: Backend, s3: S3Stub) -> None:
        """The command has done its work: what it wrote is stored whole."""
        s3.put("p/a", b"1")
        s3.slow = {"PUT": 0.5}
        real.launch(self.workload(_WRITE))
        self.until(real, "w", lambda seen: seen.phase == "Uploading")
        real.signal("w", "stop")
        assert self.until(real, "w", lambda seen: seen.finished).phase == "Completed"
        assert s3.members("out/model.tar.gz") == {"m": b"1"}

    def test_stopped_while_stopping(self, real: Backend, s3: S3Stub) -> None:
        s3.put("p/a", b"1")
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
        real.launch(self.workload(code, stop_grace=0.6))
        self.until(real, "w", lambda _: "deaf" in self.printed(real, "w"))
        for _ in range(3):
            real.signal("w", "stop")
            time.sleep(0.05)
        seen = self.until(real, "w", lambda seen: seen.finished)
        assert [step.name for step in seen.steps][2:] == ["Training", "Stopping", "Uploading", "Stopped"]

    @pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
    def test_max_runtime_in_each_mode(self, real: Backend, s3: S3Stub, mode: str) -> None:
        if mode not in real.capabilities.input_modes:
            pytest.skip(f"no {mode} mode")
        s3.put("p/a", bytes(4 * 2**20))
        place = "c_0" if mode == "Pipe" else "c/a"
        read = f"file = open(base + '/input/data/{place}', 'rb')\nwhile file.read(10): time.sleep(0.1)"
        real.launch(self.workload(f"{_WRITE}\nimport time\n{read}", max_runtime=0.5, input_mode=mode))
        seen = self.until(real, "w", lambda seen: seen.finished)
        assert seen.max_runtime_exceeded
        assert seen.phase == "Stopped"
        assert s3.members("out/model.tar.gz") == {"m": b"1"}
