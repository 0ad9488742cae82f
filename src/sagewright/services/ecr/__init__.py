"""Amazon Elastic Container Registry: repositories, and AWS's own whose images run here."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.ecr.authorization import Authorization
from sagewright.services.ecr.guard import Guarded
from sagewright.services.ecr.images import Images
from sagewright.services.ecr.policies import Policies
from sagewright.services.ecr.registry import Registry
from sagewright.services.ecr.repositories import Repositories
from sagewright.services.ecr.runners import Runners
from sagewright.store import Store


def ecr(store: Store, clock: Clock) -> Service:
    registry = Registry(store, clock, Runners())
    parts = (Repositories(registry), Images(registry), Policies(registry), Authorization(store, clock))
    return Service("ecr", *parts, guard=Guarded(registry))
