import pytest

from sagewright.core.clock import FakeClock
from sagewright.runtime.backend import Unsupported
from sagewright.runtime.capacity import MachineAdmission
from sagewright.runtime.fake import FakeBackend
from sagewright.runtime.workload import Resources, Workload

GIB = 2**30
MACHINE = Resources(4, 16 * GIB)
HALF = Resources(2, 8 * GIB)


def test_jobs_share_the_machine_until_it_is_full() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("a", [HALF])
    assert admission.try_admit("b", [HALF])
    assert not admission.try_admit("c", [HALF])
    admission.release("a")
    assert admission.try_admit("c", [HALF])
    assert admission.used() == MACHINE


def test_asking_again_takes_nothing_more() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("a", [HALF])
    assert admission.try_admit("a", [HALF])
    assert admission.used() == HALF


def test_all_instances_or_none() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("a", [HALF])
    assert not admission.try_admit("two", [HALF, HALF])
    assert admission.used() == HALF


def test_nobody_overtakes() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("a", [HALF])
    assert not admission.try_admit("large", [MACHINE])
    assert not admission.try_admit("small", [HALF])
    admission.release("a")
    assert not admission.try_admit("small", [HALF])
    assert admission.try_admit("large", [MACHINE])


def test_a_waiting_job_that_is_gone_lets_the_next_one_through() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("a", [HALF])
    assert not admission.try_admit("large", [MACHINE])
    admission.release("large")
    assert admission.try_admit("small", [HALF])


def test_more_than_there_is_runs_alone() -> None:
    admission = MachineAdmission(MACHINE)
    assert admission.try_admit("huge", [MACHINE, MACHINE])
    assert not admission.try_admit("a", [HALF])


def test_instance_types_are_capped_and_explained() -> None:
    granted = MachineAdmission(MACHINE).admit("a", [("ml.m5.4xlarge", 2)])
    assert granted is not None
    (grant,) = granted
    assert grant.resources == Resources(2, 8 * GIB)
    assert "this machine gives 2 vCPU, 8 GiB each" in grant.notes[0]


def test_strict_hardware_refuses() -> None:
    admission = MachineAdmission(MACHINE, strict=True)
    with pytest.raises(Unsupported, match="strict_hardware"):
        admission.admit("a", [("ml.p3.2xlarge", 1)])
    assert admission.admit("b", [("ml.m5.large", 1)]) is not None


def test_reservations_are_rebuilt_from_what_runs() -> None:
    clock = FakeClock()
    backend = FakeBackend(clock)
    for name in ("j-1", "j-2"):
        backend.launch(Workload(name, "batch", ("x",), resources=Resources(1, GIB), job="j"))
    backend.launch(Workload("s", "service", ("x",), resources=HALF))
    admission = MachineAdmission(MACHINE)
    admission.rebuild(backend)
    assert admission.used() == Resources(2, 2 * GIB)
    admission.release("j")
    assert admission.used() == Resources(0, 0)


def test_too_many_instances() -> None:
    machine = Resources(2, 4 * 2**30)
    assert MachineAdmission(machine).admit("job", [("ml.m5.large", 20)]) is not None
    with pytest.raises(Unsupported, match=r"too small for 64 instances\. 64 x ml.m5.large asked"):
        MachineAdmission(machine).admit("job", [("ml.m5.large", 64)])
