"""Services called without a wire: a store, a clock that stands still, and a caller over both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.core.clock import Clock, FakeClock
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context, Service, Services
from sagewright.store import Store
from sagewright.wire import models
from sagewright.wire.client import Clients, Target

ACCOUNT = "111122223333"
REGION = "eu-west-1"


class InProcess:
    """``call("iam", "get_role", RoleName=...)`` on services that share a store and a clock."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self._by_name: dict[str, Service] = {}

    def add(self, *factories: Callable[[Store, Clock], Service]) -> InProcess:
        for factory in factories:
            service = factory(self.store, self.clock)
            self._by_name[service.name] = service
        return self

    def call(
        self,
        service: str,
        operation: str,
        /,
        access_key: str = ACCOUNT,
        account: str = ACCOUNT,
        http: Any = None,
        principal: Principal | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        context = self._context(service, operation, account, REGION, members)
        context.access_key, context.http, context.principal = access_key, http, principal
        return asyncio.run(self._run(context))

    async def _run(self, context: Context) -> dict[str, Any]:
        return await Services.of(*self._by_name.values())(context)

    def _context(self, service: str, operation: str, account: str, region: str, members: dict[str, Any]) -> Context:
        async def inside(to: Target, name: str, members: dict[str, Any]) -> dict[str, Any]:
            context = self._context(to.service, name, to.account, to.region, members)
            context.principal, context.via = to.principal, to.via
            return await self._run(context)

        name = models.operation_name(service, operation)
        return Context(account, region, service, name, "id", Clients(inside), members)


@pytest.fixture
def in_process(tmp_path: Path) -> Iterator[InProcess]:
    clock = FakeClock()
    store = Store(tmp_path / "data", clock)
    yield InProcess(store, clock)
    store.close()
