"""The agent as a client of the platform's own S3 endpoint, which may go away and come back elsewhere."""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.http import Broken, Connection, Response
from sagewright.runtime.agent.signer import Signer

T = TypeVar("T")

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_SILENCE = 120
"""Seconds the server may stay silent within a request."""
_LONGEST_PAUSE = 2.0
_CHUNK = 1024 * 1024


class S3Error(Exception):
    """S3 refused. The text is as SageMaker quotes it: ``NoSuchKey (404): The specified key does not exist.``"""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.status = status
        self.code = code


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3 uri. Raises Fault."""
    if not uri.startswith("s3://"):
        raise Fault("ClientError", f"Invalid S3 uri: {uri}")
    bucket, _, key = uri[5:].partition("/")
    return bucket, key


def quote(text: str) -> str:
    """Percent-encoded, slashes kept."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())


def _unquote(text: str) -> str:
    raw = text.replace("+", " ").encode()
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit.group(1), 16)]), raw).decode("utf-8", "replace")


def _unescape(text: str) -> str:
    text = re.sub(r"&#(x?)([0-9A-Fa-f]+);", lambda hit: chr(int(hit.group(2), 16 if hit.group(1) else 10)), text)
    for name, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{name};", character)
    return text


def _element(xml: str, name: str) -> str:
    hit = re.search(f"<{name}>(.*?)</{name}>", xml, re.DOTALL)
    return _unescape(hit.group(1)) if hit else ""


_OF_AN_OBJECT = ("Key", "ETag", "Size", "LastModified")


class S3:
    """Path-style requests to the server that <data_dir>/server.json tells of.

    patience: seconds that a request is tried again while the server is away or answers 5xx.
    """

    def __init__(self, data_dir: str, signer: Signer, patience: float = 600) -> None:
        self._data_dir = data_dir
        self._patience = patience
        self._signer = signer
        self._connection: Connection | None = None
        self._blobs: str | None = os.path.join(data_dir, "blobs")

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Every key that starts with prefix, in S3's order. Raises S3Error, Fault."""
        return (entry[0] for entry in self.entries(bucket, prefix))

    def entries(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, int, str]]:
        """The same, each with the object's ETag, its size in bytes and when it was made, in ISO 8601."""
        token = ""
        while True:
            query = f"list-type=2&encoding-type=url&prefix={quote(prefix).replace('/', '%2F')}"
            if token:
                query += f"&continuation-token={quote(token).replace('/', '%2F')}"
            page = self._call("GET", f"/{bucket}?{query}", take=lambda answer: answer.body().decode())
            encoded = "<EncodingType>url</EncodingType>" in page
            for hit in re.finditer(r"<Contents>(.*?)</Contents>", page, re.DOTALL):
                key, tag, size, modified = (_element(hit.group(1), name) for name in _OF_AN_OBJECT)
                yield _unquote(key) if encoded else key, tag, int(size or 0), modified
            token = _element(page, "NextContinuationToken")
            if not token:
                return

    def read(self, bucket: str, key: str) -> bytes:
        """A small object whole. Raises S3Error, Fault."""
        return self._call("GET", f"/{bucket}/{quote(key)}", take=lambda answer: answer.body())

    def blob(self, bucket: str, key: str) -> str | None:
        """The object's file on this disk, where the server keeps it within our sight. Raises S3Error, Fault."""
        if self._blobs is None:
            return None
        headers = [("x-sagewright-blob", "?")]
        answer = self._call("HEAD", f"/{bucket}/{quote(key)}", headers, take=lambda answer: answer.headers)
        relative = answer.get("x-sagewright-blob", "")
        if not relative:  # encrypted at rest
            return None
        path = os.path.join(self._blobs, relative)
        if ".." not in relative.split("/") and path.startswith(self._blobs) and os.path.isfile(path):
            return path
        # Another machine: not worth a question for each object.
        self._blobs = None
        return None

    def fetch(self, bucket: str, key: str, take: Callable[[Response], T]) -> T:
        """Give the object's body to take, again from the start when the connection breaks. Raises S3Error, Fault."""
        return self._call("GET", f"/{bucket}/{quote(key)}", take=take)

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        """The object's body piece by piece, going on where the connection broke. Raises S3Error, Fault."""
        target = f"/{bucket}/{quote(key)}"
        answer = self._call("GET", target, take=lambda answer: answer)
        mark, offset = answer.headers.get("etag", ""), 0
        deadline = time.monotonic() + self._patience
        try:
            while True:
                try:
                    for piece in answer.chunks():
                        offset += len(piece)
                        deadline = time.monotonic() + self._patience
                        yield piece
                    return
                except Broken as error:
                    self.close()
                    if time.monotonic() > deadline:
                        text = f"The S3 endpoint did not answer for {self._patience:.0f} seconds ({error})."
                        raise Fault("InternalServerError", text) from None
                headers = [("Range", f"bytes={offset}-"), ("If-Match", mark)]
                answer = self._call("GET", target, headers, take=lambda answer: answer)
        except BaseException:
            self.close()  # also where the reader had enough of it
            raise

    def put(self, uri: str, path: str) -> int:
        """Store a file; the number of its bytes. Raises S3Error, Fault, OSError."""
        bucket, key = split(uri)
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:

            def pieces() -> Iterator[bytes]:
                file.seek(0)
                while piece := file.read(_CHUNK):
                    yield piece

            checksum = size = 0
            for piece in pieces():
                checksum = zlib.crc32(piece, checksum)
                size += len(piece)
            headers = [
                ("Content-Length", str(size)),
                ("Content-Type", "application/octet-stream"),
                ("x-amz-checksum-crc32", b2a_base64(checksum.to_bytes(4, "big"), newline=False).decode()),
            ]
            self._call("PUT", f"/{bucket}/{quote(key)}", headers, pieces, take=lambda answer: answer.body())
        return size

    def _call(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]] = (),
        body: Callable[[], Iterable[bytes]] | None = None,
        *,
        take: Callable[[Response], T],
    ) -> T:
        deadline = time.monotonic() + self._patience
        pause = 0.02
        while True:
            fresh = self._connection is None
            try:
                connection = self._connect()
                signed = self._signer.headers(method, target, connection.host, headers)
                answer = connection.request(method, target, signed, body)
                if answer.status >= 500 and _DAMAGED not in answer.headers:
                    raise Broken(f"HTTP {answer.status} {answer.body()[:200]!r}")
                if answer.status >= 300:
                    raise _error(answer)
                return take(answer)
            except Broken as error:
                self.close()
                if time.monotonic() > deadline:
                    text = f"The S3 endpoint did not answer for {self._patience:.0f} seconds ({error})."
                    raise Fault("InternalServerError", text) from None
            except BaseException:
                # What is left of the answer would be read as the next one's head.
                self.close()
                raise
            if fresh:
                time.sleep(pause)
                pause = min(pause * 1.6, _LONGEST_PAUSE)

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(*_server(self._data_dir), _SILENCE)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _server(data_dir: str) -> tuple[str, int]:
    """Host and port of the server there is. Raises Broken."""
    try:
        with open(os.path.join(data_dir, "server.json")) as file:
            document = json.load(file)
        host, port = document.get("host", "127.0.0.1"), int(document["port"])
    except (OSError, ValueError, KeyError) as error:
        raise Broken(f"no server: {error}") from None
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def endpoint(data_dir: str) -> str:
    """The server's URL; empty where there is none at the moment."""
    try:
        host, port = _server(data_dir)
    except Broken:
        return ""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_DAMAGED = "x-sagewright-damaged"
"""Of an answer that no later one will differ from: the object's bytes are not what was written."""
_MESSAGES = {
    500: ("InternalError", "The stored object is damaged."),
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
}


def _error(answer: Response) -> S3Error:
    xml = answer.body().decode("utf-8", "replace")
    code, message = _MESSAGES.get(answer.status, ("Error", "The request was refused."))
    return S3Error(answer.status, _element(xml, "Code") or code, _element(xml, "Message") or message)
