"""Channels in memory, and all that one training is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from sagewright_algorithms.contract.channels import ContentType
from sagewright_algorithms.contract.collective import Collective, alone
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.job import Stop, TrainingJob
from sagewright_algorithms.formats.examples import Examples, ReadOptions, Source
from unit.algorithms.side_by_side import side_by_side

Array = np.ndarray[Any, Any]


@dataclass
class MemoryChannel:
    """A channel whose rows are at hand. passes: how often it was read."""

    name: str
    features: Any
    labels: Array
    pipe: bool = False
    passes: int = 0
    format = "csv"
    path = Path("memory")
    content_type = ContentType("text/csv", {})

    def batches(self, size: int, options: ReadOptions, *, epoch: int = 0) -> Iterator[Examples]:
        assert not self.pipe or epoch == self.passes, "the pipes of a channel are read in their order, each once"
        self.passes += 1
        for begin in range(0, len(self.labels), size):
            rows = slice(begin, begin + size)
            yield Examples(self.features[rows], self.labels[rows], sources=[Source("memory.csv", size)])

    def fault(self, where: str) -> ClientError:
        return ClientError(f"{self.name} channel: {where}")


@pytest.fixture
def instances() -> Callable[..., list[Any]]:
    """instances(count, work): the results of work(number, collective), run side by side by threads of this process."""
    return side_by_side


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., TrainingJob]:
    """job(hyperparameters, train=(features, labels), ...): a job on channels in memory."""

    def make(
        hyperparameters: dict[str, Any],
        *,
        checkpoints: Path | None = None,
        collective: Collective | None = None,
        **rows: Any,
    ) -> TrainingJob:
        collective = collective or alone()
        host = collective.hosts[collective.rank]
        environment: Any = SimpleNamespace(
            current_host=host, hosts=collective.hosts, checkpoint_dir=checkpoints, model_dir=tmp_path / host / "model"
        )
        channels: Any = {name: MemoryChannel(name, *part) for name, part in rows.items()}
        return TrainingJob(environment, hyperparameters, channels, Stop(), collective)

    return make


@dataclass(frozen=True)
class Rows:
    """features: (1200, 6), of unlike scales; labels of each predictor type."""

    features: Array
    binary: Array
    classes: Array
    numbers: Array


@pytest.fixture(scope="session")
def rows() -> Rows:
    random = np.random.default_rng(3)
    plain = random.normal(size=(1200, 6))
    features = (plain * [1, 10, 0.1, 5, 1, 1] + [0, 100, 0, -3, 0, 1]).astype(np.float32)
    line = plain @ [1.0, -2.0, 0.5, 0.0, 1.5, 0.2]
    classes = (plain[:, :4] + random.gumbel(size=(1200, 4)) * 0.3).argmax(axis=1)
    return Rows(
        features,
        (line + random.logistic(size=1200) > 0.3).astype(np.float32),
        classes.astype(np.float32),
        (50 + 7 * line + random.normal(size=1200)).astype(np.float32),
    )


@pytest.fixture(scope="session")
def sparse_features() -> Any:
    """(1200, 40) CSR, one value in ten."""
    random = np.random.default_rng(4)
    return scipy.sparse.random(1200, 40, 0.1, "csr", np.float32, random, random.standard_normal)
