"""An endpoint's state as plain data, and the pure function that moves it on.

An endpoint has one fleet that serves (current), at most one on its way up (coming), and instances that no longer get
traffic (retired). An update starts a coming fleet; once all of it is in service, traffic switches to it in one write.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

DEAD = frozenset({"Failed", "Stopped", "Lost", "Gone"})
"""Phases of an instance that will not serve (again). Lost: its agent died. Gone: the backend knows nothing of it."""

_LONGEST_PAUSE = 60.0
"""Seconds between two attempts at an instance that never comes up."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a production variant runs, taken from its config and model when the fleet was made.

    weight, count: desired. current_weight: of the traffic now. packed: model_data is one tar.gz (else a prefix).
    startup_timeout: seconds until the first healthy ping; 0 leaves it to the backend.
    """

    name: str
    image: str
    model_data: str
    packed: bool
    environment: Mapping[str, str]
    role: str
    instance_type: str
    weight: float
    count: int
    current_weight: float
    startup_timeout: float = 0
    network_isolation: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a variant.

    phase: ``Wanted``, then a service's steps, then one of DEAD. offset: how far its log was delivered. reason: why it
    failed. served: it was in service at some time. attempt, not_before: how often one for this place failed to come
    up, and when to launch the next (epoch seconds). retired: since when it gets no traffic; 0 while it may.
    """

    id: str
    variant: str
    phase: str = "Wanted"
    address: str = ""
    offset: int = 0
    reason: str = ""
    served: bool = False
    attempt: int = 0
    not_before: float = 0
    retired: float = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances that a config asks for. begun: epoch seconds."""

    config: str
    variants: tuple[Variant, ...]
    instances: tuple[Instance, ...]
    begun: float

    def in_service(self, variant: str) -> list[Instance]:
        return [each for each in self.instances if each.variant == variant and each.phase == "InService"]

    @property
    def complete(self) -> bool:
        """Every variant has all the instances it should have in service."""
        return all(len(self.in_service(variant.name)) >= variant.count for variant in self.variants)


@dataclass(frozen=True, slots=True)
class State:
    """config: the name of the current fleet's, or of the one that never came up. changed: epoch seconds of the last
    change of status or config. deployment: the last DeploymentConfig.
    """

    config: str
    current: Fleet | None = None
    coming: Fleet | None = None
    retired: tuple[Instance, ...] = ()
    failure: str = ""
    changed: float = 0
    deployment: Mapping[str, Any] = field(default_factory=dict)

    def instances(self) -> tuple[Instance, ...]:
        fleets = [fleet for fleet in (self.current, self.coming) if fleet is not None]
        return (*(instance for fleet in fleets for instance in fleet.instances), *self.retired)

    def with_instances(self, changed: Mapping[str, Instance]) -> State:
        """changed: instances by id, in place of those with the same id."""

        def renew(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
            return tuple(changed.get(instance.id, instance) for instance in instances)

        def renewed(fleet: Fleet | None) -> Fleet | None:
            return replace(fleet, instances=renew(fleet.instances)) if fleet is not None else None

        return replace(self, current=renewed(self.current), coming=renewed(self.coming), retired=renew(self.retired))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> State:
        return cls(
            config=document["config"],
            current=_fleet(document["current"]),
            coming=_fleet(document["coming"]),
            retired=tuple(Instance(**each) for each in document["retired"]),
            failure=document["failure"],
            changed=document["changed"],
            deployment=document["deployment"],
        )


def _fleet(document: Mapping[str, Any] | None) -> Fleet | None:
    if document is None:
        return None
    return Fleet(
        config=document["config"],
        variants=tuple(Variant(**each) for each in document["variants"]),
        instances=tuple(Instance(**each) for each in document["instances"]),
        begun=document["begun"],
    )


def new_fleet(config: str, variants: tuple[Variant, ...], now: float) -> Fleet:
    """A fleet with all its instances still to be launched."""
    instances = tuple(_wanted(variant.name) for variant in variants for _ in range(variant.count))
    return Fleet(config, variants, instances, now)


def _wanted(variant: str, *, attempt: int = 0, not_before: float = 0) -> Instance:
    return Instance(f"i-0{secrets.token_hex(8)}", variant, attempt=attempt, not_before=not_before)


def advance(state: State, status: str, now: float) -> tuple[State, str]:
    """The state and EndpointStatus that follow from how the instances stand; the same ones where nothing does."""
    if status in ("Deleting", "Failed"):
        state = _retire_all(state, now)
    elif state.coming is not None:
        state, status = _bring_up(state, state.coming, status, now)
    elif state.current is not None:
        state, status = _keep_up(state, state.current, status, now)
    return replace(state, retired=tuple(each for each in state.retired if each.phase != "Gone")), status


def _retired(instances: tuple[Instance, ...], now: float) -> tuple[Instance, ...]:
    return tuple(replace(instance, retired=now) for instance in instances)


def _retire_all(state: State, now: float) -> State:
    fleets = [fleet for fleet in (state.current, state.coming) if fleet is not None]
    leaving = tuple(instance for fleet in fleets for instance in fleet.instances)
    return replace(state, current=None, coming=None, retired=(*state.retired, *_retired(leaving, now)))


def _bring_up(state: State, coming: Fleet, status: str, now: float) -> tuple[State, str]:
    failed = next((instance for instance in coming.instances if instance.phase in DEAD), None)
    if failed is not None:  # what served before goes on
        retired = (*state.retired, *_retired(coming.instances, now))
        state = replace(state, coming=None, retired=retired, failure=failed.reason, changed=now)
        return state, "InService" if state.current is not None else "Failed"
    if not coming.complete:
        return state, status
    before = state.current.instances if state.current is not None else ()
    served = replace(coming, instances=tuple(replace(each, served=True) for each in coming.instances))
    retired = (*state.retired, *_retired(before, now))
    return State(coming.config, current=served, retired=retired, changed=now, deployment=state.deployment), "InService"


def _keep_up(state: State, current: Fleet, status: str, now: float) -> tuple[State, str]:
    """Replace what died, follow a change of capacity, and end an update of weights once there is enough of each."""
    instances = [replace(each, served=True) if each.phase == "InService" else each for each in current.instances]
    dead = [each for each in instances if each.phase in DEAD]
    kept = [each for each in instances if each.phase not in DEAD]
    variants = current.variants
    failure = next((each.reason for each in dead if status == "Updating" and not each.served), "")
    if failure:  # more instances were asked for, and do not come up: stay with what there is
        variants = tuple(replace(each, count=_count(kept, each.name) or 1) for each in variants)
    leaving = list(dead)
    for variant in variants:
        mine = [each for each in kept if each.variant == variant.name]
        gone = [each for each in dead if each.variant == variant.name]
        kept += _replacements(variant, len(mine), gone, now)
        surplus = sorted(mine, key=lambda each: each.phase == "InService")[: max(0, len(mine) - variant.count)]
        kept = [each for each in kept if each not in surplus]
        leaving += surplus
    fleet = replace(current, variants=variants, instances=tuple(kept))
    state = replace(state, current=fleet, retired=(*state.retired, *_retired(tuple(leaving), now)))
    if status == "Updating" and (failure or fleet.complete):
        weighted = tuple(replace(variant, current_weight=variant.weight) for variant in variants)
        state = replace(state, current=replace(fleet, variants=weighted), failure=failure, changed=now)
        status = "InService"
    return state, status


def _count(instances: list[Instance], variant: str) -> int:
    return sum(each.variant == variant and each.phase == "InService" for each in instances)


def _replacements(variant: Variant, present: int, gone: list[Instance], now: float) -> list[Instance]:
    """Instances to make up the number; after failures to come up, with growing pauses."""
    attempt = max((each.attempt + 1 for each in gone if not each.served), default=0)
    not_before = now + min(2.0**attempt, _LONGEST_PAUSE) if attempt else 0
    missing = max(0, variant.count - present)
    return [_wanted(variant.name, attempt=attempt, not_before=not_before) for _ in range(missing)]


def routes(state: State) -> dict[str, Any]:
    """Where requests go, as the runtime service reads it."""
    fleet = state.current
    return {
        "variants": [
            {
                "name": variant.name,
                "weight": variant.current_weight,
                "instances": [{"id": each.id, "address": each.address} for each in fleet.in_service(variant.name)],
            }
            for variant in fleet.variants
        ]
        if fleet is not None
        else []
    }
