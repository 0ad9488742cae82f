"""An instance that runs to its end: training, processing, transform."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.instance import Instance
from sagewright.runtime.agent.peers import Peers
from sagewright.runtime.agent.process import Process
from sagewright.runtime.agent.reason import exit_message, failure_path, of_command, out_of_memory
from sagewright.runtime.agent.setup import set_up
from sagewright.runtime.agent.signals import Interrupted
from sagewright.runtime.agent.upload import Continuous, Uploader

_MEMORY_LOOK = 0.25
"""Seconds between looks at the memory in use. RLIMIT_DATA would be sharper, but counts address space that numeric
libraries and CUDA only reserve."""


_TICK = 0.01
"""Seconds: files' times are those of the kernel's last tick."""


class Batch:
    """One run."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._workload = instance.workload
        self._journal = instance.journal
        self._uploader = Uploader(instance.s3, instance.base, instance.folder, instance.log.say)
        self._peers = Peers(instance.launch["peers"])

    def run(self) -> None:
        """To the final step. Raises Fault for what is to be it."""
        instance = self._instance
        instance.begin()
        try:
            instance.fetch()
            set_up(instance)
        except Interrupted:
            self._instance.signals.check()
            self._journal.step("Stopping")
            self._journal.step("Stopped")
            return
        self._journal.step("Training")
        process = instance.spawn()
        continuous = Continuous(self._uploader, self._uploads(continuous=True), instance.log.say)
        watch = _Watch(instance, process)
        code, cause = watch.run()
        process.kill()
        instance.drain()
        instance.release()
        if instance.container is not None:
            instance.container.reclaim()
        continuous.stop()
        self._finish(code, cause, watch)

    def _finish(self, code: int, cause: str, watch: _Watch) -> None:
        stopped = cause in ("stop", "kill", "max_runtime")
        failure = None if stopped or (code == 0 and not cause) else self._failure(code, cause, watch)
        detail: dict[str, Any] = {"exit_code": code}
        if failure is not None:
            detail["since"] = self._since(watch)
        # The server reads here that the other instances are to be stopped.
        self._journal.step("Uploading", **detail, failing=failure is not None)
        artifacts: list[dict[str, Any]] = []
        taken = stopped and self._instance.signals.interrupted
        together = cause != "kill" and (taken or self._peers.wait(self._instance.signals))
        lost = failure is not None or (together and self._peers.failed(watch.stopping))
        stopped = stopped or not together
        try:
            for upload in self._uploads(continuous=taken) if together else ():
                if upload["on_failure"] or not lost:
                    peers = () if upload["continuous"] else self._peers.bases()
                    artifacts += self._uploader.run(upload, peers)
        except Fault as fault:
            failure = failure or fault
        if self._workload["exit_message"]:
            try:
                detail["exit_message"] = exit_message(self._instance.base)
            except Fault as fault:
                failure = failure or fault
        if network := self._instance.launch["network"]:
            Peers(network["others"]).wait(self._instance.signals)  # it ends with this process
        if stopped and failure is None:
            self._instance.signals.check()
        if failure is not None:
            self._instance.fail(failure, **detail, artifacts=artifacts)
        else:
            self._journal.step("Stopped" if stopped else "Completed", **detail, artifacts=artifacts)

    def _since(self, watch: _Watch) -> float:
        """When the command failed: a process takes its time to end after it has said why it will."""
        with contextlib.suppress(OSError):
            written = os.lstat(failure_path(self._instance.base)).st_mtime
            return min(written + _TICK, watch.ended)  # else it may seem to come before what it came of
        return watch.ended

    def _uploads(self, continuous: bool = False) -> list[dict[str, Any]]:
        return [upload for upload in self._workload["uploads"] if upload["continuous"] or not continuous]

    def _failure(self, code: int, cause: str, watch: _Watch) -> Fault:
        if cause == "memory":
            return out_of_memory(watch.memory, watch.limit, code)
        if cause in ("", "input") and self._instance.broken is not None:
            return self._instance.broken
        if self._instance.container is not None and self._instance.container.out_of_memory:
            return out_of_memory(watch.limit, watch.limit, code)
        if fault := self._instance.not_started(code):
            return fault
        unsaid = "See job logs for more information" if self._workload["exit_message"] else ""
        return of_command(self._instance.base, code, unsaid)


class _Watch:
    """The time between the command's start and its end.

    memory: bytes in use when last looked at. stopping, ended: epoch seconds of when the command was told to end, and
    when it did; infinite until then.
    """

    def __init__(self, instance: Instance, process: Process) -> None:
        self._instance = instance
        self._journal = instance.journal
        self._signals = instance.signals
        self._process = process
        self._grace = instance.workload["stop_grace"]
        self.limit = instance.workload["resources"]["memory"]
        self.memory = 0
        runtime = instance.workload["max_runtime"]
        self._end = time.monotonic() + runtime if runtime else float("inf")
        self.stopping = self.ended = float("inf")
        self._kill_at = float("inf")
        self._asked = False
        self._cause = ""

    def run(self) -> tuple[int, str]:
        """Exit status, and why it ended where it did not end by itself: stop, kill, max_runtime, memory or input."""
        look_at = 0.0
        while (code := self._process.poll()) is None:
            now = time.monotonic()
            self._decide(now)
            if now >= look_at:
                look_at = now + _MEMORY_LOOK
                self._check_memory()
            pending = 0.005 if self._cause and not self._asked else _MEMORY_LOOK
            self._signals.wait(min(look_at - now, self._end - now, self._kill_at - now, pending))
        self.ended = time.time()
        if self._instance.broken is not None:
            self._cause = self._cause or "input"
        return code, self._cause

    def _decide(self, now: float) -> None:
        if not self._cause and (self._signals.stop or now >= self._end):
            self._cause = "stop" if self._signals.stop else "max_runtime"
            if self._cause == "max_runtime":
                self._journal.step("MaxRuntimeExceeded")
            self._end = float("inf")
            self.stopping = time.time()
            self._kill_at = now + self._grace
            self._journal.step("Stopping")
        if self._instance.broken is not None and not self._cause:
            self._cause = "input"
            self._process.kill()
        if self._signals.kill and self._cause != "memory":
            self._cause = "kill"
        if self._cause == "kill" or now >= self._kill_at:
            self._process.kill()
        elif self._cause in ("stop", "max_runtime") and not self._asked:
            self._asked = self._process.terminate()

    def _check_memory(self) -> None:
        self.memory = self._process.memory(self.limit)
        if self.limit and self.memory > self.limit:
            self._cause = "memory"
            self._process.kill()
