"""The proxy of a real server, driven by bare sockets and TLS."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from sagewright.testing.server import ServerHandle, running_server
from sagewright.wire.authority import Authority

STS = "sts.us-east-1.amazonaws.com"
SCOPE = "Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=x"


def settings_of(server: ServerHandle) -> dict[str, object]:
    return json.loads((server.data_dir / "server.json").read_text())


@pytest.fixture(scope="module")
def bundle(sagewright_server: ServerHandle) -> Path:
    return Authority(sagewright_server.data_dir / "ca").prepare({})


def dial(server: ServerHandle) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(str(settings_of(server)["proxy_port"]))), timeout=20)


def head_of(sock: socket.socket) -> str:
    """Up to the empty line, and not a byte more."""
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            break
        text += byte
    return text.decode("latin-1")


def read_all(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def read_exactly(sock: socket.socket, length: int) -> bytes:
    text = b""
    while len(text) < length:
        text += sock.recv(length - len(text))
    return text


def tunnel(server: ServerHandle, place: str) -> socket.socket:
    sock = dial(server)
    sock.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    assert head_of(sock) == "HTTP/1.1 200 Connection established\r\n\r\n"
    return sock


def secure(server: ServerHandle, host: str, bundle: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context.wrap_socket(tunnel(server, f"{host}:443"), server_hostname=host)


def request(method: str, path: str, host: str, service: str, body: bytes = b"", close: bool = True) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: AWS4-HMAC-SHA256 {SCOPE.format(service)}",
        f"Content-Length: {len(body)}",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


IDENTITY = "/?Action=GetCallerIdentity&Version=2011-06-15"


def test_aws_host_answers_here_over_tls(sagewright_server: ServerHandle, bundle: Path) -> None:
    with secure(sagewright_server, STS, bundle) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"
        sock.sendall(request("GET", IDENTITY, STS, "sts"))
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"<Account>000000000000</Account>" in answer


def test_a_connection_serves_many_requests(sagewright_server: ServerHandle, bundle: Path) -> None:
    with secure(sagewright_server, STS, bundle) as sock:
        for _ in range(3):
            sock.sendall(request("GET", IDENTITY, STS, "sts", close=False))
            head = head_of(sock)
            length = int(head.lower().split("content-length: ")[1].split()[0])
            assert b"<Account>" in read_exactly(sock, length)


def test_bucket_in_the_host_name(sagewright_server: ServerHandle, bundle: Path) -> None:
    host = "proxy-bucket.s3.eu-west-1.amazonaws.com"
    content = os.urandom(3_000_000)
    for method, path, body in (("PUT", "/", b""), ("PUT", "/a/key", content), ("GET", "/a/key", b"")):
        with secure(sagewright_server, host, bundle) as sock:
            sock.sendall(request(method, path, host, "s3", body))
            head = head_of(sock)
            answer = read_all(sock)
        assert head.startswith("HTTP/1.1 200"), head
    assert answer == content


def test_client_without_trust_harms_nobody(sagewright_server: ServerHandle, bundle: Path) -> None:
    context = ssl.create_default_context()
    with tunnel(sagewright_server, f"{STS}:443") as sock, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(sock, server_hostname=STS)
    with tunnel(sagewright_server, f"{STS}:443") as sock:
        sock.sendall(b"this is no TLS at all\r\n\r\n" * 10)
        read_all(sock)
    test_aws_host_answers_here_over_tls(sagewright_server, bundle)


def test_plain_http_request_for_an_aws_host(sagewright_server: ServerHandle) -> None:
    with dial(sagewright_server) as sock:
        sock.sendall(request("GET", f"http://{STS}{IDENTITY}", STS, "sts", close=False))
        answer = read_all(sock)  # the connection is closed though the client did not ask for it
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"<Account>" in answer


def test_plain_http_inside_of_connect(sagewright_server: ServerHandle) -> None:
    with tunnel(sagewright_server, f"{STS}:80") as sock:
        sock.sendall(request("GET", IDENTITY, STS, "sts"))
        assert b"<Account>" in read_all(sock)


@contextmanager
def peer(serve: Callable[[socket.socket], None], *, wrap: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on a free port that handles each connection with serve, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(sock: socket.socket) -> None:
        try:
            with wrap.wrap_socket(sock, server_side=True) if wrap else sock as inner:
                serve(inner)
        except OSError:
            return

    def loop() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            threading.Thread(target=handle, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def echo(sock: socket.socket) -> None:
    """Reads to the end of the other's half, then sends it all back."""
    sock.sendall(read_all(sock))


def test_other_hosts_pass_untouched(sagewright_server: ServerHandle) -> None:
    content = os.urandom(4_000_000)
    with peer(echo) as port, tunnel(sagewright_server, f"localhost:{port}") as sock:
        sock.sendall(content)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == content


def test_other_hosts_show_their_own_certificate(sagewright_server: ServerHandle, tmp_path: Path) -> None:
    theirs = Authority(tmp_path / "theirs")
    theirs.prepare({})
    theirs._issue("other.example")
    leaf = theirs.folder / "leaves" / "other.example"
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(leaf)
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_side.check_hostname, client_side.verify_mode = False, ssl.CERT_NONE

    def greet(sock: socket.socket) -> None:
        sock.sendall(b"hello from " + sock.recv(100))

    own = ssl.PEM_cert_to_DER_cert(leaf.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    with (
        peer(greet, wrap=server_side) as port,
        tunnel(sagewright_server, f"localhost:{port}") as sock,
        client_side.wrap_socket(sock, server_hostname="other.example") as inner,
    ):
        assert inner.getpeercert(binary_form=True) == own
        inner.sendall(b"them")
        assert inner.recv(100) == b"hello from them"


def test_server_that_speaks_first(sagewright_server: ServerHandle) -> None:
    banner = b"SSH-2.0-test\r\n"
    with peer(lambda sock: sock.sendall(banner)) as port, tunnel(sagewright_server, f"127.0.0.1:{port}") as sock:
        assert read_all(sock) == banner


def test_plain_http_for_another_host(sagewright_server: ServerHandle) -> None:
    seen: list[bytes] = []

    def answer(sock: socket.socket) -> None:
        seen.append(head_of(sock).encode())
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with peer(answer) as port, dial(sagewright_server) as sock:
        target = f"http://127.0.0.1:{port}/path?q=1"
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nProxy-Connection: x\r\n\r\n".encode())
        assert read_all(sock).endswith(b"\r\n\r\nhi")
    assert seen == [f"GET /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()]


def test_slow_reader_holds_the_sender_back(sagewright_server: ServerHandle) -> None:
    sent = 0

    def flood(sock: socket.socket) -> None:
        nonlocal sent
        while True:
            sent += sock.send(b"x" * 65536)

    with peer(flood) as port, tunnel(sagewright_server, f"127.0.0.1:{port}") as sock:
        sock.recv(10)
        before = -1
        while sent != before:  # until nothing moves any more
            before = sent
            time.sleep(0.3)
        assert 0 < sent < 30_000_000
        received = 0
        while received < 50_000_000:
            received += len(sock.recv(1 << 20))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"CONNECT nowhere HTTP/1.1\r\n\r\n", 400),
        (f"CONNECT {STS}:443 HTTP/1.1\r\n\r\n\x16\x03\x01".encode("latin-1"), 400),
        (b"GET http://x.example/ HTTP/1.1\r\nX: " + b"x" * 40_000, 431),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", 502),
        (b"CONNECT no-such-host.invalid:443 HTTP/1.1\r\n\r\n", 502),
        (b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n", 502),
    ],
)
def test_refusals(sagewright_server: ServerHandle, text: bytes, status: int) -> None:
    with dial(sagewright_server) as sock:
        sock.sendall(text)
        answer = read_all(sock).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "sagewright proxy: " in answer


def test_listens_on_loopback_only(sagewright_server: ServerHandle) -> None:
    port = int(str(settings_of(sagewright_server)["proxy_port"]))
    for table, address in (("tcp", "0100007F"), ("tcp6", None)):
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        places = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]
        assert [place for place, number in places if int(number, 16) == port] == ([address] if address else [])


@pytest.mark.parametrize("login", ["", "us er:s3cret@"])
def test_upstream_proxy(tmp_path: Path, login: str) -> None:
    seen: list[str] = []

    def upstream(sock: socket.socket) -> None:
        head = head_of(sock)
        seen.append(head)
        if head.startswith("CONNECT forbidden"):
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        elif head.startswith("CONNECT"):
            sock.sendall(b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\nfirst ")
            sock.sendall(sock.recv(100))
        else:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nover")

    with peer(upstream) as port:
        url = f"http://{quote(login, safe=':@')}127.0.0.1:{port}"
        settings = {"SAGEWRIGHT_UPSTREAM_PROXY": url, "NO_PROXY": "direct.invalid"}
        with running_server(tmp_path / "data", **settings) as server:
            with tunnel(server, "far.example:443") as sock:
                sock.sendall(b"then this")
                assert read_all(sock) == b"first then this"
            for target, status in (("CONNECT forbidden.example:443", 502), ("CONNECT direct.invalid:443", 502)):
                with dial(server) as sock:
                    sock.sendall(f"{target} HTTP/1.1\r\n\r\n".encode())
                    assert read_all(sock).startswith(f"HTTP/1.1 {status}".encode())
            with dial(server) as sock:
                sock.sendall(b"GET http://far.example/page HTTP/1.1\r\nHost: far.example\r\n\r\n")
                assert read_all(sock).endswith(b"over")
    firsts = [head.split("\r\n")[0] for head in seen]
    assert firsts == [
        "CONNECT far.example:443 HTTP/1.1",
        "CONNECT forbidden.example:443 HTTP/1.1",
        "GET http://far.example/page HTTP/1.1",
    ]
    expected = "Proxy-Authorization: Basic dXMgZXI6czNjcmV0" if login else "no such header"
    assert all((expected in head) is bool(login) for head in seen)


def test_stop_drops_open_tunnels(tmp_path: Path) -> None:
    with peer(echo) as port, running_server(tmp_path / "data") as server:
        sock = tunnel(server, f"127.0.0.1:{port}")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
        with sock, suppress(ConnectionResetError):
            assert read_all(sock) == b""
