"""``model_algo-1``: MXNet's named arrays, which ``mx.nd.load`` reads. What AWS's container leaves is not documented."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.formats.examples import Floats, FormatError

if TYPE_CHECKING:
    from sagewright_algorithms.ip_insights.network import Network

Array = NDArray[Any]

NAME = "model_algo-1"


class UnreadableModel(Exception):
    """A model folder without a model that can be read."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """count: num_entity_vectors.

    entities: (n,) the numbers that have occurred, ascending; entity_vectors: (n, k); others are zero. prefixes: (p,)
    bits as numbers, each after those that it begins with; lengths: (p,) of them; prefix_vectors: (p, k). ends: (5, k),
    by how many octets of an address are known. weights: (layers, k, k), biases: (layers, k).
    """

    count: int
    entities: Array
    entity_vectors: Floats
    prefixes: Array
    lengths: Array
    prefix_vectors: Floats
    ends: Floats
    weights: Floats
    biases: Floats

    @classmethod
    def of(cls, network: Network, count: int) -> Artifact:
        entities, vectors = network.known
        order = np.argsort(entities)
        tree = network.tree
        return cls(
            count=count,
            entities=entities[order].astype(np.int64),
            entity_vectors=vectors[order],
            prefixes=tree.prefixes[1:],
            lengths=8 * tree.depths[1:],
            prefix_vectors=network.prefixes.values[1 : tree.size],
            ends=network.ends.values,
            weights=network.weights,
            biases=network.biases,
        )


def write(model_dir: Path, artifact: Artifact) -> None:
    arrays = {
        "num_entity_vectors": np.array([artifact.count], np.int64),
        "entities": artifact.entities,
        "entity_vectors": artifact.entity_vectors,
        "prefixes": artifact.prefixes,
        "prefix_lengths": artifact.lengths,
        "prefix_vectors": artifact.prefix_vectors,
        "end_vectors": artifact.ends,
    }
    for number, (weight, bias) in enumerate(zip(artifact.weights, artifact.biases, strict=True)):
        arrays |= {f"layer{number}_weight": weight, f"layer{number}_bias": bias}
    model_dir.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the platform uploads the folder at any time.
    part = model_dir / f".{NAME}.part"
    part.write_bytes(ndarrays.encode(arrays))
    os.replace(part, model_dir / NAME)


def read(model_dir: Path) -> Artifact:
    """Raises UnreadableModel."""
    path = model_dir / NAME
    if not path.is_file():
        raise UnreadableModel(f"There is no {NAME} in {model_dir}")
    try:
        return _artifact(ndarrays.decode(path.read_bytes()))
    except (FormatError, KeyError, ValueError, IndexError) as error:
        raise UnreadableModel(f"Model {path} cannot be loaded: {error}") from error


def _artifact(arrays: dict[str, Array]) -> Artifact:
    """Raises KeyError, ValueError and IndexError where the parts do not fit together."""
    width = arrays["entity_vectors"].shape[1]
    layers = sum(name.endswith("_weight") for name in arrays)
    weights, biases = np.empty((layers, width, width), np.float32), np.empty((layers, width), np.float32)
    for number in range(layers):
        weights[number], biases[number] = arrays[f"layer{number}_weight"], arrays[f"layer{number}_bias"]
    found = Artifact(
        count=int(arrays["num_entity_vectors"][0]),
        entities=arrays["entities"],
        entity_vectors=arrays["entity_vectors"],
        prefixes=arrays["prefixes"],
        lengths=arrays["prefix_lengths"],
        prefix_vectors=arrays["prefix_vectors"],
        ends=arrays["end_vectors"],
        weights=weights,
        biases=biases,
    )
    shapes = (found.entity_vectors.shape, found.prefix_vectors.shape, found.ends.shape, found.lengths.shape)
    if shapes != ((len(found.entities), width), (len(found.prefixes), width), (5, width), found.prefixes.shape):
        raise ValueError("its arrays do not fit together")
    return found
