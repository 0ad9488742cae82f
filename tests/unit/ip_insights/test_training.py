"""What hyperparameters change: negatives, mini-batches, vectors, what is published."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.ip_insights import artifacts, model, training
from sagewright_algorithms.ip_insights.network import Batch, Network
from sagewright_algorithms.ip_insights.train import train
from unit.algorithms.folders import Folder
from unit.algorithms.side_by_side import side_by_side

_COUNT = 500


def _lines(count: int = _COUNT) -> str:
    random = np.random.default_rng(0)
    users, hosts = random.integers(0, 20, count), random.integers(0, 256, count)
    return "".join(f"user_{user},10.{user}.1.{host}\n" for user, host in zip(users, hosts, strict=True))


def _given(**more: Any) -> dict[str, Any]:
    return {"num_entity_vectors": 5000, "vector_dim": 8, "mini_batch_size": 100, "epochs": 2, **more}


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Those that a job has learnt from, of all its instances."""
    found: list[Batch] = []
    step = Network.step

    def observed(self: Network, batch: Batch, *rest: Any) -> tuple[float, int]:
        found.append(batch)
        return step(self, batch, *rest)

    monkeypatch.setattr(training.Network, "step", observed)
    return found


def _learnt(folder: Folder, **more: Any) -> artifacts.Artifact:
    folder.put("train", "a", _lines())
    assert folder.run(_given(**more), "text/csv") == ""
    return artifacts.read(folder.model_dir)


@pytest.mark.parametrize(("random", "shuffled"), [(1, 1), (0, 1), (1, 0), (3, 2), (0, 7), (500, 0)])
def test_each_record_has_as_many_negatives(folder: Folder, batches: list[Batch], random: int, shuffled: int) -> None:
    _learnt(folder, random_negative_sampling_rate=random, shuffled_negative_sampling_rate=shuffled)
    assert len(batches) == 2 * _COUNT // 100
    for batch in batches:
        assert batch.others.shape == (random, 100)
        assert batch.shuffles.shape == (shuffled, 100)


def test_random_negatives_are_any_address(folder: Folder, batches: list[Batch]) -> None:
    _learnt(folder, random_negative_sampling_rate=50)
    others = np.concatenate([batch.others.reshape(-1) for batch in batches])
    assert len(others) == 50 * 2 * _COUNT
    # Each octet of each value is as likely: of 196 there would be a variance of as much.
    for shift in (24, 16, 8, 0):
        counts = np.bincount((others >> np.uint32(shift)) & np.uint32(255), minlength=256)
        assert np.abs(counts - len(others) / 256).max() < 5 * np.sqrt(len(others) / 256)
    assert len(np.unique(others)) > 0.999 * len(others)


def test_shuffled_negatives_are_addresses_of_the_mini_batch(folder: Folder, batches: list[Batch]) -> None:
    _learnt(folder, shuffled_negative_sampling_rate=3)
    orders = np.concatenate([batch.shuffles for batch in batches])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(100), (len(orders), 1)))
    assert len(np.unique(orders, axis=0)) == len(orders), "the same order came twice"


@pytest.mark.parametrize("count", [2, 3])
def test_instances_draw_the_same_negatives(folder: Folder, batches: list[Batch], count: int) -> None:
    """Each learns from its own part of the same mini-batch."""
    folders = [Folder(folder.base / f"algo-{number}", folder.spec) for number in range(count)]
    for each in folders:
        each.put("train", "a", _lines())
        each.configure(_given(epochs=1), "text/csv", S3DistributionType="FullyReplicated")

    def work(number: int, collective: Collective) -> None:
        train(folders[number].job(collective))

    side_by_side(count, work)
    found: dict[bytes, list[Batch]] = {}
    for batch in batches:
        found.setdefault(batch.addresses.tobytes(), []).append(batch)
    assert sum(len(several[0].entities) for several in found.values()) == _COUNT
    for several in found.values():
        for other in several[1:]:
            np.testing.assert_array_equal(other.others, several[0].others)
            np.testing.assert_array_equal(other.shuffles, several[0].shuffles)
        parts = sorted((batch.first, batch.last) for batch in several)
        assert [first for first, _ in parts] == [0, *(last for _, last in parts[:-1])]
        assert (len(parts), parts[-1][1]) == (count, len(several[0].entities))


@pytest.mark.parametrize(("batch", "sizes"), [(100, [100] * 5), (150, [150, 150, 150, 50]), (500, [500])])
def test_mini_batches_in_the_order_of_the_file(
    folder: Folder, batches: list[Batch], batch: int, sizes: list[int]
) -> None:
    _learnt(folder, mini_batch_size=batch, epochs=3)
    assert [len(one.entities) for one in batches] == sizes * 3
    hosts = np.concatenate([one.addresses for one in batches[: len(sizes)]])
    written = [list(map(int, line.split(",")[1].split("."))) for line in _lines().splitlines()]
    assert hosts.tolist() == [a << 24 | b << 16 | c << 8 | d for a, b, c, d in written]


@pytest.mark.parametrize("layers", [0, 1, 4])
@pytest.mark.parametrize("width", [4, 33])
def test_the_sizes_of_the_model(folder: Folder, layers: int, width: int) -> None:
    found = _learnt(folder, num_ip_encoder_layers=layers, vector_dim=width)
    assert found.weights.shape == (layers, width, width)
    assert found.entity_vectors.shape == (20, width)
    assert found.prefix_vectors.shape == (len(found.prefixes), width)


def test_entities_share_vectors_where_there_are_few(folder: Folder) -> None:
    found = _learnt(folder, num_entity_vectors=3)
    assert found.entities.tolist() == [0, 1, 2]
    loaded = model.load(folder.model_dir)
    users = "".join(f"user_{user},10.1.1.1\n" for user in range(20))
    products = loaded.predict(model.decode(users.encode(), "csv"))["dot_product"]
    assert len(np.unique(products)) == 3


def test_the_learning_rate_and_weight_decay(folder: Folder) -> None:
    """A small rate leaves entities near zero, where they begin; strong decay keeps them there."""
    sizes = [
        float(np.abs(_learnt(folder, **more).entity_vectors).mean())
        for more in ({"learning_rate": 1e-6}, {"learning_rate": 0.01}, {"learning_rate": 0.01, "weight_decay": 10})
    ]
    assert 0 < sizes[0] <= 1e-5
    assert sizes[1] > 1000 * sizes[0]
    assert sizes[2] < 0.1 * sizes[1]


@pytest.mark.parametrize(("interval", "published"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (1000, [0])])
def test_metrics_of_batches_are_published_now_and_then(
    folder: Folder, interval: int, published: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    _learnt(folder, batch_metrics_publish_interval=interval)
    log = capfd.readouterr().out
    found = re.findall(r"epoch=(\d), batch=(\d+) train binary_classification_cross_entropy <loss>=\d", log)
    assert found == [(str(epoch), str(batch)) for epoch in range(2) for batch in published]
