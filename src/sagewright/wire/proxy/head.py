"""The head of a request to a proxy: taken apart, and put together again for the next hop.

Source: RFC 9110 section 9.3.6 (CONNECT), RFC 9112 section 3.2 (request targets).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile(r"HTTP/1\.[01]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate"})


class Refused(Exception):
    """A request that gets an error status instead of a connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """target: as sent. host: lower case, without brackets."""

    method: str
    target: str
    version: str
    host: str
    port: int
    headers: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        """host:port as CONNECT spells it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def forwarded(self, *, absolute: bool, extra: str = "") -> bytes:
        """The head for the next hop: one request on its connection, nothing in it that was meant for this one.

        absolute: keep the whole URL (the next hop is a proxy). extra: a header line more, or empty.
        """
        parts = urlsplit(self.target)
        target = self.target if absolute else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = [value.split(",") for name, value in self.headers if name.lower() == "connection"]
        dropped = _HOP_BY_HOP.union(name.strip().lower() for names in named for name in names)
        kept = [(name, value) for name, value in self.headers if name.lower() not in dropped]
        if not any(name.lower() == "host" for name, _ in kept):
            kept.insert(0, ("Host", parts.netloc.rpartition("@")[2]))
        lines = [f"{self.method} {target} {self.version}", *(f"{name}: {value}" for name, value in kept)]
        return ("\r\n".join([*lines, "Connection: close"]) + f"\r\n{extra}\r\n").encode("latin-1")


def parse(text: bytes) -> Head:
    """text: up to the empty line. Raises Refused (400) for a head that is malformed or not meant for a proxy."""
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not _VERSION.fullmatch(words[2]):
        raise Refused(400, "malformed request line")
    method, target, version = words
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or _UNPRINTABLE.search(value):
            raise Refused(400, "malformed header")
        headers.append((name, value.strip()))
    host, port = _place(method, target)
    return Head(method, target, version, host, port, tuple(headers))


def _place(method: str, target: str) -> tuple[str, int]:
    if method == "CONNECT":
        url, default = f"//{target}", None
    elif target[:7].lower() == "http://":
        url, default = target, 80
    else:
        raise Refused(400, "this is a proxy: a request names a whole http:// URL, or CONNECT a host and a port")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or default
    except ValueError:
        host, port = None, None
    if _UNPRINTABLE.search(target) or not host or port is None or (method == "CONNECT" and parts.netloc != target):
        raise Refused(400, f"malformed target {target[:200]!r}")
    return host.lower().rstrip("."), port
