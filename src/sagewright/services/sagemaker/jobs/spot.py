"""Managed spot training: when a job's instances are taken away.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagewright.kit import interruptions
from sagewright.store import Document

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Spot:
    """data_dir: where `sagewright interrupt` leaves its requests. rate: interruptions by chance, an hour of running.

    price: what an instance costs of its price on demand, by which SageMaker counts billable seconds.
    """

    data_dir: Path
    rate: float = 0.0
    price: float = 0.3

    def launched(self, now: float) -> dict[str, Any]:
        """What a job's state has of the instances it just got: their price, and when chance takes them away."""
        drawn = {"InterruptAt": now + random.expovariate(self.rate / _HOUR)} if self.rate else {}
        return {"SpotPrice": self.price, **drawn}

    def due(self, document: Document, now: float) -> bool:
        """Whether a job's instances are to be taken away."""
        state: Mapping[str, Any] = document.body["state"]
        if now >= state.get("InterruptAt", float("inf")):
            return True
        space = document.space
        return interruptions.asked(self.data_dir, space.account, space.region, document.key)

    def done(self, document: Document) -> None:
        """They are, or the job has ended."""
        space = document.space
        interruptions.forget(self.data_dir, space.account, space.region, document.key)
