"""Boto-like calls from one service to another in this process, without an HTTP hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[[str, str, str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""(service, operation in snake case, account, region, members) to the operation's result."""


class Clients:
    """Clients of every service behind one call function."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def client(self, service: str, account: str, region: str) -> Client:
        return Client(self._call, service, account, region)


class Client:
    """``await client.put_object(Bucket=..., Key=...)``: the operation's AWS-cased dict, or AwsError."""

    __slots__ = ("_account", "_call", "_region", "_service")

    def __init__(self, call: Call, service: str, account: str, region: str) -> None:
        self._call = call
        self._service = service
        self._account = account
        self._region = region

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        def call(**members: Any) -> Awaitable[dict[str, Any]]:
            return self._call(self._service, operation, self._account, self._region, members)

        return call
