"""What makes endpoints serve: instances are launched, watched, replaced and retired.

A step observes every instance of an endpoint, moves its state on (fleet.advance), writes that with the log lines found
in one transaction, and then acts: launch, stop, remove, all of which may be done twice. A server killed at any point
takes the same step again; instances outlive it and are found again by their ids, which are written before any launch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sagewright.core.clock import Clock
from sagewright.kit.keys import close_session, open_session
from sagewright.kit.tags import Tags
from sagewright.runtime.backend import Backend, UnknownWorkload, Unsupported
from sagewright.runtime.capacity import Grant
from sagewright.runtime.instances import UnknownInstanceType
from sagewright.runtime.observation import LogLine, Observation
from sagewright.runtime.reconcile import LOOK
from sagewright.services.sagemaker.hosting.endpoints import IN_MOTION, body_of
from sagewright.services.sagemaker.hosting.fleet import DEAD, Instance, State, Variant, advance
from sagewright.services.sagemaker.hosting.nouns import ENDPOINT
from sagewright.services.sagemaker.hosting.workload import workload, workload_id
from sagewright.services.sagemaker.images import Images, UnknownImage, has_script
from sagewright.services.sagemaker.jobs.log_delivery import Delivery
from sagewright.services.sagemaker.keys import key_of, place_of
from sagewright.store import Document, Space, Store
from sagewright.wire.client import Clients

_KIND = ENDPOINT.space("", "").kind
_STATUSES = (*IN_MOTION, "InService", "Failed")

_AT_REST = 0.5
"""Seconds between two looks at an endpoint whose instances all serve."""

_DRAIN = 0.5
_LONGEST_DRAIN = 60.0
"""Seconds that an instance goes on after it was taken out of traffic: at least, and while requests are under way."""

_FOR_GOOD = 100 * 365 * 86_400.0
"""Seconds that an instance's keys hold, which end with it."""

Granted = Callable[[str], Grant]
"""What an instance of a type gets of this machine. Raises Unsupported, UnknownInstanceType."""


class HostingController:
    """Steps over endpoints. outstanding: requests under way at an instance, by its id."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        clients: Clients,
        tags: Tags,
        images: Images,
        backend: Backend,
        granted: Granted,
        outstanding: Callable[[str], int],
    ) -> None:
        self._store = store
        self._clock = clock
        self._clients = clients
        self._tags = tags
        self._images = images
        self._backend = backend
        self._granted = granted
        self._outstanding = outstanding

    def active(self) -> list[str]:
        return [key_of(document) for document in self._store.documents.with_status(_KIND, _STATUSES)]

    def owned(self) -> set[str]:
        """The ids of the workloads that belong to an endpoint."""
        return {
            workload_id(document.space, instance.id)
            for document in self._store.documents.with_status(_KIND, _STATUSES)
            for instance in State.from_json(document.body["state"]).instances()
        }

    async def step(self, key: str) -> float | None:
        document = self._store.documents.get(*place_of(key, _KIND))
        if document is None:
            return None
        before = State.from_json(document.body["state"])
        observed, lines, more = self._observe(document, before)
        now = self._clock.now()
        state, status = advance(observed, document.status, now)
        written = self._write(document, before, state, status, lines)
        if status in ("Deleting", "Failed") and not state.instances():
            return None
        await self._act(written, state, now)
        if more:
            return 0
        return _AT_REST if _at_rest(state, status) else LOOK

    # Observe

    def _observe(
        self, document: Document, state: State
    ) -> tuple[State, list[tuple[Instance, Sequence[LogLine]]], bool]:
        """The state with its instances as they are, their new log lines, and whether there are more of them."""
        fleets = [fleet for fleet in (state.current, state.coming) if fleet is not None]
        variants = {variant.name: variant for fleet in fleets for variant in fleet.variants}
        changed: dict[str, Instance] = {}
        found: list[tuple[Instance, Sequence[LogLine]]] = []
        more = False
        for instance in state.instances():
            work = workload_id(document.space, instance.id)
            try:
                observation = self._backend.observe(work)
                lines, offset = self._backend.logs(work, instance.offset)
            except UnknownWorkload:
                changed[instance.id] = _unknown(instance)
                continue
            if lines:
                found.append((instance, lines))
            # a dead instance is taken as such only once its log is read to the end
            phase = "Stopping" if observation.finished and lines else observation.phase
            more = more or (observation.finished and bool(lines))
            changed[instance.id] = replace(
                instance,
                phase=phase,
                address=observation.address,
                offset=offset,
                reason=_reason(instance, variants.get(instance.variant), observation) if phase in DEAD else "",
            )
        return state.with_instances(changed), found, more

    # Persist

    def _write(
        self,
        document: Document,
        before: State,
        state: State,
        status: str,
        lines: Sequence[tuple[Instance, Sequence[LogLine]]],
    ) -> Document:
        space = document.space
        with self._store.transaction():
            delivery = Delivery(self._clients, space.account, space.region)
            for instance, new in lines:
                delivery.lines(f"/aws/sagemaker/Endpoints/{document.key}", f"{instance.variant}/{instance.id}", new)
            if status == "Deleting" and not state.instances():
                self._store.documents.delete(space, document.key)
                self._tags.forget(ENDPOINT.arn_of(space.account, space.region, document.key))
            elif state != before or status != document.status:
                document = self._store.documents.update(document, body=body_of(state), status=status)
        return document

    # Act

    async def _act(self, document: Document, state: State, now: float) -> None:
        """Launch what is wanted, stop what is drained, clear away what is dead; all of it may be done twice."""
        hopeless: dict[str, str] = {}
        for fleet in (state.current, state.coming):
            variants = {variant.name: variant for variant in fleet.variants} if fleet is not None else {}
            for instance in fleet.instances if fleet is not None else ():
                if instance.phase == "Wanted" and now >= instance.not_before:
                    problem = await self._launch(document.space, variants[instance.variant], instance)
                    if problem:
                        hopeless[instance.id] = problem
        for instance in state.retired:
            work = workload_id(document.space, instance.id)
            if instance.phase in DEAD or instance.phase == "Wanted":
                close_session(self._store, document.space.account, work)
                await asyncio.to_thread(self._backend.remove, work)
            elif instance.phase != "Stopping" and (document.status == "Deleting" or self._drained(instance, now)):
                with suppress(UnknownWorkload):  # the next look will tell
                    self._backend.signal(work, "stop")
        if hopeless:
            self._give_up(document, hopeless)

    def _drained(self, instance: Instance, now: float) -> bool:
        idle = now - instance.retired
        if not instance.served:
            return True
        return idle >= _DRAIN and (idle >= _LONGEST_DRAIN or not self._outstanding(instance.id))

    async def _launch(self, space: Space, variant: Variant, instance: Instance) -> str:
        """Why it cannot be launched; empty when it is."""
        try:
            runner = self._images.runner(variant.image, script=has_script({}, variant.environment))
            grant = self._granted(variant.instance_type)
            keys = self._keys(space, variant, instance)
            await asyncio.to_thread(self._backend.launch, workload(space, variant, instance, runner, grant, keys))
        except UnknownImage as error:
            return f"{_NO_IMAGE.format(variant.name)} {error}"
        except (Unsupported, UnknownInstanceType, OSError) as error:
            return f"Unable to launch an instance for production variant {variant.name}: {error}"
        return ""

    def _keys(self, space: Space, variant: Variant, instance: Instance) -> dict[str, str]:
        """Of the model's role, for as long as the instance is there; none without a role."""
        if not variant.role:
            return {}
        work, now = workload_id(space, instance.id), self._clock.now()
        return open_session(self._store, space.account, work, variant.role, now, _FOR_GOOD)

    def _give_up(self, document: Document, reasons: Mapping[str, str]) -> None:
        """Note instances that cannot be launched; the next step draws the consequences."""
        latest = self._store.documents.get(document.space, document.key)
        if latest is None:
            return
        state = State.from_json(latest.body["state"])
        failed = {
            instance.id: replace(instance, phase="Failed", reason=reasons[instance.id])
            for instance in state.instances()
            if instance.id in reasons
        }
        body = {**latest.body, **body_of(state.with_instances(failed))}
        self._store.documents.update(latest, body=body)


_NO_IMAGE = (
    "Please make sure all images included in the model for the production variant {} exist, and that the execution "
    "role used to create the model has permissions to access them."
)
_NO_PING = (
    "The primary container for production variant {} did not pass the ping health check. Please check CloudWatch logs "
    "for this endpoint."
)
_NO_DATA = (
    'Failed to download model data for container "primary" from URL: "{}". Please ensure that there is an object '
    "located at the URL and that the role passed to CreateModel has permissions to download the object."
)


def _unknown(instance: Instance) -> Instance:
    """What the backend does not know: cleared away, never launched, or lost."""
    if instance.retired:
        return replace(instance, phase="Gone")
    if instance.phase == "Wanted" or instance.phase in DEAD:
        return instance
    return replace(instance, phase="Lost", reason=f"The instance {instance.id} was lost.")


def _reason(instance: Instance, variant: Variant | None, observation: Observation) -> str:
    """A FailureReason in SageMaker's words, with what is known beyond them."""
    failure = observation.failure
    if failure is None:
        return ""
    if failure.kind == "InternalServerError" or variant is None:
        return failure.reason
    words = _NO_PING.format(instance.variant) if observation.step("Launching") else _NO_DATA.format(variant.model_data)
    return f"{words} {failure.text}"[:1024]


def _at_rest(state: State, status: str) -> bool:
    fleet = state.current
    if status != "InService" or fleet is None or state.coming is not None or state.retired or not fleet.complete:
        return False
    return all(instance.phase == "InService" for instance in fleet.instances)
