"""SageMaker's instance types: what they have, what they cost, and what of it this machine can give.

Sources: https://aws.amazon.com/ec2/instance-types/ and https://aws.amazon.com/sagemaker/pricing/ (us-east-1; prices
are approximate, and only for estimates shown to people).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sagewright.runtime.instance_table import ACCELERATED, FAMILIES, ODD_SIZES, SIZES
from sagewright.runtime.workload import Resources

_GIB = 2**30


class UnknownInstanceType(KeyError):
    """No SageMaker instance type of that name."""


@dataclass(frozen=True, slots=True)
class InstanceType:
    """name: ``ml.m5.large``. memory: bytes. usd_per_hour: on demand, us-east-1, approximate.

    accelerator: ``GPU``, or what takes its place (``Trainium`` ...); empty for none. accelerators: how many.
    """

    name: str
    vcpus: int
    memory: int
    accelerator: str
    accelerators: int
    usd_per_hour: float

    @property
    def resources(self) -> Resources:
        """As a workload asks for them."""
        return Resources(self.vcpus, self.memory, self.accelerators if self.accelerator == "GPU" else 0)


@cache
def lookup(name: str) -> InstanceType:
    """The type of that name. Raises UnknownInstanceType."""
    _, family, size = [*name.split("."), "", ""][:3] if name.startswith("ml.") else ("", "", "")
    if (family, size) in ACCELERATED:
        vcpus, gib, kind, count, price = ACCELERATED[family, size]
        return InstanceType(name, vcpus, int(gib * _GIB), kind, count, price)
    if family not in FAMILIES or size not in SIZES:
        raise UnknownInstanceType(name)
    gib_per_vcpu, price_per_vcpu = FAMILIES[family]
    vcpus, gib = ODD_SIZES.get((family, size), (SIZES[size], SIZES[size] * gib_per_vcpu))
    return InstanceType(name, vcpus, int(gib * _GIB), "", 0, round(vcpus * price_per_vcpu, 4))


def fit(name: str, count: int, machine: Resources) -> Resources:
    """What each of count instances gets, so that together they fit the machine. Raises UnknownInstanceType."""
    asked = lookup(name).resources
    return Resources(
        vcpus=min(asked.vcpus, machine.vcpus / count),
        memory=min(asked.memory, machine.memory // count),
        gpus=min(asked.gpus, machine.gpus // count),
    )


def describe_fit(name: str, count: int, given: Resources) -> str:
    """One line for a job's log: what was asked for, and what each instance really got."""
    asked = lookup(name)
    kind = asked.accelerator or "GPU"
    each = f"{count} x {name}" if count > 1 else name
    wanted = _words(asked.vcpus, asked.memory, asked.accelerators or None, kind)
    got = _words(given.vcpus, given.memory, given.gpus if asked.accelerators else None)
    text = f"{each} asked: {wanted}; this machine gives {got}{' each' if count > 1 else ''}"
    if asked.accelerators and not given.gpus:
        return f"{text}: running on the CPU"
    return text


def _words(vcpus: float, memory: int, accelerators: int | None = None, kind: str = "GPU") -> str:
    gib = memory / _GIB
    words = f"{vcpus:.3g} vCPU, {gib:.0f} GiB" if gib >= 10 else f"{vcpus:.3g} vCPU, {gib:.3g} GiB"
    if accelerators is None:
        return words
    return f"{words}, {accelerators or 'no'} {kind}{'s' if accelerators > 1 else ''}"
