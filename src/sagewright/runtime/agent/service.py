"""An instance that serves: its command is kept running, its health is asked for."""

from __future__ import annotations

import os
import threading
import time

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.http import Broken, Connection
from sagewright.runtime.agent.instance import Instance
from sagewright.runtime.agent.process import Process
from sagewright.runtime.agent.reason import failure_path, of_command
from sagewright.runtime.agent.setup import set_up
from sagewright.runtime.agent.signals import Interrupted

_PING_TIMEOUT = 2.0
"""Seconds SageMaker gives /ping (docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
_FIRST_PINGS = 0.02
"""Seconds between pings before the first healthy one, growing to _FIRST_PINGS_SLOWEST with the wait."""
_FIRST_PINGS_SLOWEST = 0.25
_PINGS = 5.0
_PINGS_UNHEALTHY = 0.5
_TOLERATED = 3
"""Failed pings in a row that make a serving instance Unhealthy: a server busy with a request may miss some."""
_HUNG = 30
"""Failed pings in a row after which the command is started anew."""
_CRASHES = 3
"""Ends of the command before its first healthy ping that make it Failed."""
_LONGEST_PAUSE = 10.0

_NOT_HEALTHY = "The container did not pass the ping health check. Please check the logs of this endpoint."


class Service:
    """One service, from launch to stop."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._journal = instance.journal
        self._signals = instance.signals
        self._address = instance.workload["address"]
        self._port: int = instance.workload["port"]
        self._memory = instance.workload["resources"]["memory"]
        self._was_healthy = False
        self._served = False
        self._crashes = 0
        self._healthy = False
        self._missed = 0

    def run(self) -> None:
        """To the final step. Raises Fault for what is to be it."""
        self._instance.begin()
        self._relay()
        try:
            self._instance.fetch()
            if self._instance.workload["setup"]:
                self._journal.step("Launching", attempt=1)
                set_up(self._instance)
        except Interrupted:
            self._signals.check()
            self._journal.step("Stopped")
            return
        pause = 0.1
        while not self._signals.any():
            begun = time.monotonic()
            process = self._spawn()
            code = self._look_after(process)
            if not self._signals.any():
                self._ended(code)
                pause = 0.1 if time.monotonic() - begun > 60 else min(pause * 2, _LONGEST_PAUSE)
                self._pause(pause)
        self._signals.check()
        self._journal.step("Stopped")

    def _relay(self) -> None:
        """Where the command has a network namespace of its own, carry its address's connections into it."""
        if self._instance.workload["network_isolation"]:
            from sagewright.runtime.agent.relay import outside

            relay = outside(self._address, self._port, os.path.join(self._instance.folder, "relay"))
            threading.Thread(target=relay.run, daemon=True).start()

    def _spawn(self) -> Process:
        self._journal.step("Launching", attempt=self._crashes + 1)
        host, port = self._instance.listens
        process = self._instance.spawn(SAGEMAKER_BIND_TO_HOST=host, SAGEMAKER_BIND_TO_PORT=str(port))
        self._healthy = self._served = False
        self._missed = 0
        return process

    def _look_after(self, process: Process) -> int:
        """Until the command has ended, by itself or because of a stop; its exit status. Raises Fault."""
        begun = next_ping = time.monotonic()
        while (code := process.poll()) is None and not self._signals.any():
            now = time.monotonic()
            if now >= next_ping:
                self._take(_ping(self._address, self._port))
                next_ping = time.monotonic() + self._interval(now - begun)
                self._check_memory(process)
            if self._missed >= _HUNG:
                self._instance.log.say(f"/ping failed {self._missed} times in a row; starting the command anew.")
                process.kill()
            if not self._served and now - begun > self._instance.workload["startup_timeout"]:
                process.kill()
                self._instance.drain()
                if not self._was_healthy:
                    raise Fault("ClientError", _NOT_HEALTHY)
            self._signals.wait(next_ping - time.monotonic())
        if code is None:
            code = self._stop(process)
        process.kill()
        self._instance.drain()
        return code

    def _interval(self, running: float) -> float:
        if self._healthy:
            return _PINGS if not self._missed else _PINGS_UNHEALTHY
        if self._served:
            return _PINGS_UNHEALTHY
        return min(max(_FIRST_PINGS, running / 50), _FIRST_PINGS_SLOWEST)

    def _take(self, problem: str) -> None:
        """Note a ping's outcome; no problem is an empty text."""
        if not problem:
            self._missed = 0
            if not self._healthy:
                self._healthy = self._served = self._was_healthy = True
                self._journal.step("InService", address=self._address)
            return
        if self._served:
            self._missed += 1
        if self._healthy and self._missed >= _TOLERATED:
            self._healthy = False
            self._journal.step("Unhealthy", f"/ping: {problem}")

    def _ended(self, code: int) -> None:
        """The command ended though nobody asked. Raises Fault when it never served and did so too often."""
        self._crashes += 1
        self._instance.log.say(f"The server ended with exit code {code}.")
        if not self._was_healthy and self._crashes >= _CRASHES:
            raise self._why(code)
        self._journal.step("Unhealthy", f"The server ended, exit code: {code}", exit_code=code)

    def _why(self, code: int) -> Fault:
        """What the server itself has said, if anything."""
        if os.path.exists(failure_path(self._instance.base)):
            return of_command(self._instance.base, code)
        if fault := self._instance.not_started(code):
            return fault
        return Fault("ClientError", f"{_NOT_HEALTHY} It ended {self._crashes} times, exit code: {code}")

    def _check_memory(self, process: Process) -> None:
        if self._memory and process.memory(self._memory) > self._memory:
            self._instance.log.say(f"Out of memory: more than {self._memory >> 20} MiB in use; killing the server.")
            process.kill()

    def _stop(self, process: Process) -> int:
        self._journal.step("Stopping")
        end = time.monotonic() + self._instance.workload["stop_grace"]
        asked = False
        while (code := process.poll()) is None:
            if self._signals.kill or time.monotonic() >= end:
                process.kill()
                continue
            asked = asked or process.terminate()
            self._signals.wait(min(end - time.monotonic(), 0.25 if asked else 0.005))
        return code

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._signals.any() and time.monotonic() < end:
            self._signals.wait(end - time.monotonic())


def _ping(address: str, port: int) -> str:
    """GET /ping; what is wrong, or nothing."""
    try:
        connection = Connection(address, port, _PING_TIMEOUT)
        try:
            answer = connection.request("GET", "/ping", [("Connection", "close")])
        finally:
            connection.close()
    except Broken as error:
        return str(error)
    return "" if answer.status == 200 else f"HTTP {answer.status}"
