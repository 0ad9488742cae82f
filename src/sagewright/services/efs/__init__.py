"""Amazon Elastic File System: file systems that are folders of this machine, their mount targets and access points."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.efs.access_points import AccessPoints
from sagewright.services.efs.file_systems import FileSystems
from sagewright.services.efs.guard import efs_guard
from sagewright.services.efs.mount_targets import MountTargets
from sagewright.services.efs.shelf import Shelf
from sagewright.services.efs.tagging import Tagging
from sagewright.store import Store


def efs(store: Store, clock: Clock) -> Service:
    shelf = Shelf(store, clock)
    parts = (FileSystems(shelf), MountTargets(shelf), AccessPoints(shelf), Tagging(shelf))
    return Service("efs", *parts, guard=efs_guard())
