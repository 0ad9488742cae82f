"""A job's hyperparameters with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright_algorithms.ip_insights.spec import DEFAULTS

_PREFIX_BYTES = 1 << 30
_FEWEST, _MOST = 1 << 12, 1 << 20
"""Prefixes that may have vectors: as many as fit into the bytes with Adam's moments, between these bounds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """entities: how many vectors. width: of a vector. batch: records. random, shuffled: negatives for each record."""

    entities: int
    width: int
    layers: int
    batch: int
    epochs: int
    rate: float
    decay: float
    random: int
    shuffled: int
    interval: int

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """given: a job's hyperparameters, parsed."""
        values = {**DEFAULTS, **given}
        return cls(
            entities=values["num_entity_vectors"],
            width=values["vector_dim"],
            layers=values["num_ip_encoder_layers"],
            batch=values["mini_batch_size"],
            epochs=values["epochs"],
            rate=values["learning_rate"],
            decay=values["weight_decay"],
            random=values["random_negative_sampling_rate"],
            shuffled=values["shuffled_negative_sampling_rate"],
            interval=values["batch_metrics_publish_interval"],
        )

    @property
    def prefixes(self) -> int:
        """How many may have vectors."""
        return max(_FEWEST, min(_MOST, _PREFIX_BYTES // (12 * self.width)))

    @property
    def needed_memory(self) -> int:
        """Bytes for a mini-batch and the encoder; the vectors of entities come on top, as they occur."""
        samples = self.batch * (1 + self.random + self.shuffled)
        addresses = self.batch * (1 + self.random)
        codes = min(addresses, self.prefixes + 1)
        return (
            8 * samples + 16 * addresses + 4 * self.width * (codes * (self.layers + 4) + 7 * self.layers * self.width)
        )
