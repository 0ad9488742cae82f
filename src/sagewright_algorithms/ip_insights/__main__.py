"""Compiles all kernels into the cache: a small network learns a few pairs, and is asked about them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from sagewright_algorithms.contract.channels import Channel, ContentType
from sagewright_algorithms.contract.collective import alone
from sagewright_algorithms.ip_insights.data import Source
from sagewright_algorithms.ip_insights.evaluation import area
from sagewright_algorithms.ip_insights.network import Batch, Network
from sagewright_algorithms.ip_insights.prefix_tree import PrefixTree
from sagewright_algorithms.ip_insights.tables import Step

_ROWS = 8


def main() -> None:
    random = np.random.default_rng(0)
    network = Network(_ROWS, 4, 1, _ROWS, random)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.csv").write_text("".join(f'"entity {row}", 10.0.0.{row % 3}\n' for row in range(_ROWS)))
        source = Source(Channel("train", Path(folder), "csv", ContentType.parse("text/csv")), _ROWS)
        for pairs in source.batches(_ROWS):
            network.tree.grow(pairs.addresses)
            others = random.integers(0, 1 << 32, (1, _ROWS), dtype=np.uint32)
            shuffles = np.arange(_ROWS, dtype=np.int32).reshape(1, _ROWS)
            network.step(Batch(*pairs, others, shuffles, 0, _ROWS), Step(1, 0.01, 0.0), 1 / _ROWS, alone())
        area(network, source, 0, alone())
    # A table that has to grow.
    tree = PrefixTree(1 << 20)
    tree.grow(random.integers(0, 1 << 32, 1 << 14, dtype=np.uint32))


if __name__ == "__main__":
    main()
