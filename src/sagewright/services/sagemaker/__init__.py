"""Amazon SageMaker: jobs of training, processing and tuning, algorithms, search, models, endpoints, tags.

    parts = sagemaker(store, clock, holder, clients, backend, admission, routes.outstanding, kick)
    yield parts.service
    reconciler = Reconciler(parts.controllers, clock)
    # start: parts.sweep(); admission.rebuild(backend); await reconciler.start()
    # stop:  await reconciler.stop(); parts.halt()

``kick`` is ``reconciler.kick``; as the reconciler is made after the controllers, hand in a function that calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Service
from sagewright.kit.resource import Resource
from sagewright.kit.tags import Tags
from sagewright.runtime.backend import Backend, UnknownWorkload
from sagewright.runtime.capacity import Admission
from sagewright.runtime.reconcile import Controller
from sagewright.services.sagemaker.algorithms.algorithms import Algorithms
from sagewright.services.sagemaker.algorithms.controller import AlgorithmController
from sagewright.services.sagemaker.guard import sagemaker_guard
from sagewright.services.sagemaker.hosting import endpoint_configs, models
from sagewright.services.sagemaker.hosting.controller import HostingController
from sagewright.services.sagemaker.hosting.endpoints import Endpoints
from sagewright.services.sagemaker.hosting.nouns import ENDPOINT_CONFIG, MODEL
from sagewright.services.sagemaker.images import Images, built_in_metrics
from sagewright.services.sagemaker.jobs.controller import JobController
from sagewright.services.sagemaker.jobs.spot import Spot
from sagewright.services.sagemaker.jobs.warm_pools import WarmPools
from sagewright.services.sagemaker.processing.jobs import PROCESSING, ProcessingJobs
from sagewright.services.sagemaker.search.search import Search
from sagewright.services.sagemaker.search.searchable import SEARCHABLE
from sagewright.services.sagemaker.tags import ResourceTags
from sagewright.services.sagemaker.training.jobs import TrainingJobs
from sagewright.services.sagemaker.training.kind import TRAINING
from sagewright.services.sagemaker.training.request import check as check_training
from sagewright.services.sagemaker.tuning.controller import TuningController
from sagewright.services.sagemaker.tuning.jobs import TuningJobs
from sagewright.services.sagemaker.tuning.optimizer import Optimizer, Proposer
from sagewright.store import Store
from sagewright.wire.client import Clients

__all__ = ["Images", "SageMaker", "Spot", "sagemaker"]

Kick = Callable[[Controller, str], None]


@dataclass(frozen=True, slots=True)
class SageMaker:
    """The service, and what the reconciler is to run for it."""

    service: Service
    training: JobController
    processing: JobController
    pools: WarmPools
    hosting: HostingController
    algorithms: AlgorithmController
    tuning: TuningController
    backend: Backend

    @property
    def controllers(self) -> tuple[Controller, ...]:
        return (self.training, self.processing, self.pools, self.hosting, self.algorithms, self.tuning)

    def sweep(self) -> None:
        """After a start: clear away workloads that belong to nothing any more, before any step is taken.

        A server killed between a job's last write and the end of its folder leaves such a one behind.
        """
        owned = self.training.owned() | self.processing.owned() | self.hosting.owned()
        for work in self.backend.recover():
            if work not in owned:
                self.backend.remove(work)

    def halt(self) -> None:
        """At an orderly end: model servers end too, as nobody can reach them; the next start launches them anew."""
        for work in self.hosting.owned():
            with suppress(UnknownWorkload):
                self.backend.signal(work, "stop")
        self.tuning.halt()


def sagemaker(
    store: Store,
    clock: Clock,
    holder: Holder,
    clients: Clients,
    backend: Backend,
    admission: Admission,
    outstanding: Callable[[str], int],
    kick: Kick,
    *,
    images: Images | None = None,
    spot: Spot | None = None,
    optimizer: Proposer | None = None,
) -> SageMaker:
    """outstanding: requests under way at an endpoint's instance, by its id."""
    tags, images = Tags(store), images or Images()
    pools = WarmPools(store, clock, admission, lambda key: kick(pools, key))
    run = (store, clock, clients, images, backend, admission, spot or Spot(store.folder), pools)
    training, processing = JobController(TRAINING, *run), JobController(PROCESSING, *run)
    algorithms = AlgorithmController(store, clients, images)
    tuning = TuningController(store, clock, clients, optimizer or Optimizer())
    hosting = HostingController(store, clock, clients, tags, images, backend, admission.grant, outstanding)

    def check(job: Mapping[str, Any]) -> None:
        check_training(job, backend.capabilities)

    service = Service(
        "sagemaker",
        TrainingJobs(store, clock, holder, tags, images, backend, pools, lambda key: kick(training, key)),
        ProcessingJobs(store, clock, holder, tags, backend, lambda key: kick(processing, key)),
        Algorithms(store, clock, tags, check, lambda key: kick(algorithms, key)),
        TuningJobs(store, clock, holder, tags, check, partial(built_in_metrics, images), lambda key: kick(tuning, key)),
        Resource(MODEL, store, clock, tags, models.prepare(backend)),
        Resource(ENDPOINT_CONFIG, store, clock, tags, endpoint_configs.prepare(store)),
        Endpoints(store, clock, holder, tags, lambda key: kick(hosting, key)),
        Search(store, tags, SEARCHABLE),
        ResourceTags(store, tags),
        guard=sagemaker_guard(),
    )
    return SageMaker(service, training, processing, pools, hosting, algorithms, tuning, backend)
