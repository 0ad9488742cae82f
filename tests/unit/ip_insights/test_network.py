"""What the network learns from a mini-batch, against differences of the loss in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.ip_insights.artifacts import Artifact
from sagewright_algorithms.ip_insights.model import Model
from sagewright_algorithms.ip_insights.network import Batch, Network
from sagewright_algorithms.ip_insights.prefix_tree import LEVELS
from sagewright_algorithms.ip_insights.tables import Step, Table
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]

_WIDTH, _PAIRS = 20, 60


def _batch(seed: int, first: int = 0, last: int = _PAIRS) -> Batch:
    random = np.random.default_rng(seed)
    entities = random.integers(0, 12, _PAIRS, dtype=np.uint32)
    addresses = (entities << np.uint32(16)) | random.integers(0, 1 << 9, _PAIRS, dtype=np.uint32)
    others = random.integers(0, 1 << 22, (2, _PAIRS), dtype=np.uint32)
    shuffles = np.stack([random.permutation(_PAIRS) for _ in range(3)]).astype(np.int32)
    return Batch(entities, addresses, others, shuffles, first, last)


def _network(layers: int, batch: Batch) -> Network:
    network = Network(12, _WIDTH, layers, 1000, np.random.default_rng(5))
    network.tree.grow(batch.addresses)
    # Once, so that entities have rows; then vectors that are not zero.
    network.step(batch, Step(1, 0.5, 0.0), 1 / _PAIRS, alone())
    return network


def _tables(network: Network) -> dict[str, Table]:
    weights, biases = network._layers
    return {
        "entities": network.entities,
        "prefixes": network.prefixes,
        "ends": network.ends,
        "weights": weights,
        "biases": biases,
    }


def _loss(network: Network, batch: Batch, values: dict[str, Array]) -> float:
    """The mean over the pairs of what the documentation says, sample by sample."""
    tree = network.tree
    names = {int(name): row for row, name in enumerate(network.known[0], 1)}
    layers = len(values["biases"])
    weights = values["weights"].reshape(layers, _WIDTH, _WIDTH)
    nodes = dict(zip(zip(tree.depths.tolist(), tree.prefixes.tolist(), strict=True), range(tree.size), strict=True))

    def embedding(address: int) -> Array:
        total, depth = np.zeros(_WIDTH), 0
        for level, length in enumerate(LEVELS, 1):
            node = nodes.get((level, address >> (32 - length)))
            if node is None:
                break
            total, depth = total + values["prefixes"][node], level
        total = total + values["ends"][depth]
        for weight, bias in zip(weights, values["biases"], strict=True):
            total = total + np.maximum(0, total @ weight + bias)
        return total

    loss = 0.0
    for pair in range(_PAIRS):
        entity = values["entities"][names[int(batch.entities[pair])]]
        loss += np.log1p(np.exp(-entity @ embedding(int(batch.addresses[pair]))))
        negatives = [*batch.others[:, pair], *batch.addresses[batch.shuffles[:, pair]]]
        loss += sum(np.log1p(np.exp(entity @ embedding(int(address)))) for address in negatives)
    return loss


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_gradient(layers: int) -> None:
    batch = _batch(0)
    network = _network(layers, batch)
    tables = _tables(network)
    values = {name: table.values.astype(np.float64) for name, table in tables.items()}
    for table in tables.values():
        table.numbers[:, 1:] = 0
    expected = _loss(network, batch, values)
    # Adam's first moment of the first gradient is a tenth of it.
    loss, right = network.step(batch, Step(1, 0.0, 0.0), 1.0, alone())
    assert loss == pytest.approx(expected, rel=1e-5)
    assert 0 < right <= 6 * _PAIRS
    random = np.random.default_rng(1)
    for name, table in tables.items():
        gradients = 10 * table.numbers[:, 1]
        rows = np.flatnonzero(np.abs(gradients).max(axis=1, initial=0) > 1e-6)
        assert len(rows) or (name in ("weights", "biases") and not layers)
        for row in random.choice(rows, min(len(rows), 6), replace=False):
            column = int(random.integers(_WIDTH))
            differences = []
            for step in (1e-5, -1e-5):
                changed = {**values, name: values[name].copy()}
                changed[name][row, column] += step
                differences.append(_loss(network, batch, changed))
            slope = (differences[0] - differences[1]) / 2e-5
            assert gradients[row, column] == pytest.approx(slope, rel=1e-3, abs=1e-4), (name, row, column)


def test_weight_decay_and_rows_that_are_not_needed() -> None:
    batch = _batch(0)
    network = _network(1, batch)
    before = network.prefixes.numbers.copy()
    few = Batch(*(array[..., :3] for array in batch[:3]), np.zeros((0, 3), np.int32), 0, 3)
    network.step(few, Step(2, 0.1, 10.0), 1 / 3, alone())
    changed = np.flatnonzero((network.prefixes.numbers != before).any(axis=(1, 2)))
    assert 0 < len(changed) < network.tree.size - 1
    # Decay as strong as this moves all of a vector to zero.
    after = network.prefixes.values[changed]
    towards = -np.sign(before[changed, 0]) * (after - before[changed, 0])
    assert (towards[np.abs(before[changed, 0]) > 0.1] > 0).mean() > 0.9


@pytest.mark.parametrize("count", [2, 3])
def test_instances_that_share_a_batch_learn_what_one_does(count: int) -> None:
    one = _network(2, _batch(0))
    one.step(_batch(7), Step(2, 0.01, 0.0), 1 / _PAIRS, alone())

    def work(rank: int, collective: Collective) -> Network:
        network = _network(2, _batch(0))
        bounds = [_PAIRS * number // count for number in (rank, rank + 1)]
        network.step(_batch(7, *bounds), Step(2, 0.01, 0.0), 1 / _PAIRS, collective)
        return network

    several = side_by_side(count, work)
    for name, expected in _tables(one).items():
        found = [_tables(network)[name].numbers for network in several]
        np.testing.assert_allclose(found[0], expected.numbers, atol=1e-5)
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])


def test_a_model_answers_what_the_network_does() -> None:
    """Also for entities and addresses that have never occurred."""
    batch = _batch(0)
    network = _network(2, batch)
    found = Model(Artifact.of(network, 12))
    addresses = np.concatenate([batch.addresses, batch.others[0]])
    embeddings = found.addresses(addresses)
    for entity in range(12):
        expected = network.scores(np.full(len(addresses), entity, np.uint32), addresses)
        vectors = np.zeros((1, _WIDTH), np.float32)
        if entity in network.known[0]:
            vectors = network.known[1][np.flatnonzero(network.known[0] == entity)]
        np.testing.assert_allclose(embeddings @ vectors[0], expected, atol=1e-4)
