"""A backend without processes: what a workload does is scripted, and happens as a fake clock goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sagewright.core.clock import Clock
from sagewright.runtime.backend import Capabilities, Signal, UnknownWorkload
from sagewright.runtime.observation import FINAL, Failure, LogLine, Observation, Step, observed
from sagewright.runtime.workload import Resources, Workload


@dataclass(frozen=True, slots=True)
class Script:
    """What a workload does, in seconds from its launch on.

    downloading, running, uploading: how long each takes; a service is InService after downloading + starting.
    logs: (seconds since the command's start, text). failure: what a batch fails with after running, or a service in the
    place of InService. exit_code: of the command. heeds_stop: False waits for the grace to pass.
    crashes: seconds since InService at which a service ends and is launched anew.
    """

    downloading: float = 0
    running: float = 1
    uploading: float = 0
    starting: float = 0
    logs: tuple[tuple[float, str], ...] = ()
    failure: Failure | None = None
    exit_code: int = 0
    heeds_stop: bool = True
    crashes: tuple[float, ...] = ()


@dataclass
class Run:
    """A launched workload; stopped: when a stop came, in seconds since the epoch."""

    workload: Workload
    script: Script
    launched: float
    stopped: float | None = None
    killed: bool = False


class FakeBackend:
    """Backend over a clock. script: a workload's script, the default one where None.

    The runs live in ``runs``; a second FakeBackend given the first one's is that backend after a restart.
    """

    def __init__(
        self,
        clock: Clock,
        script: Callable[[Workload], Script] | None = None,
        *,
        capacity: Resources = Resources(4, 16 * 2**30),  # noqa: B008
        capabilities: Capabilities | None = None,
        runs: dict[str, Run] | None = None,
    ) -> None:
        self._clock = clock
        self._script = script or (lambda workload: Script())
        self._capacity = capacity
        self._capabilities = capabilities or Capabilities(
            sandbox=True,
            network_isolation=True,
            service_isolation=True,
            group_isolation=True,
            memory_limit=True,
            processes=False,
        )
        self.runs: dict[str, Run] = {} if runs is None else runs

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def capacity(self) -> Resources:
        return self._capacity

    def addresses(self, ids: Sequence[str], job: str = "", needs: Sequence[Resources] = ()) -> list[str]:
        return [_address(len(self.runs) + number) for number, _ in enumerate(ids, 1)]

    def launch(self, workload: Workload) -> None:
        if workload.id not in self.runs:
            if workload.kind == "service" and not workload.address:
                workload = replace(workload, address=_address(len(self.runs) + 1))
            self.runs[workload.id] = Run(workload, self._script(workload), self._clock.now())

    def observe(self, id: str) -> Observation:
        run = self._run(id)
        now = self._clock.now()
        steps = tuple(step for step in _steps(run) if step.at <= now)
        return observed(run.workload, steps, alive=not (steps and steps[-1].name in FINAL))

    def signal(self, id: str, signal: Signal) -> None:
        run = self._run(id)
        if self.observe(id).finished:
            return
        if run.stopped is None:
            run.stopped = self._clock.now()
        run.killed = run.killed or signal == "kill"

    def logs(self, id: str, offset: int = 0) -> tuple[list[LogLine], int]:
        run = self._run(id)
        end = min(self._clock.now(), _command_end(run))
        begin = run.launched + run.script.downloading
        lines = [LogLine(int(run.launched * 1000), text) for text in run.workload.log_header]
        lines += [LogLine(int((begin + at) * 1000), text) for at, text in run.script.logs if begin + at <= end]
        return lines[offset:], max(offset, len(lines))

    def recover(self) -> list[str]:
        return list(self.runs)

    def remove(self, id: str) -> None:
        self.runs.pop(id, None)

    def close(self) -> None:
        pass

    def _run(self, id: str) -> Run:
        if id not in self.runs:
            raise UnknownWorkload(id)
        return self.runs[id]


def _address(number: int) -> str:
    return f"127.9.{number >> 8}.{number & 255}"


def _stop_at(run: Run) -> float:
    """When a stop has its effect on the command."""
    if run.stopped is None:
        return float("inf")
    return run.stopped if run.killed or run.script.heeds_stop else run.stopped + run.workload.stop_grace


def _command_end(run: Run) -> float:
    begin = run.launched + run.script.downloading
    if run.workload.kind == "service":
        return _stop_at(run)
    limit = begin + run.workload.max_runtime if run.workload.max_runtime else float("inf")
    return max(min(begin + run.script.running, limit, _stop_at(run)), run.launched)


def _steps(run: Run) -> list[Step]:
    """The whole journal as it will be, if no further signal comes."""
    return _service(run) if run.workload.kind == "service" else _batch(run)


def _batch(run: Run) -> list[Step]:
    script = run.script
    begin = run.launched + script.downloading
    end = _command_end(run)
    steps = [Step(run.launched, "Starting"), Step(run.launched, "Downloading")]
    if run.stopped is not None and run.stopped < begin:
        return [*steps, Step(run.stopped, "Stopping"), Step(run.stopped, "Stopped")]
    steps.append(Step(begin, "Training"))
    stopped = run.stopped is not None and run.stopped <= end and end < begin + script.running
    overdue = not stopped and end < begin + script.running
    if overdue:
        steps.append(Step(end, "MaxRuntimeExceeded"))
    if stopped or overdue:
        steps.append(Step(run.stopped if stopped and run.stopped is not None else end, "Stopping"))
    code = {"exit_code": 143 if stopped or overdue else script.exit_code}
    steps.append(Step(end, "Uploading", detail=code))
    last = end + script.uploading
    if stopped or overdue:
        return [*steps, Step(last, "Stopped", detail=code)]
    failure = script.failure
    if failure is None and script.exit_code:
        failure = Failure("AlgorithmError", f", exit code: {script.exit_code}")
    if failure is not None:
        return [*steps, Step(last, "Failed", failure.text, {"kind": failure.kind, **code})]
    return [*steps, Step(last, "Completed", detail={**code, "artifacts": []})]


def _service(run: Run) -> list[Step]:
    script = run.script
    launching = run.launched + script.downloading
    ready = launching + script.starting
    steps = [Step(run.launched, "Starting"), Step(run.launched, "Downloading"), Step(launching, "Launching")]
    if script.failure is not None:
        steps.append(Step(ready, "Failed", script.failure.text, {"kind": script.failure.kind}))
    else:
        steps.append(Step(ready, "InService"))
        for crash in script.crashes:
            again = ready + crash + script.starting
            steps += [Step(ready + crash, "Unhealthy"), Step(ready + crash, "Launching"), Step(again, "InService")]
    end = _stop_at(run)
    if end < float("inf") and (script.failure is None or end < ready):
        kept = [step for step in steps if step.at <= (run.stopped or end)]
        return [*kept, Step(run.stopped or end, "Stopping"), Step(end, "Stopped")]
    return steps
