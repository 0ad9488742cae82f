"""Clients that stall, dribble, lie about lengths or hang up: what they held is freed and nobody else is held up."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from s3_client import make_client
from uvicorn import Config
from uvicorn.server import ServerState

from clients.raw import Raw, authorization, json_call, request
from sagewright.testing.server import ServerHandle, running_server
from sagewright.wire.listener import _Protocol

HOST = "Host: 127.0.0.1\r\n"
SIGNED = f"Authorization: {authorization('s3')}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerHandle]:
    with running_server(tmp_path_factory.mktemp("stalls")) as made:
        client = make_client(made.url)
        client.create_bucket(Bucket="stalls")
        client.put_object(Bucket="stalls", Key="large", Body=os.urandom(16 << 20))
        client.close()
        yield made


def handles(server: ServerHandle) -> int:
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def left(server: ServerHandle) -> list[str]:
    return os.listdir(server.data_dir / "blobs" / "incoming")


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def resident(server: ServerHandle) -> int:
    """Bytes."""
    assert server.process is not None
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wires(server: ServerHandle, count: int, sent: bytes) -> list[socket.socket]:
    made = []
    for _ in range(count):
        wire = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        wire.sendall(sent)
        made.append(wire)
    return made


def others_are_served(server: ServerHandle) -> None:
    """Whoever asks meanwhile gets an answer, on a new connection each."""
    get = request("GET", "/stalls?list-type=2", authorization=authorization("s3"))
    slowest = 0.0
    for number in range(20):
        begin = time.monotonic()
        with Raw(server.port, timeout=10) as wire:
            put = request("PUT", f"/stalls/other/{number}", b"body", authorization=authorization("s3"))
            assert wire.ask(put).status == 200
            assert wire.ask(get).status == 200
        slowest = max(slowest, time.monotonic() - begin)
    print(f"slowest of the others: {slowest * 1000:.0f} ms")


STALLS: dict[str, bytes] = {
    "nothing at all": b"",
    "half a head": b"GET /stalls HTTP/1.1\r\nHost: 127",
    "headers only, of an object": f"PUT /stalls/k HTTP/1.1\r\n{HOST}{SIGNED}Content-Length: 1000\r\n\r\n".encode(),
    "half an object": f"PUT /stalls/k HTTP/1.1\r\n{HOST}{SIGNED}Content-Length: 1000000\r\n\r\n".encode()
    + b"x" * 50_000,
    "half a document": json_call("sagemaker", "SageMaker.ListTrainingJobs", MaxResults=5)[:-5],
    "half a chunk": f"PUT /stalls/k HTTP/1.1\r\n{HOST}{SIGNED}Transfer-Encoding: chunked\r\n\r\nff\r\nx".encode(),
    "an answer that nobody reads": f"GET /stalls/large HTTP/1.1\r\n{HOST}{SIGNED}\r\n".encode(),
}


@pytest.mark.parametrize("what", STALLS)
def test_clients_that_stall_and_hang_up(server: ServerHandle, what: str) -> None:
    before = handles(server)
    made = wires(server, 100, STALLS[what])
    others_are_served(server)
    for wire in made:
        wire.close()
    eventually(lambda: handles(server) <= before + 2 and left(server) == [])
    others_are_served(server)


@pytest.mark.parametrize("what", ["an answer that nobody reads", "most of a step of an object"])
def test_memory_of_clients_that_stall(tmp_path: Path, what: str) -> None:
    """About three blocks of 256 KiB of an answer that nobody takes, about 1 MiB of a body that does not go on."""
    with running_server(tmp_path / "data") as server:
        client = make_client(server.url)
        client.create_bucket(Bucket="stalls")
        client.put_object(Bucket="stalls", Key="large", Body=os.urandom(16 << 20))
        client.get_object(Bucket="stalls", Key="large")["Body"].read()
        client.close()
        head = f"PUT /stalls/k HTTP/1.1\r\n{HOST}{SIGNED}Content-Length: 16000000\r\n\r\n".encode()
        before = resident(server)
        made = wires(server, 100, STALLS.get(what) or head + b"x" * 1_000_000)
        time.sleep(2)
        each = (resident(server) - before) / len(made)
        print(f"{what}: {each / 2**20:.2f} MiB each")
        for wire in made:
            wire.close()
        assert each < 1.5 * 2**20
        eventually(lambda: left(server) == [])


class _Impatient(_Protocol):
    patience = 0.3


def test_heads_that_do_not_come() -> None:
    """A connection that says nothing, or stops in the middle of a head, ends; one that makes requests goes on."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)  # longer than a head may take
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def ended(reader: asyncio.StreamReader) -> bool:
        return await asyncio.wait_for(reader.read(), 10) == b""

    async def main() -> None:
        loop, config, state = asyncio.get_running_loop(), Config(answer, lifespan="off", ws="none"), ServerState()
        listening = await loop.create_server(lambda: _Impatient(config, state, {}), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        for sent in (b"", b"GET / HTTP/1.1\r\nHost:"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            assert await ended(reader)
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 200")
        writer.write(b"GET / HTT")
        assert await ended(reader)
        writer.close()
        listening.close()
        await listening.wait_closed()

    asyncio.run(main())


def test_five_hundred_idle_connections(server: ServerHandle) -> None:
    before = handles(server)
    made = wires(server, 500, b"")
    others_are_served(server)
    for wire in made:  # they are not forgotten
        wire.sendall(f"GET /stalls HTTP/1.1\r\n{HOST}{SIGNED}\r\n".encode())
    for wire in made:
        assert wire.recv(100).startswith(b"HTTP/1.1 200")
        wire.close()
    eventually(lambda: handles(server) <= before + 2)


def test_a_client_that_dribbles(server: ServerHandle) -> None:
    """A byte at a time is slow, not wrong."""
    sent = request("PUT", "/stalls/dribbled", b"drop by drop", authorization=authorization("s3"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(sent)):
            wire.sendall(sent[number : number + 1])
            time.sleep(0.001)
        assert wire.recv(1000).startswith(b"HTTP/1.1 200")
    with Raw(server.port) as reader:
        get = request("GET", "/stalls/dribbled", authorization=authorization("s3"))
        assert reader.ask(get).body == b"drop by drop"


@pytest.mark.parametrize("length", ["5368709121", "99999999999999999", "9" * 18])
def test_gigantic_lengths_are_refused_at_once(server: ServerHandle, length: str) -> None:
    with Raw(server.port) as wire:
        head = f"PUT /stalls/huge HTTP/1.1\r\n{HOST}{SIGNED}Content-Length: {length}\r\n\r\n"
        answer = wire.ask(head.encode() + b"x" * 1000)
    assert (answer.status, b"EntityTooLarge" in answer.body) == (400, True), answer
    with Raw(server.port) as wire:
        target = "X-Amz-Target: SageMaker.ListTrainingJobs\r\nContent-Type: application/x-amz-json-1.1\r\n"
        head = f"POST / HTTP/1.1\r\n{HOST}{SIGNED}{target}Content-Length: {length}\r\n\r\n"
        assert wire.ask(head.encode() + b"{").status == 413
    eventually(lambda: left(server) == [])


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30, "0x10"])
def test_lengths_that_are_none(server: ServerHandle, length: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(f"PUT /stalls/none HTTP/1.1\r\n{HOST}{SIGNED}Content-Length: {length}\r\n\r\n".encode())
        assert wire.recv(1000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\1\2\3" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,  # TLS where none is spoken
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET " + b"/a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["noise", "tls", "version", "long path", "both lengths"],
)
def test_what_is_no_request(server: ServerHandle, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        answer = b""
        with suppress(OSError):  # hung up on, perhaps before all was sent
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
            answer = wire.recv(1000)
    assert answer[:10] in (b"HTTP/1.1 4", b""), "refused, or hung up on"
    others_are_served(server)


def test_end_with_stalled_clients(tmp_path: Path) -> None:
    """An orderly end does not wait for those who never come to theirs."""
    with running_server(tmp_path / "data") as server:
        made: list[Any] = wires(server, 20, STALLS["half an object"]) + wires(server, 20, b"")
        begin = time.monotonic()
        assert server.stop() == 0
        print(f"ended in {time.monotonic() - begin:.1f} s")
        for wire in made:
            wire.close()
        server.start()
        assert left(server) == []
