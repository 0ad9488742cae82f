import pytest

from sagewright.core.clock import FakeClock
from sagewright.runtime.backend import UnknownWorkload
from sagewright.runtime.fake import FakeBackend, Script
from sagewright.runtime.observation import Failure
from sagewright.runtime.workload import Workload

BATCH = Workload("a", "batch", ("x",), stop_grace=10, log_header=("head",))
SERVICE = Workload("s", "service", ("x",))


def run(script: Script, clock: FakeClock, workload: Workload = BATCH) -> FakeBackend:
    backend = FakeBackend(clock, lambda _: script)
    backend.launch(workload)
    return backend


def names(backend: FakeBackend, id: str = "a") -> list[str]:
    return [step.name for step in backend.observe(id).steps]


def test_time_moves_a_batch_through_its_phases() -> None:
    clock = FakeClock()
    backend = run(Script(downloading=1, running=2, uploading=1), clock)
    seen = []
    for _ in range(5):
        seen.append(backend.observe("a").phase)
        clock.advance(1)
    assert seen == ["Downloading", "Training", "Training", "Uploading", "Completed"]


def test_failures() -> None:
    clock = FakeClock()
    backend = run(Script(failure=Failure("ClientError", "bad"), exit_code=2), clock)
    clock.advance(1)
    seen = backend.observe("a")
    assert (seen.phase, seen.exit_code, seen.alive) == ("Failed", 2, False)
    assert seen.failure == Failure("ClientError", "bad")
    backend = run(Script(exit_code=3), clock)
    clock.advance(1)
    assert backend.observe("a").failure == Failure("AlgorithmError", ", exit code: 3")


def test_stopping() -> None:
    clock = FakeClock()
    backend = run(Script(running=100), clock)
    clock.advance(5)
    backend.signal("a", "stop")
    assert names(backend)[-3:] == ["Stopping", "Uploading", "Stopped"]
    backend = run(Script(running=100, heeds_stop=False), clock)
    clock.advance(5)
    backend.signal("a", "stop")
    assert backend.observe("a").phase == "Stopping"
    clock.advance(10)
    assert backend.observe("a").phase == "Stopped"


def test_kill_ends_the_deaf() -> None:
    clock = FakeClock()
    backend = run(Script(running=100, heeds_stop=False), clock)
    backend.signal("a", "kill")
    assert backend.observe("a").phase == "Stopped"


def test_max_runtime() -> None:
    clock = FakeClock()
    backend = FakeBackend(clock, lambda _: Script(running=100))
    backend.launch(Workload("a", "batch", ("x",), max_runtime=5))
    clock.advance(5)
    assert names(backend)[-4:] == ["MaxRuntimeExceeded", "Stopping", "Uploading", "Stopped"]


def test_logs_come_with_time_and_go_on_from_an_offset() -> None:
    clock = FakeClock()
    backend = run(Script(running=5, logs=((1, "one"), (2, "two"), (9, "never"))), clock)
    clock.advance(1)
    lines, offset = backend.logs("a")
    assert [line.text for line in lines] == ["head", "one"]
    clock.advance(20)
    assert [line.text for line in backend.logs("a", offset)[0]] == ["two"]


def test_services_start_crash_and_stop() -> None:
    clock = FakeClock()
    backend = run(Script(starting=2, crashes=(5,)), clock, SERVICE)
    assert backend.observe("s").phase == "Launching"
    clock.advance(2)
    assert backend.observe("s").phase == "InService"
    assert backend.observe("s").address.startswith("127.")
    clock.advance(5)
    assert names(backend, "s")[-2:] == ["Unhealthy", "Launching"]
    clock.advance(2)
    backend.signal("s", "stop")
    assert backend.observe("s").phase == "Stopped"


def test_launch_twice_restart_and_remove() -> None:
    clock = FakeClock()
    backend = run(Script(), clock)
    clock.advance(1)
    backend.launch(BATCH)
    after = FakeBackend(clock, runs=backend.runs)
    assert after.recover() == ["a"]
    assert after.observe("a").phase == "Completed"
    after.remove("a")
    with pytest.raises(UnknownWorkload):
        after.observe("a")
