"""What tells one kind of job from another, for what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Workload
from sagewright.services.sagemaker.images import Images, Runner
from sagewright.services.sagemaker.jobs.cluster import Cluster
from sagewright.services.sagemaker.jobs.launch import Launch
from sagewright.store import Document

_Request = Mapping[str, Any]


def _none(request: _Request) -> Sequence[Mapping[str, str]]:
    return ()


def _zero(request: _Request) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class JobKind:
    """documents: the kind of its documents, whose body has ``request`` and ``state``.

    cluster: of a request. runner: of a body; raises UnknownImage. workload: of an instance; raises Unsupported. ended:
    what the state has of what a job made that did not fail, or did; of its document and the instances, all ended.
    namespace: of its metrics in CloudWatch. dimension: their only one, the job's name. metrics: a request's
    MetricDefinitions. max_wait: seconds that a job on spot instances may take from its creation on; 0 for one that is
    on none. retries: how often a job begins again after an internal error. keep_alive: seconds for which its warm pool
    is kept; 0 for none.
    """

    documents: str
    log_group: str
    cluster: Callable[[_Request], Cluster]
    runner: Callable[[Images, Mapping[str, Any]], Runner]
    workload: Callable[[Launch], Workload]
    ended: Callable[[Document, Sequence[Observation]], dict[str, Any]]
    namespace: str = ""
    dimension: str = ""
    metrics: Callable[[_Request], Sequence[Mapping[str, str]]] = _none
    max_wait: Callable[[_Request], float] = _zero
    retries: Callable[[_Request], int] = _zero
    keep_alive: Callable[[_Request], float] = _zero

    def hosts(self, document: Document) -> list[str]:
        """The names of the job's instances, in order."""
        return self.cluster(document.body["request"]).hosts
