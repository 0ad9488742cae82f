"""The model and how it learns: vectors of entities and of prefixes, and the encoder's layers.

The score of a pair is the product of its entity's vector and its address's embedding: the log odds that the pair is one
that occurs. https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-howitworks.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.ip_insights import encoder
from sagewright_algorithms.ip_insights.kernels import batches, vectors
from sagewright_algorithms.ip_insights.prefix_tree import LEVELS, PrefixTree
from sagewright_algorithms.ip_insights.rooms import Rooms
from sagewright_algorithms.ip_insights.tables import Step, Table

Array = NDArray[Any]

_SPREAD = 0.05
"""Of a prefix's first vector. An entity's is zero: one that was never seen is neither likely nor unlikely anywhere."""
_ENTITIES, _CODES, _COLUMNS = 128, 512, 16
"""A thread's share, at least."""


class Batch(NamedTuple):
    """Of all instances. entities: (n,) uint32 numbers. addresses: (n,) uint32. others: (r, n) uint32 addresses, random
    negatives. shuffles: (s, n) int32, the pairs whose address each pair's entity is compared to as well. first, last:
    this instance's pairs are from the one to the other.
    """

    entities: Array
    addresses: Array
    others: Array
    shuffles: Array
    first: int
    last: int


class _Plan(NamedTuple):
    """What a batch needs. used: (u,) int32 rows of entities, of which starts and ordered say the pairs. codes: (c,)
    int32 nodes. targets: (samples, n) int32, places among the codes.
    """

    used: Array
    starts: Array
    ordered: Array
    codes: Array
    targets: Array


class Network:
    """entities: how many different numbers there may be. width: of a vector, k. most: prefixes with a vector."""

    def __init__(self, entities: int, width: int, layers: int, most: int, random: np.random.Generator) -> None:
        self._random = random
        self._rooms = Rooms()
        self.tree = PrefixTree(most + 1)
        self.prefixes = Table(np.zeros((1, width), np.float32))
        self.ends = Table(self._drawn(len(LEVELS) + 1, width))
        weights, self._biases = encoder.initial(layers, width, random)
        self._layers = Table(weights.reshape(-1, width)), Table(self._biases)
        self._weights = weights
        # Only entities that occur have a row; the first row is that of all others.
        self._row_of = np.zeros(entities, np.int32)
        self._names = np.zeros(1 << 10, np.uint32)
        self._rows = 1
        self.entities = Table(np.zeros((1 << 10, width), np.float32))
        self._entity_place, self._node_place = _places(0), _places(0)

    @property
    def width(self) -> int:
        return int(self.entities.numbers.shape[2])

    @property
    def weights(self) -> Array:
        """(layers, k, k)."""
        return self._weights

    @property
    def biases(self) -> Array:
        """(layers, k)."""
        return self._biases

    @property
    def known(self) -> tuple[Array, Array]:
        """((n,) uint32 numbers of the entities that have occurred, (n, k) their vectors)."""
        return self._names[1 : self._rows], self.entities.values[1 : self._rows]

    @property
    def finite(self) -> bool:
        """Whether the model is of numbers."""
        tables = (self.entities, self.prefixes, self.ends, *self._layers)
        return all(bool(np.isfinite(table.values).all()) for table in tables)

    # Learning.

    def step(self, batch: Batch, step: Step, scale: float, collective: Collective) -> tuple[float, int]:
        """(log loss, how many were right), sums over all samples. scale: of the gradient."""
        plan = self._plan(batch)
        states = self._encoded(plan.codes)
        of_entities = self._rooms("of_entities", len(plan.used), self.width)
        of_codes = self._rooms("of_codes", len(plan.codes), self.width)
        loss, right = self._gradients(batch, plan, states[-1], np.float32(scale), of_entities, of_codes)
        if collective.size > 1:
            of_entities, of_codes, (loss, right) = _summed(collective, of_entities, of_codes, (loss, right))
        of_weights, of_biases = encoder.backward(states, self._weights, of_codes)
        self.entities.update(plan.used, of_entities, step)
        self._update_prefixes(plan.codes, of_codes, step)
        for table, gradients in zip(self._layers, (of_weights, of_biases), strict=True):
            table.update_all(gradients, step)
        self._weights = self._layers[0].values.reshape(self._weights.shape)
        self._biases = self._layers[1].values
        return loss, int(right)

    def _plan(self, batch: Batch) -> _Plan:
        count, rooms = len(batch.entities), self._rooms
        rows, slots = rooms("rows", count, kind=np.int32), rooms("slots", count, kind=np.int32)
        used, ordered = rooms("used", count, kind=np.int32), rooms("ordered", count, kind=np.int32)
        self._admit(batch.entities, rows)
        used = used[: batches.number(rows, self._entity_place, used, slots)]
        starts = np.zeros(len(used) + 1, np.int64)
        batches.order(slots, starts, ordered)
        others, shuffles = batch.others, batch.shuffles
        targets = rooms("targets", 1 + len(others) + len(shuffles), count, kind=np.int32)
        addresses = np.concatenate([batch.addresses, others.reshape(-1)])
        codes = self._codes(addresses, targets[: 1 + len(others)].reshape(-1))
        np.take(targets[0], shuffles, out=targets[1 + len(others) :], mode="clip")
        return _Plan(used, starts, ordered, codes, targets)

    def _codes(self, addresses: Array, slots: Array) -> Array:
        """(c,) int32, the different nodes of the addresses. slots: (n,) int32, of each address the place there."""
        nodes = self._rooms("nodes", len(addresses), kind=np.int32)
        self.tree.find(addresses, nodes)
        self._widen_prefixes()
        codes = self._rooms("codes", len(addresses), kind=np.int32)
        return codes[: batches.number(nodes, self._node_place, codes, slots)]

    def _encoded(self, codes: Array) -> Array:
        """(layers + 1, c, k): of each node what goes into each layer and, last, its embedding."""
        states = self._rooms("states", len(self._weights) + 1, len(codes), self.width)
        tree, tables = self.tree, (self.prefixes.numbers, self.ends.numbers)

        def work(begin: int, end: int) -> None:
            vectors.encode(*tables, codes, tree.parents, tree.depths, states[0], begin, end)

        shared(work, len(codes), _CODES)
        encoder.forward(states, self._weights, self._biases)
        return states

    def _gradients(
        self, batch: Batch, plan: _Plan, codes: Array, scale: np.float32, of_entities: Array, of_codes: Array
    ) -> tuple[float, float]:
        weights = self._rooms("weights", *plan.targets.shape)
        own = batch.first, batch.last
        pairs = self.entities.numbers, plan.used, plan.starts, plan.ordered, plan.targets
        parts: dict[int, Array] = {}

        def score(begin: int, end: int) -> None:
            parts[begin] = np.zeros(2)
            vectors.score(*pairs, codes, scale, *own, weights, of_entities, parts[begin], begin, end)

        def spread(begin: int, end: int) -> None:
            vectors.spread(*pairs, weights, *own, of_codes, begin, end)

        shared(score, len(plan.used), _ENTITIES)
        shared(spread, self.width, _COLUMNS)
        sums = sum(parts[begin] for begin in sorted(parts))
        return float(sums[vectors.LOSS]), float(sums[vectors.RIGHT])  # type: ignore[index]

    def _update_prefixes(self, codes: Array, of_codes: Array, step: Step) -> None:
        tree, rooms = self.tree, self._rooms
        room = min(tree.size, len(codes) * len(LEVELS) + 1)
        nodes, above = rooms("ways", room, kind=np.int32), rooms("above", room, kind=np.int32)
        slots = rooms("way_slots", len(codes), kind=np.int32)
        count = batches.ways(codes, tree.parents, tree.depths, self._node_place, nodes, above, slots)
        nodes, above = nodes[:count], above[:count]
        of_nodes, of_ends = rooms("of_nodes", count, self.width), rooms("of_ends", len(LEVELS) + 1, self.width)

        def work(begin: int, end: int) -> None:
            vectors.share(of_codes, nodes, above, slots, tree.depths, of_nodes, of_ends, begin, end)

        shared(work, self.width, _COLUMNS)
        # The root has no vector of its own: its end says it.
        self.prefixes.update(nodes[1:], of_nodes[1:], step)
        self.ends.update_all(of_ends, step)

    # Rows for what occurs.

    def _admit(self, entities: Array, rows: Array) -> None:
        needed = self._rows + len(entities)
        if needed > len(self._names):
            self._names.resize(max(needed, len(self._names) * 3 // 2), refcheck=False)
        self._rows = int(batches.admit(entities, self._row_of, self._names, self._rows, rows))
        self.entities.widen(self._rows)
        if len(self._entity_place) < len(self.entities.numbers):
            self._entity_place = _places(len(self.entities.numbers))

    def _widen_prefixes(self) -> None:
        before = self.prefixes.widen(self.tree.size)
        values = self.prefixes.values
        if len(values) > before:
            values[before:] = self._drawn(len(values) - before, self.width)
        if len(self._node_place) < len(values):
            self._node_place = _places(len(values))

    def _drawn(self, rows: int, width: int) -> Array:
        return self._random.standard_normal((rows, width), np.float32) * np.float32(_SPREAD)

    # Asking.

    def scores(self, entities: Array, addresses: Array) -> Array:
        """(n,) float32. entities: (n,) numbers. addresses: (n,) uint32."""
        slots, found = np.empty(len(addresses), np.int32), np.empty(len(addresses), np.float32)
        codes = self._encoded(self._codes(addresses, slots))[-1]
        rows = self._row_of[entities]
        numbers = self.entities.numbers

        def work(begin: int, end: int) -> None:
            part = slice(begin, end)
            vectors.products(numbers, rows[part], codes, slots[part], found[part])

        shared(work, len(found), _CODES)
        return found


def _places(count: int) -> Array:
    return np.full(count, -1, np.int32)


def _summed(
    collective: Collective, of_entities: Array, of_codes: Array, sums: tuple[float, float]
) -> tuple[Array, Array, tuple[float, float]]:
    """Over the instances, which have all made the same plan."""
    total = collective.sum(np.concatenate([of_entities, of_codes]))
    loss, right = collective.sum(np.array(sums))
    return total[: len(of_entities)], total[len(of_entities) :], (float(loss), float(right))
