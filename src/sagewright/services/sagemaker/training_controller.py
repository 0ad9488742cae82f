"""What makes training jobs run: each job's workload is launched, followed and cleared away.

A step reads the job's document, looks at its workload, and writes what became of it in one transaction: the new state,
the log lines since the last step with the offset they end at, and the metrics found in them. A server killed at any
point takes the same step again, so nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.runtime.backend import Backend, UnknownWorkload, Unsupported
from sagewright.runtime.capacity import Admission
from sagewright.runtime.observation import FINAL, LogLine, Observation, Step
from sagewright.services.sagemaker.images import Images, UnknownImage
from sagewright.services.sagemaker.log_delivery import Delivery
from sagewright.services.sagemaker.metrics import Extractor, latest
from sagewright.services.sagemaker.training import KIND, job_arn
from sagewright.services.sagemaker.training_status import IN_MOTION, MESSAGES, enter, fail, job_status
from sagewright.services.sagemaker.training_workload import HOST, model_artifacts, workload, workload_id
from sagewright.store import Document, Space, Store
from sagewright.wire.client import Clients

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
NAMESPACE = "/aws/sagemaker/TrainingJobs"
"""CloudWatch's name space of algorithm metrics; their only dimension is TrainingJobName."""

_LOST = "The process that looked after the job's instance ended unexpectedly. Please try again."


class TrainingController:
    """Steps over the training jobs in motion, oldest first."""

    def __init__(
        self, store: Store, clock: Clock, clients: Clients, images: Images, backend: Backend, admission: Admission
    ) -> None:
        self._store = store
        self._clock = clock
        self._clients = clients
        self._images = images
        self._backend = backend
        self._admission = admission

    def active(self) -> list[str]:
        documents = self._store.documents.with_status(KIND, IN_MOTION)
        return [_key(document.space, document.key) for document in sorted(documents, key=lambda each: each.created)]

    async def step(self, key: str) -> None:
        document = self._read(key)
        if document is None or document.status not in IN_MOTION:
            return
        if document.body["state"].get("Launched"):
            await self._follow(key, document)
        else:
            await self._start(key, document)

    def _read(self, key: str) -> Document | None:
        account, region, name = key.split("/", 2)
        return self._store.documents.get(Space(KIND, account, region), name)

    def _save(self, document: Document, state: Mapping[str, Any]) -> Document:
        status = job_status(state, document.status)
        return self._store.documents.update(document, body={**document.body, "state": dict(state)}, status=status)

    # Before there is a workload

    async def _start(self, key: str, document: Document) -> None:
        state, now = document.body["state"], self._clock.now()
        if document.status == "Stopping":
            await self._end(document, enter(state, "Stopped", now))
            return
        resources = document.body["request"]["ResourceConfig"]
        try:
            algorithm = self._images.algorithm(document.body["request"]["AlgorithmSpecification"]["TrainingImage"])
            grant = self._admission.admit(workload_id(document), resources["InstanceType"])
        except (UnknownImage, Unsupported) as error:
            await self._end(document, fail(state, f"ClientError: {error}", now))
            return
        if grant is None:
            self._save(document, enter(state, "Pending", now))
            return
        work = workload(document, job_arn(document.space, document.key), algorithm, grant)
        try:
            await asyncio.to_thread(self._backend.launch, work)
        except (Unsupported, OSError) as error:
            kind = "ClientError" if isinstance(error, Unsupported) else "InternalServerError"
            await self._end(document, fail(state, f"{kind}: {error}", self._clock.now()))
            return
        self._launched(key)

    def _launched(self, key: str) -> None:
        document = self._read(key)  # it may have been asked to stop meanwhile
        if document is None:
            return
        now = self._clock.now()
        log = {"stream": f"{document.key}/{HOST}-{int(now)}", "offset": 0}
        state = {**document.body["state"], "Launched": True, "Log": log, "Steps": 0}
        if document.status == "InProgress":
            state = enter(state, "Starting", now)
        self._save(document, state)

    # While there is one

    async def _follow(self, key: str, document: Document) -> None:
        id = workload_id(document)
        try:
            if document.status == "Stopping" and not document.body["state"].get("Signalled"):
                self._backend.signal(id, "stop")
                document = self._save(document, {**document.body["state"], "Signalled": True})
            observation = self._backend.observe(id)
            if not observation.alive and not observation.finished:
                observation = self._backend.observe(id)  # it may have ended between its last word and the look
            while True:
                lines, offset = self._backend.logs(id, document.body["state"]["Log"]["offset"])
                document = self._advance(document, observation, lines, offset)
                if not lines or not (observation.finished or not observation.alive):
                    break
                await asyncio.sleep(0)
        except UnknownWorkload:
            await self._end(document, fail(document.body["state"], f"InternalServerError: {_LOST}", self._clock.now()))
            return
        if observation.finished or not observation.alive:
            await self._end(document, _final(document, observation, self._clock.now()))

    def _advance(
        self, document: Document, observation: Observation, lines: Sequence[LogLine], offset: int
    ) -> Document:
        """Write what is new: steps short of the last, log lines, metrics."""
        before = document.body["state"]
        steps = [step for step in observation.steps if step.name not in FINAL]
        state = {**_entered(before, steps[before["Steps"] :]), "Steps": len(steps)}
        if not lines and state == before:
            return document
        lines = [LogLine(line.at, line.text.replace("\t", "#011")) for line in lines]  # as AWS's log agent has it
        definitions = document.body["request"]["AlgorithmSpecification"].get("MetricDefinitions", [])
        samples = Extractor(definitions).samples((line.at / 1000, line.text) for line in lines)
        state["Log"] = {**before["Log"], "offset": offset}
        state["Metrics"] = latest(before.get("Metrics", {}), samples)
        delivery = Delivery(self._clients, document.space.account, document.space.region)
        with self._store.transaction():
            delivery.lines(LOG_GROUP, before["Log"]["stream"], lines)
            delivery.samples(NAMESPACE, {"TrainingJobName": document.key}, samples)
            return self._save(document, state)

    async def _end(self, document: Document, state: Mapping[str, Any]) -> None:
        """The last transition. The workload's folder goes after it is written, so that a killed server can repeat it."""
        self._save(document, state)
        self._admission.release(workload_id(document))
        await asyncio.to_thread(self._backend.remove, workload_id(document))


def _key(space: Space, name: str) -> str:
    return f"{space.account}/{space.region}/{name}"


def _entered(state: Mapping[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """The state after an agent's steps; those that are no secondary status leave it as it is."""
    changed = dict(state)
    for step in steps:
        if step.name in MESSAGES and step.name not in ("Starting", "MaxRuntimeExceeded"):
            changed = enter(changed, step.name, step.at)
    return changed


def _final(document: Document, observation: Observation, now: float) -> dict[str, Any]:
    """The job's last state. What was uploaded stays: a stopped job has artifacts too."""
    state = document.body["state"]
    last = observation.steps[-1] if observation.finished else None
    if last is None:
        return fail(state, f"InternalServerError: {_LOST}", now)
    if last.name == "Failed":
        reason = observation.failure.reason if observation.failure else f"InternalServerError: {_LOST}"
        return fail(state, reason, last.at)
    if last.name == "Completed" or last.detail.get("artifacts"):
        state = {**state, "ModelArtifacts": {"S3ModelArtifacts": model_artifacts(document)}}
    exceeded = last.name == "Stopped" and observation.max_runtime_exceeded
    return enter(state, "MaxRuntimeExceeded" if exceeded else last.name, last.at)
