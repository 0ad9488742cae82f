"""What makes jobs run: the workloads of each are launched, followed and cleared away.

A step reads the job's document, looks at its workload, and writes what became of it in one transaction: the new state,
the log lines since the last step with the offset they end at, and the metrics found in them. A server killed at any
point takes the same step again, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.lifecycle import TRAINING_SECONDARY
from sagewright.kit.keys import close_session, open_session
from sagewright.runtime.backend import Backend, Signal, UnknownWorkload, Unsupported
from sagewright.runtime.capacity import Admission, Grant
from sagewright.runtime.instances import UnknownInstanceType
from sagewright.runtime.observation import MARKERS, LogLine, Observation, Step
from sagewright.runtime.reconcile import LOOK
from sagewright.services.sagemaker.images import Images, Runner, UnknownImage
from sagewright.services.sagemaker.jobs import instances
from sagewright.services.sagemaker.jobs.cluster import Group
from sagewright.services.sagemaker.jobs.identity import job_id, workload_id
from sagewright.services.sagemaker.jobs.kind import JobKind
from sagewright.services.sagemaker.jobs.launch import Launch
from sagewright.services.sagemaker.jobs.log_delivery import Delivery
from sagewright.services.sagemaker.jobs.metrics import Extractor, Sample, latest, series
from sagewright.services.sagemaker.jobs.spot import Spot
from sagewright.services.sagemaker.jobs.status import IN_MOTION, again, enter, fail, job_status
from sagewright.services.sagemaker.jobs.warm_pools import WarmPools
from sagewright.services.sagemaker.keys import key_of, place_of
from sagewright.store import Document, Store
from sagewright.wire.client import Clients

_IN_LINE = 0.2
"""Seconds until a job that waits for its place on the machine asks again."""

_AROUND = 24 * 3600.0
"""Seconds that a job's data may take to come and go, beside the time its command may run."""

_LOST = "The process that looked after an instance of the job ended unexpectedly. Please try again."


class JobController:
    """Steps over the jobs of one kind in motion, oldest first."""

    def __init__(
        self,
        kind: JobKind,
        store: Store,
        clock: Clock,
        clients: Clients,
        images: Images,
        backend: Backend,
        admission: Admission,
        spot: Spot,
        pools: WarmPools,
    ) -> None:
        self._kind = kind
        self._store = store
        self._clock = clock
        self._clients = clients
        self._images = images
        self._backend = backend
        self._admission = admission
        self._spot = spot
        self._pools = pools

    def active(self) -> list[str]:
        documents = self._store.documents.with_status(self._kind.documents, IN_MOTION)
        return [key_of(document) for document in sorted(documents, key=lambda each: each.created)]

    def owned(self) -> set[str]:
        """The ids of the workloads that belong to a job in motion."""
        jobs = self._store.documents.with_status(self._kind.documents, IN_MOTION)
        return {workload_id(document, host) for document in jobs for host in self._kind.hosts(document)}

    async def step(self, key: str) -> float | None:
        document = self._read(key)
        if document is None or document.status not in IN_MOTION:
            return None
        if document.body["state"].get("Launched"):
            return await self._follow(key, document)
        return await self._start(key, document)

    def _read(self, key: str) -> Document | None:
        return self._store.documents.get(*place_of(key, self._kind.documents))

    def _save(self, document: Document, state: Mapping[str, Any]) -> Document:
        status = job_status(state, document.status)
        return self._store.documents.update(document, body={**document.body, "state": dict(state)}, status=status)

    # Before there is a workload

    async def _start(self, key: str, document: Document) -> float | None:
        state, now = document.body["state"], self._clock.now()
        if document.status == "Stopping" or self._waited(document):
            why = "Stopped" if document.status == "Stopping" else "MaxWaitTimeExceeded"
            await self._end(document, enter(state, why, now))
            return None
        try:
            runner = self._kind.runner(self._images, document.body)
            grants = self._admit(document)
        except (UnknownImage, Unsupported, UnknownInstanceType) as error:
            await self._end(document, fail(state, f"ClientError: {error}", now))
            return None
        if grants is None:
            if self._pools.give_way():
                return 0.0
            waiting = enter(state, "Pending", now)
            if waiting != state:
                self._save(document, waiting)
            return _IN_LINE
        try:
            document = await self._acquaint(key, document, grants)
            await self._launch(document, runner, grants)
        except (Unsupported, OSError) as error:
            kind = "ClientError" if isinstance(error, Unsupported) else "InternalServerError"
            await self._fail(key, f"{kind}: {error}")
            return None
        self._launched(self._present(key))  # it may have been asked to stop meanwhile
        return LOOK

    def _admit(self, document: Document) -> dict[Group, Grant] | None:
        """What each instance of a group gets; None where the job must wait. Raises Unsupported, UnknownInstanceType."""
        request = document.body["request"]
        if self._kind.keep_alive(request):
            self._pools.reuse(document)
        groups = self._kind.cluster(request).groups
        granted = self._admission.admit(job_id(document), [(each.instance_type, each.count) for each in groups])
        return None if granted is None else dict(zip(groups, granted, strict=True))

    async def _launch(self, document: Document, runner: Runner, grants: Mapping[Group, Grant]) -> None:
        """Raises Unsupported, OSError."""
        cluster, keys = self._kind.cluster(document.body["request"]), self._keys(document, self._clock.now())
        workloads = [
            self._kind.workload(Launch(document, runner, cluster, host, grants[group], keys))
            for host, group in cluster.members.items()
        ]

        def launch() -> None:
            for work in workloads:
                self._backend.launch(work)

        await asyncio.to_thread(launch)

    def _launched(self, document: Document) -> None:
        request, now = document.body["request"], self._clock.now()
        streams = {host: f"{document.key}/{host}-{int(now)}" for host in self._kind.hosts(document)}
        logs = {host: {"stream": stream, "offset": 0} for host, stream in streams.items()}
        state = {**document.body["state"], "Launched": True, "Logs": logs, "Steps": 0}
        if self._kind.max_wait(request):
            state |= self._spot.launched(now)
        with self._store.transaction():
            self._save(document, enter(state, "Starting", now) if document.status == "InProgress" else state)
            if self._kind.keep_alive(request):
                self._pools.use(document, self._admission.held(job_id(document)))

    async def _acquaint(self, key: str, document: Document, grants: Mapping[Group, Grant]) -> Document:
        """Instances have addresses and the job a secret, the same for all even if the server is killed between two
        launches."""
        if "Hosts" in document.body["state"]:
            return document
        members = self._kind.cluster(document.body["request"]).members
        names, needs = list(members), [grants[group].resources for group in members.values()]
        ids = [workload_id(document, name) for name in names]
        addresses = await asyncio.to_thread(self._backend.addresses, ids, job_id(document), needs)
        document = self._present(key)
        known = {"Hosts": dict(zip(names, addresses, strict=True)), "Token": secrets.token_hex(16)}
        return self._save(document, {**document.body["state"], **known})

    def _keys(self, document: Document, now: float) -> dict[str, str]:
        """Of the job's role, for as long as the job may take."""
        request = document.body["request"]
        seconds = request["StoppingCondition"]["MaxRuntimeInSeconds"] + _AROUND
        return open_session(self._store, document.space.account, job_id(document), request["RoleArn"], now, seconds)

    def _present(self, key: str) -> Document:
        """The document as it is now; a job in motion cannot be deleted."""
        document = self._read(key)
        if document is None:
            raise RuntimeError(f"{key}: a job in motion has no document")
        return document

    # While there is one

    async def _follow(self, key: str, document: Document) -> float | None:
        ids = {host: workload_id(document, host) for host in self._kind.hosts(document)}
        try:
            seen = [self._backend.observe(work) for work in ids.values()]
            document = self._signal(document, seen, ids.values())
            while True:
                logs = document.body["state"]["Logs"]
                lines = {host: self._backend.logs(work, logs[host]["offset"]) for host, work in ids.items()}
                document = self._advance(document, seen, lines)
                if not all(observation.finished for observation in seen):
                    return LOOK
                if not any(new for new, _ in lines.values()):
                    break
                await asyncio.sleep(0)
                document = self._present(key)
        except UnknownWorkload:
            document = self._present(key)
            if document.status != "Stopping" and self._retries_left(document):
                return await self._again(document, "Restarting")
            await self._fail(key, f"InternalServerError: {_LOST}")
            return None
        if (why := self._begins_again(document, seen)) is not None:
            return await self._again(document, why)
        await self._end(document, _final(document, seen, self._kind.ended(document, seen)))
        return None

    def _signal(self, document: Document, seen: Sequence[Observation], ids: Iterable[str]) -> Document:
        """Tell the instances to end where they are to, once."""
        state = document.body["state"]
        if state.get("Signalled"):
            return document
        told: dict[str, Any] = {"Signalled": True}
        signal: Signal = "stop"
        if not (document.status == "Stopping" or instances.ending(seen)):
            if self._waited(document):
                told["Waited"] = True
            elif self._kind.max_wait(document.body["request"]) and self._spot.due(document, self._clock.now()):
                signal, told["Interrupting"] = "interrupt", True
            else:
                return document
        for work in ids:
            self._backend.signal(work, signal)
        return self._save(document, {**state, **told})

    def _waited(self, document: Document) -> bool:
        """Whether a job on spot instances has taken as long as it may."""
        longest = self._kind.max_wait(document.body["request"])
        return bool(longest) and self._clock.now() >= document.created + longest

    # After an attempt

    def _begins_again(self, document: Document, seen: Sequence[Observation]) -> str | None:
        """The secondary status that says why, where the job is not at its end with its instances."""
        state, failed = document.body["state"], instances.cause(seen)
        if document.status == "Stopping":
            return None
        if failed is not None:
            internal = failed.failure is None or failed.failure.kind == "InternalServerError"
            return "Restarting" if internal and self._retries_left(document) else None
        taken = state.get("Interrupting") and any(each.phase == "Stopped" for each in seen)
        return "Interrupted" if taken else None

    def _retries_left(self, document: Document) -> bool:
        retried = [
            each for each in document.body["state"]["SecondaryStatusTransitions"] if each["Status"] == "Restarting"
        ]
        return len(retried) < self._kind.retries(document.body["request"])

    async def _again(self, document: Document, why: str) -> float:
        ids = [workload_id(document, host) for host in self._kind.hosts(document)]
        self._spot.done(document)
        self._save(document, again(document.body["state"], why, self._clock.now()))
        self._admission.release(job_id(document))
        await self._remove(ids)
        return 0.0

    def _advance(
        self, document: Document, seen: Sequence[Observation], new: Mapping[str, tuple[list[LogLine], int]]
    ) -> Document:
        """Write what is new: steps short of the last, log lines, metrics. new: lines and offset by host."""
        before = document.body["state"]
        steps = instances.common_steps(seen)
        state = {**_entered(before, steps[before["Steps"] :]), "Steps": len(steps)}
        if not any(lines for lines, _ in new.values()) and state == before:
            return document
        state["Logs"] = {host: {**log, "offset": new[host][1]} for host, log in before["Logs"].items()}
        kind = self._kind
        found = Extractor(kind.metrics(document.body["request"]))
        delivery = Delivery(self._clients, document.space.account, document.space.region)
        with self._store.transaction():
            samples: list[Sample] = []
            for host, (raw, _) in new.items():
                lines = [LogLine(line.at, line.text.replace("\t", "#011")) for line in raw]  # as AWS's log agent has it
                delivery.lines(kind.log_group, before["Logs"][host]["stream"], lines)
                samples += found.samples((line.at / 1000, line.text) for line in lines)
            samples.sort(key=lambda sample: sample.at)
            state["Metrics"] = latest(before.get("Metrics", {}), samples)
            if "tuning" in document.body:
                state["Series"] = series(before.get("Series", ()), samples, document.body["tuning"]["Objective"])
            delivery.samples(kind.namespace, {kind.dimension: document.key}, samples)
            return self._save(document, state)

    async def _fail(self, key: str, reason: str) -> None:
        document = self._present(key)
        await self._end(document, fail(document.body["state"], reason, self._clock.now()))

    async def _end(self, document: Document, state: Mapping[str, Any]) -> None:
        """The last transition. The workload's folder goes only after that is written: until then all can be redone."""
        state = {name: value for name, value in state.items() if name != "Token"}
        with self._store.transaction():
            self._save(document, state)
            close_session(self._store, document.space.account, job_id(document))
            kept = self._pools.keep(document) if self._kind.keep_alive(document.body["request"]) else False
        if not kept:
            self._admission.release(job_id(document))
        self._spot.done(document)
        await self._remove([workload_id(document, host) for host in self._kind.hosts(document)])

    async def _remove(self, ids: Iterable[str]) -> None:
        await asyncio.gather(*(asyncio.to_thread(self._backend.remove, each) for each in ids))


def _entered(state: Mapping[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """The state after an agent's steps.

    What is no secondary status, or leads nowhere from the present one, leaves it as it is: a job that is being stopped
    does not go back to Downloading.
    """
    changed = dict(state)
    unseen = {*MARKERS, *(("Stopping", "Uploading") if state.get("Interrupting") else ())}
    for step in steps:
        if step.name not in unseen and TRAINING_SECONDARY.takes(changed["SecondaryStatus"], step.name):
            changed = enter(changed, step.name, step.at)
    return changed


def _final(document: Document, seen: Sequence[Observation], made: Mapping[str, Any]) -> dict[str, Any]:
    """The job's last state. made: what it has of what the job made."""
    state, at = {**document.body["state"], **made}, max(each.steps[-1].at for each in seen)
    failed = instances.cause(seen)
    if failed is not None:
        reason = failed.failure.reason if failed.failure else f"InternalServerError: {_LOST}"
        return fail(state, reason, at)
    if all(each.phase == "Completed" for each in seen):
        if not TRAINING_SECONDARY.takes(state["SecondaryStatus"], "Completed"):
            state = enter(state, "Uploading", at)  # within the notice of an interruption, which hides this step
        return enter(state, "Completed", at)
    name = "MaxRuntimeExceeded" if any(each.max_runtime_exceeded for each in seen) else "Stopped"
    if state.get("Waited"):
        name = "MaxWaitTimeExceeded"
    if not TRAINING_SECONDARY.takes(state["SecondaryStatus"], name):
        state = enter(state, "Stopping", at)  # one had not yet begun to run
    return enter(state, name, at)
