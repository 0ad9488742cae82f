"""Compiles all kernels into the cache: small models learn a few rows."""

from __future__ import annotations

import numpy as np

from sagewright_algorithms.factorization_machines.adam import Adam
from sagewright_algorithms.factorization_machines.data import Batch, plain
from sagewright_algorithms.factorization_machines.gradients import Gradients
from sagewright_algorithms.factorization_machines.kernels.sparse import add
from sagewright_algorithms.factorization_machines.metrics import SUMS
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.settings import Settings
from sagewright_algorithms.formats.examples import csr


def main() -> None:
    labels = np.array([0, 1], np.float32)
    for kind in ("regressor", "binary_classifier"):
        settings = Settings.of({"feature_dim": 2, "num_factors": 2, "predictor_type": kind})
        parameters = Parameters.begin(settings, np.random.default_rng(0))
        batch = Batch(plain(csr(np.eye(2, dtype=np.float32))), labels)
        found = Gradients(kind, parameters).of(batch, np.zeros(SUMS))
        Adam(settings, parameters).step(found, batch.rows)
    # What several instances found is added up.
    add(found.used, found.factors, np.zeros((2, 2), np.float32))


if __name__ == "__main__":
    main()
