"""The instances that a job asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

HOMOGENEOUS = "homogeneousCluster"
"""What SageMaker calls the only group of a job that names none."""


@dataclass(frozen=True, slots=True)
class Group:
    """count: of instances. instance_type: of each of them."""

    name: str
    instance_type: str
    count: int


@dataclass(frozen=True)
class Cluster:
    """groups: at least one; the instances are numbered through all of them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/train-heterogeneous-cluster.html
    """

    groups: tuple[Group, ...]

    @classmethod
    def of_one(cls, instance_type: str, count: int) -> Cluster:
        return cls((Group(HOMOGENEOUS, instance_type, count),))

    @cached_property
    def members(self) -> dict[str, Group]:
        """The group of each host. The hosts are in resourceconfig.json's order, the alphabet's: algo-1, algo-10 ..."""
        groups = [group for group in self.groups for _ in range(group.count)]
        return dict(sorted((f"algo-{number}", group) for number, group in enumerate(groups, 1)))

    @property
    def hosts(self) -> list[str]:
        return list(self.members)

    def within(self, names: list[str]) -> list[str]:
        """The hosts of the groups of these names; all where there are none."""
        return [host for host, group in self.members.items() if not names or group.name in names]
