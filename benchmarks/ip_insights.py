"""IP Insights on 1,000,000 pairs of 10,000 entities: whole jobs, against embedding models in plain PyTorch."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import median, peer
from benchmarks.trainings import Trainings

_ROUNDS, _EPOCHS = 3, 4
_PAIRS, _VALIDATION, _ENTITIES, _WIDTH, _BATCH = 1_000_000, 100_000, 10_000, 128, 10_000
_STEPS = 30
_GIVEN = {"num_entity_vectors": 2 * _ENTITIES, "vector_dim": _WIDTH, "epochs": _EPOCHS}

_KINDS = {
    "dense": "the same architecture",
    "sparse": "the same with sparse gradients and SparseAdam",
    "bits": "a simpler one, on the 32 bits of an address",
}

# The nodes on each address's way are looked up beforehand; here they are but rows of a table.
_TORCH = """
import sys, time
import numpy as np, torch
from torch import nn
found = np.load(sys.argv[1])
kind, (steps, size, width) = sys.argv[2], map(int, sys.argv[3:])
sparse = kind == "sparse"
entities, ways, depths, other_ways, other_depths, addresses, others = (
    torch.from_numpy(found[name].astype(np.int64))
    for name in ("entities", "ways", "depths", "other_ways", "other_depths", "addresses", "others"))

class Bits(nn.Module):
    def __init__(self):
        super().__init__()
        self.entities = nn.Embedding(int(found["count"]), width)
        self.bits = nn.Linear(32, width)
        self.layer = nn.Linear(width, width)

    def embed(self, addresses, _):
        return self.layer(torch.relu(self.bits((addresses[:, None] >> torch.arange(32) & 1).float())))

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.entities = nn.Embedding(int(found["count"]), width, sparse=sparse)
        self.prefixes = nn.Embedding(int(found["nodes"]), width, sparse=sparse)
        self.ends = nn.Embedding(5, width, sparse=sparse)
        self.layer = nn.Linear(width, width)
        nn.init.zeros_(self.entities.weight)
        nn.init.normal_(self.prefixes.weight, std=0.05)
        nn.init.normal_(self.ends.weight, std=0.05)

    def embed(self, ways, depths):
        rows = self.prefixes(ways).sum(1) + self.ends(depths)
        return rows + torch.relu(self.layer(rows))

if kind == "bits":
    model, ways, other_ways = Bits(), addresses, others
else:
    model = Model()
if sparse:
    tables = [model.entities.weight, model.prefixes.weight, model.ends.weight]
    optimizers = [torch.optim.SparseAdam(tables), torch.optim.Adam(model.layer.parameters(), weight_decay=1e-5)]
else:
    optimizers = [torch.optim.Adam(model.parameters(), weight_decay=1e-5)]
loss_of = nn.BCEWithLogitsLoss()

def step(begin):
    part = slice(begin, begin + size)
    rows, own = model.entities(entities[part]), model.embed(ways[part], depths[part])
    others = model.embed(other_ways[part], other_depths[part])
    shuffled = own[torch.randperm(len(own))]
    scores = torch.cat([(rows * one).sum(1) for one in (own, others, shuffled)])
    labels = torch.zeros(len(scores))
    labels[:len(rows)] = 1
    loss = loss_of(scores, labels)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()

step(0)
begin = time.perf_counter()
for number in range(1, steps + 1):
    step(number * size % len(entities))
print(steps * size / (time.perf_counter() - begin))
"""


def run(gigabytes: float = 10.0) -> Iterator[str]:
    entities, addresses = _generated(_PAIRS + _VALIDATION)
    lines = _lines([f"user_{entity}" for entity in entities.tolist()], addresses)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        trainings = Trainings("ip_insights", base / "job", "text/csv")
        trainings.put("train", b"".join(lines[:_PAIRS]))
        trainings.put("validation", b"".join(lines[_PAIRS:]))
        path = base / "pairs.npz"
        _save(path, entities[:_PAIRS], addresses[:_PAIRS])
        own, first = [], []
        theirs: dict[str, list[float]] = {kind: [] for kind in _KINDS}
        for _ in range(_ROUNDS):
            job = trainings.run(_GIVEN, "train", "validation")
            speeds = [float(found) for found in re.findall(r"train throughput=(\S+) records", job.log)]
            first.append(speeds[0])
            own.append(median(speeds[1:]))
            for kind, found in theirs.items():
                found.append(_torch(path, kind))
        yield f"{median(own):,.0f} pairs/s (first epoch, in which the tree grows, {median(first):,.0f})"
        for kind, words in _KINDS.items():
            speed = median(theirs[kind])
            yield f"  PyTorch, {words}: {speed:,.0f}/s, ratio {median(own) / speed:.1f} (reach >= 3)"
        areas = re.findall(r"validation discriminator_auc <score>=(\S+)", job.log)
        yield (
            f"validation AUC after each epoch {', '.join(f'{float(area):.4f}' for area in areas)} (reach >= 0.97); "
            f"whole job {job.seconds:.1f} s, peak memory {job.megabytes:.0f} MB"
        )
        yield _piped(base / "pipe", entities, addresses, gigabytes)


def _piped(base: Path, entities: Any, addresses: Any, gigabytes: float) -> str:
    """Entities are ARNs here: as many bytes are fewer pairs."""
    names = [f"arn:aws:iam::{entity:012d}:user/division_{entity % 7}/subdivision_{entity:0100d}" for entity in entities]
    trainings = Trainings("ip_insights", base, "text/csv")
    given = {**_GIVEN, "vector_dim": 32, "epochs": 1}
    piped = trainings.piped(given, b"".join(_lines(names, addresses)), gigabytes)
    (records,) = re.findall(r'"Total Records Seen": \{"sum": ([1-9]\d*)', piped.log)
    return (
        f"Pipe mode, {gigabytes:.0f} GB, {int(records):,} pairs, vector_dim 32: {piped.seconds:.1f} s, peak memory "
        f"{piped.megabytes:.0f} MB (reach < 2000)"
    )


def _generated(count: int) -> tuple[Any, Any]:
    """Numbers of entities and addresses. Each entity has one to four networks of its own, /16 to /24."""
    import numpy as np

    random = np.random.default_rng(0)
    lengths = random.integers(16, 25, (_ENTITIES, 4))
    networks = random.integers(0, 1 << 32, (_ENTITIES, 4)) >> (32 - lengths) << (32 - lengths)
    sizes, entities = random.integers(1, 5, _ENTITIES), random.integers(0, _ENTITIES, count)
    chosen = entities, (random.random(count) * sizes[entities]).astype(int)
    hosts = random.integers(0, 1 << 32, count) & ((1 << (32 - lengths[chosen])) - 1)
    return entities, (networks[chosen] | hosts).astype(np.uint32)


def _lines(names: list[str], addresses: Any) -> list[bytes]:
    return [
        f"{name},{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}\n".encode()
        for name, address in zip(names, addresses.tolist(), strict=True)
    ]


def _save(path: Path, entities: Any, addresses: Any) -> None:
    """What the PyTorch model trains on: the nodes on the way to each address and to a random one, root first."""
    import numpy as np

    from sagewright_algorithms.ip_insights.prefix_tree import LEVELS, PrefixTree

    tree = PrefixTree(1 << 20)
    tree.grow(addresses)

    def ways(some: Any) -> tuple[Any, Any]:
        nodes = np.empty(len(some), np.int32)
        tree.find(some, nodes)
        found = [nodes]
        for _ in LEVELS[1:]:
            found.append(tree.parents[found[-1]])
        return np.stack(found[::-1], axis=1), tree.depths[nodes]

    others = np.random.default_rng(1).integers(0, 1 << 32, len(addresses), dtype=np.uint32)
    own_ways, own_depths = ways(addresses)
    other_ways, other_depths = ways(others)
    np.savez(
        path,
        entities=entities,
        ways=own_ways,
        depths=own_depths,
        other_ways=other_ways,
        other_depths=other_depths,
        addresses=addresses,
        others=others,
        count=2 * _ENTITIES,
        nodes=tree.size,
    )


def _torch(path: Path, kind: str) -> float:
    """Pairs a second."""
    command = [str(peer("torch") / "python"), "-c", _TORCH, str(path), kind, *map(str, (_STEPS, _BATCH, _WIDTH))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)
