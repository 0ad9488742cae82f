"""The proxy that brings hard-coded AWS hosts home; HTTPS_PROXY of a client points to it."""

from sagewright.wire.proxy.server import Proxy

__all__ = ["Proxy"]
