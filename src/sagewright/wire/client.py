"""Boto-like calls from one service to another in this process, without an HTTP hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple


class Target(NamedTuple):
    """Whom a call inside is for. principal: on whose behalf, where the callee is to check it; None trusts it.

    via: the service that calls.
    """

    service: str
    account: str
    region: str
    principal: Any = None
    via: str = ""


Call = Callable[[Target, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""(target, operation in snake case, members) to the operation's result."""


class Clients:
    """Clients of every service behind one call function."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def client(self, service: str, account: str, region: str, principal: Any = None, via: str = "") -> Client:
        return Client(self._call, Target(service, account, region, principal, via))


class Client:
    """``await client.put_object(Bucket=..., Key=...)``: the operation's AWS-cased dict, or AwsError."""

    __slots__ = ("_call", "_target")

    def __init__(self, call: Call, target: Target) -> None:
        self._call = call
        self._target = target

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        def call(**members: Any) -> Awaitable[dict[str, Any]]:
            return self._call(self._target, operation, members)

        return call
