"""Loopback addresses, one a service: 127.x.y.z, all with the same port."""

from __future__ import annotations

import errno
import socket
import zlib
from collections.abc import Container

from sagewright.runtime.workload import SERVICE_PORT

_FIRST = 1 << 16
"""127.1.0.0: 127.0.0.0/16 is left to resolvers and others that have settled there."""
_COUNT = (1 << 24) - 2 * _FIRST
_TRIES = 1000


def allocate(seed: str, taken: Container[str]) -> str:
    """A free address, the same one again for the same seed where possible.

    The seed should differ between servers too: an address is free to others until the service listens. Raises OSError
    when none can be bound, as where something listens on the port of all addresses.
    """
    start = zlib.crc32(seed.encode())
    for step in range(_TRIES):
        number = _FIRST + (start + step * 7919) % _COUNT
        address = f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        if number & 255 not in (0, 255) and address not in taken and can_bind(address, SERVICE_PORT):
            return address
    raise OSError(errno.EADDRNOTAVAIL, f"no loopback address has port {SERVICE_PORT} free")


def can_bind(address: str, port: int) -> bool:
    """Whether the address is this machine's and nobody listens on its port; port 0: whether it is this machine's."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
