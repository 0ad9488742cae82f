"""Where an endpoint's requests go: its document's ``routes``, kept in memory and renewed when the document changes.

    {"variants": [{"name": "AllTraffic", "weight": 1.0, "instances": [{"id": ..., "address": "127.0.1.5"}]}]}

The hosting controller writes them; a variant's instances are those that are healthy and get traffic.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import accumulate

from sagewright.services.sagemaker_runtime.connection import Pool
from sagewright.store import Document, Space, Store

_PORT = 8080
"""SageMaker's contract for a container."""

_IDLE = 3600
"""Seconds after which an endpoint that did not change is read anew by the next request."""

ENDPOINTS = "sagemaker:endpoint"
"""The kind of the documents read here."""

_Key = tuple[str, str, str]
"""account, region, endpoint name"""


class Instance:
    """A model server. address: with its port where that is not SageMaker's."""

    __slots__ = ("id", "pool")

    def __init__(self, id: str, address: str) -> None:
        self.id = id
        host, colon, port = address.rpartition(":")
        self.pool = Pool(host, int(port)) if colon else Pool(address, _PORT)


class Variant:
    """A variant's share of the traffic (weight) and its instances."""

    __slots__ = ("_next", "instances", "name", "weight")

    def __init__(self, name: str, weight: float, instances: list[Instance]) -> None:
        self.name = name
        self.weight = weight
        self.instances = instances
        self._next = 0

    def instance(self) -> Instance | None:
        """The one with the fewest requests under way, in turn where several have; None where there is none."""
        instances = self.instances
        if len(instances) < 2:
            return instances[0] if instances else None
        self._next = (self._next + 1) % len(instances)
        turn = instances[self._next :] + instances[: self._next]
        return min(turn, key=lambda instance: instance.pool.outstanding)


class Endpoint:
    """An endpoint that exists."""

    __slots__ = ("_cumulative", "by_name", "variants")

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.variants = variants
        self.by_name = {variant.name: variant for variant in variants}
        self._cumulative = list(accumulate(variant.weight for variant in variants))

    def variant(self) -> Variant | None:
        """One by weight; None where no variant gets any traffic."""
        if len(self.variants) == 1:
            return self.variants[0]
        if not self._cumulative or self._cumulative[-1] <= 0:
            return None
        return random.choices(self.variants, cum_weights=self._cumulative)[0]  # noqa: S311

    def instances(self) -> dict[str, Instance]:
        return {instance.id: instance for variant in self.variants for instance in variant.instances}


class Routes:
    """Endpoints by account, region and name. An endpoint in use is watched for changes by one small task."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._endpoints: dict[_Key, Endpoint] = {}
        self._watches: dict[_Key, asyncio.Task[None]] = {}
        self._instances: dict[str, Instance] = {}
        """By id: those of all endpoints, and those that left an endpoint with requests still under way."""

    def endpoint(self, account: str, region: str, name: str) -> Endpoint | None:
        """None where there is no such endpoint."""
        key = (account, region, name)
        found = self._endpoints.get(key)
        if found is None:
            found = self._load(key)
            if found is not None:
                self._watches[key] = asyncio.create_task(self._watch(key))
        return found

    def outstanding(self, instance: str) -> int:
        """Requests under way at an instance, by its id."""
        found = self._instances.get(instance)
        return found.pool.outstanding if found is not None else 0

    async def close(self) -> None:
        """Stop watching and close all connections."""
        for watch in self._watches.values():
            watch.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)
        for key in list(self._endpoints):
            self._forget(key)

    async def _watch(self, key: _Key) -> None:
        account, region, name = key
        space = Space(ENDPOINTS, account, region)
        try:
            # nothing is awaited between a read and the next wait, so no change falls between them
            while self._load(key) is not None:
                if not await self._store.changes.wait(space, name, _IDLE):
                    return
        finally:
            self._forget(key)
            self._watches.pop(key, None)

    def _load(self, key: _Key) -> Endpoint | None:
        account, region, name = key
        document = self._store.documents.get(Space(ENDPOINTS, account, region), name)
        if document is None:
            return None
        before = self._endpoints.get(key)
        endpoint = self._endpoints[key] = self._endpoint(document)
        self._leave(before, endpoint)
        return endpoint

    def _endpoint(self, document: Document) -> Endpoint:
        """Instances that are known go on with their open connections."""
        variants = []
        for described in document.body.get("routes", {}).get("variants", []):
            instances = []
            for each in described["instances"]:
                instance = self._instances.get(each["id"])
                if instance is None or instance.pool.closed:
                    instance = self._instances[each["id"]] = Instance(each["id"], each["address"])
                instances.append(instance)
            variants.append(Variant(described["name"], described["weight"], instances))
        return Endpoint(variants)

    def _forget(self, key: _Key) -> None:
        self._leave(self._endpoints.pop(key, None), None)

    def _leave(self, before: Endpoint | None, after: Endpoint | None) -> None:
        """Close the connections to instances that are no longer there, each after its last reply."""
        kept = after.instances() if after is not None else {}
        for name, instance in before.instances().items() if before is not None else ():
            if name not in kept:
                instance.pool.close()
        self._instances = {
            name: instance
            for name, instance in self._instances.items()
            if instance.pool.outstanding or not instance.pool.closed
        }
