"""The upstream proxy and the hosts it is not for."""

from __future__ import annotations

import asyncio

import pytest

from sagewright.wire.proxy.upstream import Answer, Upstream, bypasses


@pytest.mark.parametrize(
    ("no_proxy", "host", "expected"),
    [
        ("", "example.com", False),
        ("", "localhost", True),
        ("", "127.9.9.9", True),
        ("", "::1", True),
        ("*", "example.com", True),
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        (".example.com", "www.example.com", True),
        ("*.example.com", "www.example.com", True),
        ("example.com", "notexample.com", False),
        (" Other.org , EXAMPLE.com ", "example.com", True),
        ("example.com:443", "example.com", True),
        ("example.com:8443", "example.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("fd00::/8", "fd00::1", True),
        ("not/a/net,,", "10.1.2.3", False),
    ],
)
def test_bypasses(no_proxy: str, host: str, expected: bool) -> None:
    assert bypasses(no_proxy, host, 443) is expected


def test_parse() -> None:
    assert Upstream.parse("") is None
    assert Upstream.parse("proxy.corp:3128") == Upstream("http", "proxy.corp", 3128, "")
    found = Upstream.parse("https://us%40er:p%3Aw@proxy.corp")
    assert found == Upstream("https", "proxy.corp", 443, "Proxy-Authorization: Basic dXNAZXI6cDp3\r\n")


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "http://", "http://proxy:notaport"])
def test_parse_refuses(url: str) -> None:
    with pytest.raises(ValueError):
        Upstream.parse(url)


def test_answer() -> None:
    async def ask(*chunks: bytes) -> tuple[int, bytes]:
        answer = Answer()
        for chunk in chunks:
            answer.write(chunk)
        answer.end()
        return await answer.head

    assert asyncio.run(ask(b"HTTP/1.1 200 OK\r\n", b"Via: x\r\n\r\nbanner")) == (200, b"banner")
    assert asyncio.run(ask(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n")) == (407, b"")
    for chunks in ((b"SSH-2.0\r\n\r\n",), (b"HTTP/1.1 200",), (b"x" * 40000,)):
        with pytest.raises(ConnectionError):
            asyncio.run(ask(*chunks))
