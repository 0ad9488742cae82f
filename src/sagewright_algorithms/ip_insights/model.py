"""Loads a model folder and predicts with it.

Responses: https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-inference-data-formats.html
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Columns, Floats
from sagewright_algorithms.ip_insights import artifacts
from sagewright_algorithms.ip_insights.artifacts import Artifact
from sagewright_algorithms.ip_insights.hashing import numbers
from sagewright_algorithms.ip_insights.requests import Request
from sagewright_algorithms.ip_insights.requests import decode as decode  # what the model server looks for

Array = NDArray[Any]

_FORMATS = {"application/json": "json", "application/jsonlines": "jsonlines"}


class _Level:
    """The prefixes of one length. prefixes: ascending. nodes: of each its number, from 1."""

    def __init__(self, artifact: Artifact, length: int) -> None:
        nodes = np.flatnonzero(artifact.lengths == length)
        order = np.argsort(artifact.prefixes[nodes])
        self.prefixes = artifact.prefixes[nodes][order]
        self.nodes = nodes[order] + 1
        self.shift = 32 - length

    def find(self, addresses: Array) -> Array:
        """(n,) int64, of each address the node; 0 where it has none."""
        if not len(self.prefixes):
            return np.zeros(len(addresses), np.int64)
        wanted = addresses.astype(np.int64) >> self.shift
        at = np.minimum(np.searchsorted(self.prefixes, wanted), len(self.prefixes) - 1)
        return np.where(self.prefixes[at] == wanted, self.nodes[at], 0)


class Model:
    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._levels = [_Level(artifact, length) for length in (8, 16, 24, 32)]
        # Of each node the sum of the vectors on its way from the root, which is number 0.
        self._sums = np.concatenate([np.zeros((1, artifact.ends.shape[1]), np.float32), artifact.prefix_vectors])
        for above, level in pairwise(self._levels):
            self._sums[level.nodes] += self._sums[above.find(level.prefixes << level.shift)]

    def predict(self, request: Request) -> Columns:
        """``dot_product``: (n,). ``entity_embedding``, ``ip_embedding``: (n, k)."""
        entities, addresses = self.entities(request.checksums), self.addresses(request.addresses)
        products = np.einsum("ij,ij->i", entities, addresses)
        return {"dot_product": products, "entity_embedding": entities, "ip_embedding": addresses}

    def entities(self, checksums: Array) -> Floats:
        """(n, k); zero of those that have never occurred."""
        artifact = self._artifact
        wanted = numbers(checksums, artifact.count)
        at = np.minimum(np.searchsorted(artifact.entities, wanted), len(artifact.entities) - 1)
        found: Floats = artifact.entity_vectors[at]
        found[artifact.entities[at] != wanted] = 0
        return found

    def addresses(self, addresses: Array) -> Floats:
        """(n, k), the embeddings."""
        nodes, depths = np.zeros(len(addresses), np.int64), np.zeros(len(addresses), np.int64)
        for level in self._levels:
            found = level.find(addresses)
            nodes = np.where(found, found, nodes)
            depths += found > 0
        # Addresses with the same longest prefix are the same.
        _, first, places = np.unique(nodes, return_index=True, return_inverse=True)
        rows = self._sums[nodes[first]] + self._artifact.ends[depths[first]]
        for weight, bias in zip(self._artifact.weights, self._artifact.biases, strict=True):
            rows = rows + np.maximum(rows @ weight + bias, 0)
        embeddings: Floats = rows[places]
        return embeddings


def load(model_dir: Path) -> Model:
    """Raises artifacts.UnreadableModel and OSError."""
    log.info(f"Loading the model from {model_dir / artifacts.NAME}")
    return Model(artifacts.read(model_dir))


def predict(model: Model, batch: Request) -> Columns:
    """As the model's own."""
    return model.predict(batch)


def encode(model: Model, columns: Columns, accept: str) -> bytes:
    """columns: of ``predict``. accept: one of the spec's."""
    body: bytes = codec(_FORMATS[accept]).encode(columns)
    return body
