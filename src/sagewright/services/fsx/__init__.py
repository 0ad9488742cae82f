"""Amazon FSx: Lustre file systems that are folders of this machine, and their links to S3."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.fsx.associations import Associations
from sagewright.services.fsx.file_systems import FileSystems
from sagewright.services.fsx.guard import fsx_guard
from sagewright.services.fsx.shelf import Shelf
from sagewright.services.fsx.tagging import Tagging
from sagewright.store import Store


def fsx(store: Store, clock: Clock) -> Service:
    shelf = Shelf(store, clock)
    return Service("fsx", FileSystems(shelf), Associations(shelf), Tagging(shelf), guard=fsx_guard(shelf))
