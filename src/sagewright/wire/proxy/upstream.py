"""The proxy that the user's own network asks for, and which hosts it is not for."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

_ANSWER_LIMIT = 32 * 1024


@dataclass(frozen=True, slots=True)
class Upstream:
    """scheme: http or https. authorization: a Proxy-Authorization header line, or empty."""

    scheme: str
    host: str
    port: int
    authorization: str

    @classmethod
    def parse(cls, url: str) -> Upstream | None:
        """None for no URL. Raises ValueError for one that names no http or https proxy."""
        if not url:
            return None
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError(
                f"setting upstream_proxy: {parts.scheme}://{parts.hostname} is no http or https proxy "
                "(an empty SAGEWRIGHT_UPSTREAM_PROXY does without)"
            )
        authorization = ""
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, authorization)

    def is_at(self, host: str, port: int) -> bool:
        """Whether this is the proxy that listens there."""
        return self.port == port and self.host in (host, "localhost", "127.0.0.1", "::1")


class Answer:
    """Reads the head of an upstream proxy's answer to CONNECT, in the place of a relay's other side.

    head: resolves to the status and what came after the head. Raises ConnectionError without an HTTP answer.
    """

    is_over = True

    def __init__(self) -> None:
        self.head: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._text = b""

    def write(self, data: bytes) -> None:
        self._text += data
        text, found, rest = self._text.partition(b"\r\n\r\n")
        if self.head.done() or not (found or len(self._text) > _ANSWER_LIMIT):
            return
        status = re.match(rb"HTTP/1\.[01] (\d{3})", text)
        if found and status:
            self.head.set_result((int(status[1]), rest))
        else:
            self.end()

    def end(self) -> None:
        if not self.head.done():
            self.head.set_exception(ConnectionError("no HTTP answer"))

    close = end

    def pause(self) -> None:
        """A head is short: nothing to hold back."""

    resume = pause


def bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Whether NO_PROXY's list has the host: by name, a domain above it, an address range, or *. Loopback always is."""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for item in filter(None, (entry.strip().lower() for entry in no_proxy.split(","))):
        if item == "*":
            return True
        if address is not None:
            try:
                if address in ip_network(item, strict=False):
                    return True
            except ValueError:
                pass
        name, _, item_port = item.partition(":")
        domain = name.lstrip("*").lstrip(".")
        if domain and item_port in ("", str(port)) and (host == domain or host.endswith(f".{domain}")):
            return True
    return False
