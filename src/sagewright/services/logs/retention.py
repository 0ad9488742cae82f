"""The end of events: those that their group's retention policy no longer keeps are deleted.

Reads hide them from the moment they expire; AWS, too, deletes them only later.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

from __future__ import annotations

import asyncio

from sagewright.core.clock import Clock
from sagewright.services.logs.keeper import EXPIRING, GROUPS, Keeper
from sagewright.store import Store

_DAY = 86_400
_BATCH = 2_000
"""Events deleted in one transaction, a few milliseconds."""


class Retention:
    """A tidier."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._keeper = Keeper(store, clock)

    async def tidy(self, now: float) -> None:
        """Delete what has expired at now (epoch seconds), in small steps that may stop at any await."""
        for group in self._keeper.store.documents.with_status(GROUPS, [EXPIRING]):
            horizon = now - group.body["retentionInDays"] * _DAY
            for stream in self._keeper.streams(group):
                if stream.body.get("first", now * 1000) < horizon * 1000:
                    while self._keeper.expire(group, stream.key, horizon, _BATCH):
                        await asyncio.sleep(0)
