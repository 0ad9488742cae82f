"""A small S3 for the tests of backends: a real HTTP server on loopback over a folder."""

from __future__ import annotations

import io
import json
import os
import tarfile
import threading
import time
import zlib
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape


class S3Stub:
    """Just enough of S3 for an agent: objects are files under <data_dir>/blobs. share: says where they are.

    slow: method -> seconds that an answer to one for an object takes. meeting: where GETs of objects wait for each
    other. cuts: numbers of bytes after which the connection breaks, one an answer.
    """

    def __init__(self, data_dir: Path, share: bool = True) -> None:
        self.data_dir = data_dir
        self.share = share
        self.objects: dict[str, dict[str, Path]] = {"bucket": {}}
        self.requests: list[str] = []
        self.slow: dict[str, float] = {}
        self.meeting: threading.Barrier | None = None
        self.cuts: list[int] = []
        self._server: ThreadingHTTPServer | None = None
        (data_dir / "blobs").mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Listen on a new port and write server.json."""
        stub = self
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": stub}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        document = {"port": self._server.server_address[1], "host": "127.0.0.1", "pid": os.getpid()}
        (self.data_dir / "server.json").write_text(json.dumps(document))

    def stop(self) -> None:
        """Go away, as a killed server does: server.json stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def put(self, key: str, body: bytes, bucket: str = "bucket") -> Path:
        """Store an object; its file."""
        path = self.data_dir / "blobs" / f"{len(os.listdir(self.data_dir / 'blobs')):04d}"
        path.write_bytes(body)
        path.chmod(0o444)
        self.objects[bucket][key] = path
        return path

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises KeyError."""
        return self.objects["bucket"][key].read_bytes()

    def members(self, key: str) -> dict[str, bytes]:
        """The files of a stored tar.gz."""
        with tarfile.open(fileobj=io.BytesIO(self.get(key))) as archive:
            files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            return {name: file.read() for name, file in files.items() if file is not None}


class _Handler(BaseHTTPRequestHandler):
    stub: S3Stub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        self.stub.requests.append(format % args)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, status: int, code: str, message: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path)[1:].partition("/")
        objects = self.stub.objects.get(bucket)
        if objects is None:
            self._error(404, "NoSuchBucket", "The specified bucket does not exist")
        elif not key:
            self._list(objects, {name: values[0] for name, values in parse_qs(url.query).items()})
        elif key not in objects:
            self._error(404, "NoSuchKey", "The specified key does not exist.")
        else:
            self._object(objects[key])

    def _object(self, path: Path) -> None:
        time.sleep(self.stub.slow.get(self.command, 0))
        if self.stub.meeting is not None and self.command == "GET":
            self.stub.meeting.wait(30)
        headers = {"x_sagewright_blob": path.name} if self.stub.share else {}
        first = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if first and self.headers["If-Match"] != f'"{path.name}"':
            self._error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
            return
        size = path.stat().st_size - first
        self.send_response(206 if first else 200)
        for name, value in {**headers, "ETag": f'"{path.name}"', "Content-Length": str(size)}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "HEAD":
            return
        left = self.stub.cuts.pop(0) if self.stub.cuts else size
        self.close_connection = left < size
        with path.open("rb") as file:
            file.seek(first)
            while piece := file.read(min(left, 2**20)):
                self.wfile.write(piece)
                left -= len(piece)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _list(self, objects: dict[str, Path], query: dict[str, str], page: int = 3) -> None:
        keys = sorted(key for key in objects if key.startswith(query.get("prefix", "")))
        keys = [key for key in keys if key > query.get("continuation-token", "")]
        xml = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><ETag>&quot;{objects[key].name}&quot;</ETag>"
            f"<LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>{objects[key].stat().st_size}</Size></Contents>"
            for key in keys[:page]
        )
        if len(keys) > page:
            xml += f"<NextContinuationToken>{escape(keys[page - 1])}</NextContinuationToken>"
        self._answer(200, f"<ListBucketResult><EncodingType>url</EncodingType>{xml}</ListBucketResult>".encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.stub.slow.get("PUT", 0))
        bucket, _, key = unquote(self.path)[1:].partition("/")
        wanted = b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        if bucket not in self.stub.objects:
            self._error(404, "NoSuchBucket", "The specified bucket does not exist")
        elif self.headers["x-amz-checksum-crc32"] != wanted:
            self._error(400, "BadDigest", "The CRC32 you specified did not match.")
        else:
            self.stub.put(key, body, bucket)
            self._answer(200)
