"""Warm pools: what an ended training job had of the machine stays reserved, for the next job that matches.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.runtime.capacity import Admission
from sagewright.runtime.workload import Resources
from sagewright.services.sagemaker.jobs.identity import job_id
from sagewright.services.sagemaker.keys import key_of, place_of
from sagewright.store import Document, Space, Store

KIND = "sagemaker:warm-pool"
"""A pool is a document of the name of the job that made it; its status is WarmPoolStatus.Status."""

_MATCHING = ("InstanceType", "InstanceCount", "InstanceGroups", "VolumeSizeInGB", "VolumeKmsKeyId")
_MATCHING_OF_JOB = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")


class WarmPools:
    """A controller of the pools that wait, and what the controller and the operations of jobs ask of them.

    kick: has the reconciler look at a pool's key.
    """

    def __init__(self, store: Store, clock: Clock, admission: Admission, kick: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission
        self._kick = kick

    def active(self) -> list[str]:
        return [key_of(pool) for pool in self._store.documents.with_status(KIND, ("Available",))]

    async def step(self, key: str) -> float | None:
        pool = self._store.documents.get(*place_of(key, KIND))
        if pool is None or pool.status != "Available":
            return None
        left: float = pool.body["until"] - self._clock.now()
        if left > 0:
            self._admission.hold(pool.body["job"], Resources(**pool.body["resources"]))  # after a restart too
            return left
        self._end(pool, "Terminated")
        return None

    def reuse(self, job: Document) -> None:
        """Give a job that is to be launched what a pool that matches has reserved. Nothing where there is none."""
        space, wanted = _space(job.space), _matching(job)
        for pool in self._store.documents.with_status(KIND, ("Available",)):
            if pool.space == space and pool.body["match"] == wanted:
                self._admission.transfer(pool.body["job"], job_id(job))
                self._end(pool, "Reused", ReusedByJob=job.key)
                return

    def give_way(self) -> bool:
        """Whether a pool has ended for a job that finds no place: a machine's own jobs go first."""
        waiting = self._store.documents.with_status(KIND, ("Available",))
        if waiting:
            self._end(min(waiting, key=lambda pool: pool.body["since"]), "Terminated")
        return bool(waiting)

    def use(self, job: Document, resources: Resources) -> None:
        """A job with a pool has been launched. resources: of all its instances."""
        body = {"job": job_id(job), "match": _matching(job), "resources": _plain(resources)}
        pool = self._find(job.space, job.key)
        if pool is None:
            self._store.documents.insert(_space(job.space), job.key, body, status="InUse")
        else:
            self._store.documents.update(pool, body=body, status="InUse")  # of an attempt before, or a job deleted

    def keep(self, job: Document) -> bool:
        """A job has ended; whether its pool stays for a while, and so what it has reserved."""
        pool = self._find(job.space, job.key)
        if pool is None or pool.body["job"] != job_id(job) or pool.status != "InUse":
            return False
        now, seconds = self._clock.now(), job.body["request"]["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        body = {**pool.body, "since": now, "until": now + seconds}
        self._store.documents.update(pool, body=body, status="Available")
        self._kick(key_of(pool))
        return True

    def prolong(self, job: Document, seconds: int) -> None:
        """What UpdateTrainingJob asks of an ended job's pool. Raises AwsError."""
        pool = self._find(job.space, job.key)
        if pool is None or pool.status != "Available":
            raise AwsError("ValidationException", "The training job has no warm pool whose retention could be changed.")
        self._store.documents.update(pool, body={**pool.body, "until": pool.body["since"] + seconds})
        self._kick(key_of(pool))

    def drop(self, job: Document) -> None:
        """The job is deleted."""
        pool = self._find(job.space, job.key)
        if pool is not None:
            self._admission.release(pool.body["job"])
            self._store.documents.delete(pool.space, pool.key)

    def status(self, job: Document) -> dict[str, Any] | None:
        """WarmPoolStatus of a job; None for one that has no pool."""
        pool = self._find(job.space, job.key)
        if pool is None:
            return None
        since, now = pool.body.get("since"), self._clock.now()
        retained = 0 if since is None else pool.body.get("ended", now) - since
        shown = {"Status": pool.status, "ResourceRetainedBillableTimeInSeconds": round(retained)}
        return {**shown, "ReusedByJob": pool.body.get("ReusedByJob")}

    def _end(self, pool: Document, status: str, **members: str) -> None:
        body = {**pool.body, **members, "ended": self._clock.now()}
        self._store.documents.update(pool, body=body, status=status)
        self._admission.release(pool.body["job"])

    def _find(self, space: Space, name: str) -> Document | None:
        return self._store.documents.get(_space(space), name)


def _space(space: Space) -> Space:
    return Space(KIND, space.account, space.region)


def _plain(resources: Resources) -> dict[str, Any]:
    return {"vcpus": resources.vcpus, "memory": resources.memory, "gpus": resources.gpus}


def _matching(job: Document) -> Mapping[str, Any]:
    """What a job and a pool must have alike."""
    request = job.body["request"]
    found = {name: request["ResourceConfig"].get(name) for name in _MATCHING}
    return found | {name: request.get(name) for name in _MATCHING_OF_JOB}
