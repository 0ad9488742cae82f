"""Requests as ASGI has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """A request's body is longer than it may be."""


async def body_of(scope: Scope, receive: Receive, limit: int) -> bytes:
    """A request's body, of at most limit bytes. Raises TooLarge."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise TooLarge
    event = await receive()
    body: bytes = event.get("body", b"")
    if not event.get("more_body"):
        return body
    parts, size = [body], len(body)
    while event.get("more_body"):
        event = await receive()
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
    return b"".join(parts)
