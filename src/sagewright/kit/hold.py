"""Answers held while a resource is still changing, so that no client waits on its own polls.

Clients pause far longer between two looks than a small job lasts. boto3's waiters mark their calls with the feature id
``B`` in the user agent's ``m/`` list; the SageMaker SDK names itself. Everyone else gets an answer at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sagewright.core.clock import Clock
from sagewright.kit.operation import Context
from sagewright.store import Document, Store

_FEATURES = re.compile(r"(?:^| )m/(\S+)")


@dataclass(frozen=True, slots=True)
class Holds:
    """Longest hold in seconds by kind of caller; 0 turns it off. Clients give up on a silent socket after 60 s."""

    waiter: float = 50.0
    sdk: float = 5.0


class Holder:
    """Waits for documents on behalf of Describe operations."""

    def __init__(self, store: Store, clock: Clock, holds: Holds) -> None:
        self._store = store
        self._clock = clock
        self._holds = holds

    async def settled(
        self, ctx: Context, document: Document, in_motion: Callable[[Document], bool], *, limit: float | None = None
    ) -> Document:
        """The document, once it is no longer in motion or the caller's patience is spent.

        A waiter is held until the resource settles, the SDK until anything changes. limit: never longer than this.
        A document deleted meanwhile is returned as it last was.
        """
        waiter = _is_waiter(ctx)
        patience = self._holds.waiter if waiter else self._holds.sdk if _is_sdk(ctx) else 0.0
        deadline = self._clock.monotonic() + (patience if limit is None else min(patience, limit))
        first = document.revision
        while in_motion(document) and (waiter or document.revision == first):
            left = deadline - self._clock.monotonic()
            if left <= 0 or not await self._store.changes.wait(document.space, document.key, left):
                break
            latest = self._store.documents.get(document.space, document.key)
            if latest is None:
                break
            document = latest
        return document


def _is_waiter(ctx: Context) -> bool:
    found = _FEATURES.search(ctx.user_agent)
    return found is not None and "B" in found[1].split(",")


def _is_sdk(ctx: Context) -> bool:
    return "AWS-SageMaker-Python-SDK" in ctx.user_agent or "sagemaker-python-sdk" in ctx.user_agent.lower()
