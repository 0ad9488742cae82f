"""Answers held while a resource is still changing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.core.clock import SystemClock
from sagewright.kit.hold import Holder, Holds
from sagewright.kit.operation import Context
from sagewright.store import Document, Space, Store
from sagewright.wire.client import Clients

WAITER = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux m/B,b,Z cfg/retry-mode#legacy Botocore/1.44.5"
SDK = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 m/Z,b AWS-SageMaker-Python-SDK/2.257.7 Python/3.11.7"
PLAIN = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux m/Z,b,D Botocore/1.44.5"
SPACE = Space("job", "000000000000", "us-east-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, SystemClock())
    yield store
    store.close()


def _in_motion(document: Document) -> bool:
    return document.status == "InProgress"


def _context(user_agent: str) -> Context:
    async def nothing(*call: Any) -> dict[str, Any]:
        raise AssertionError(call)

    return Context("000000000000", "us-east-1", "s", "Describe", "id", Clients(nothing), user_agent=user_agent)


def _held(
    store: Store, user_agent: str, change: Callable[[Document], Awaitable[None]], holds: Holds, **limit: float
) -> Document:
    """What Describe would answer, with change happening meanwhile."""

    async def scene() -> Document:
        document = store.documents.insert(SPACE, "name", {"Secondary": "Starting"}, status="InProgress")
        holder = Holder(store, SystemClock(), holds)
        answer = asyncio.create_task(holder.settled(_context(user_agent), document, _in_motion, **limit))
        await asyncio.sleep(0.01)
        await change(document)
        return await answer

    return asyncio.run(scene())


LONG, SHORT = Holds(waiter=20, sdk=20), Holds(waiter=0.05, sdk=0.05)


def _changes(store: Store) -> Callable[[Document], Awaitable[None]]:
    async def change(document: Document) -> None:
        document = store.documents.update(document, body={"Secondary": "Training"})
        await asyncio.sleep(0.01)
        store.documents.update(document, status="Completed")

    return change


async def _nothing(document: Document) -> None:
    pass


def test_a_waiter_is_held_until_the_resource_settles(store: Store) -> None:
    assert _held(store, WAITER, _changes(store), LONG).status == "Completed"


def test_the_sdk_is_held_until_anything_changes(store: Store) -> None:
    found = _held(store, SDK, _changes(store), LONG)
    assert (found.body["Secondary"], found.status) == ("Training", "InProgress")


def test_others_are_answered_at_once(store: Store) -> None:
    assert _held(store, PLAIN, _changes(store), LONG).revision == 1


@pytest.mark.parametrize("user_agent", [WAITER, SDK])
def test_patience_has_an_end(store: Store, user_agent: str) -> None:
    assert _held(store, user_agent, _nothing, SHORT).revision == 1


def test_a_limit_of_the_operations_own(store: Store) -> None:
    assert _held(store, WAITER, _nothing, LONG, limit=0.05).revision == 1


def test_what_is_settled_is_not_held(store: Store) -> None:
    document = store.documents.insert(SPACE, "name", {}, status="Completed")
    holder = Holder(store, SystemClock(), LONG)
    assert asyncio.run(holder.settled(_context(WAITER), document, _in_motion)) is document


def test_a_deleted_resource_lets_go(store: Store) -> None:
    async def delete(document: Document) -> None:
        store.documents.delete(SPACE, "name")

    assert _held(store, WAITER, delete, LONG).revision == 1


def test_the_end_of_the_server_lets_go(store: Store) -> None:
    async def end(document: Document) -> None:
        store.changes.close()

    assert _held(store, WAITER, end, LONG).revision == 1
