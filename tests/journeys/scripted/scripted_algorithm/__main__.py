"""``train`` prints, writes and ends as told; ``serve`` answers as each request asks."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

from scripted_algorithm.meeting import meet

BASE = Path(os.environ["SAGEMAKER_BASE_DIR"])
SERVER = secrets.token_hex(8)
"""Which process answers: in a sandbox all have the same pid."""
HOST = os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0")


def train() -> int:
    """Hyperparameters: lines, seconds (between lines), exit, failure (text), checkpoint (text to add to one), caller.

    caller: have STS say who that is, by boto3 as it finds itself set up. model, file: text and name of the model file.
    A host's name: JSON of what is different there. meet: call the other instances. read: passes over the FIFOs of
    channels in Pipe mode, after_read: bytes of each at which to leave it. deaf: SIGTERM changes nothing.
    large: MiB of a second model file.
    """
    given = json.loads((BASE / "input/config/hyperparameters.json").read_text())
    resources = json.loads((BASE / "input/config/resourceconfig.json").read_text())
    host = resources["current_host"]
    given |= json.loads(given.get(host, "{}"))
    stop = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = "deaf" not in given

    signal.signal(signal.SIGTERM, end)
    print(f"host={host} hosts={','.join(resources['hosts'])}", flush=True)
    if "meet" in given:
        print(f"met={','.join(meet(host, resources['hosts']))}", flush=True)
    for number in range(int(given.get("read", "0"))):
        read_pipes(number, int(given.get("after_read", "-1")))
    rows = [line for file in sorted((BASE / "input/data").rglob("*")) if file.is_file() for line in file.open()]
    print(f"rows={len(rows)}", flush=True)
    if "caller" in given:
        import boto3

        print(f"caller={boto3.client('sts').get_caller_identity()['Arn']}", flush=True)
    for number in range(int(given.get("lines", "3"))):
        print(f"line {number}\tloss={1 / (number + 1):.3f};", flush=True)
        time.sleep(float(given.get("seconds", "0")))
        if stop:
            print("stopping", flush=True)
            break
    (BASE / "model" / given.get("file", "model.txt")).write_text(given.get("model", "model"))
    if "large" in given:
        (BASE / "model/large").write_bytes(os.urandom(int(given["large"]) * 2**20))
    if "checkpoint" in given:
        kept = BASE / "checkpoints/seen.txt"
        kept.parent.mkdir(exist_ok=True)
        before = kept.read_text() if kept.exists() else ""
        print(f"checkpoints={before}", flush=True)
        kept.write_text(before + given["checkpoint"])
    (BASE / "output/data").mkdir(parents=True, exist_ok=True)
    (BASE / "output/data/rows.txt").write_text(str(len(rows)))
    if "failure" in given:
        (BASE / "output/failure").write_text(given["failure"])
    return int(given.get("exit", "0"))


def read_pipes(epoch: int, size: int) -> None:
    """Read the FIFO of that pass of each channel in Pipe mode, and print how long it was, and its digest."""
    channels = json.loads((BASE / "input/config/inputdataconfig.json").read_text())
    for name, config in sorted(channels.items()):
        if config["TrainingInputMode"] == "Pipe":
            path = BASE / f"input/data/{name}_{epoch}"
            while not path.exists():
                time.sleep(0.01)
            with path.open("rb", buffering=0) as pipe:
                data = b""
                while piece := pipe.read(65536 if size < 0 else size - len(data)):
                    data += piece
            print(f"pipe={name}_{epoch} bytes={len(data)} text={data[:200]!r}", flush=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        """The body is JSON: sleep, status, close, parts; the answer tells who answered, and what it was sent."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body) if self.headers.get("Content-Type") == "application/json" else {}
        time.sleep(asked.get("sleep", 0))
        if asked.get("close"):
            self.close_connection = True
            return
        if "parts" in asked:
            self._stream(asked["parts"], asked.get("pause", 0), bool(asked.get("break")))
            return
        answer = {
            "server": SERVER,
            "model": (BASE / "model/model.txt").read_text(),
            "size": len(body),
            "accept": self.headers.get("Accept"),
            "environment": os.environ.get("GREETING"),
        }
        self._answer(asked.get("status", 200), json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        attributes = self.headers.get("X-Amzn-SageMaker-Custom-Attributes")
        if attributes:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"{attributes},answered")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, parts: list[str], pause: float, breaks: bool) -> None:
        """Text in chunks, with a pause in seconds after each; breaks: the end never comes."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            for part in parts:
                data = part.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                time.sleep(pause)
            if not breaks:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            print("the reader has left", flush=True)

    def log_message(self, format: str, *args: object) -> None:
        """Only what serve() prints is in the log."""


def serve() -> int:
    if os.environ.get("REFUSE"):
        print("not today", flush=True)
        return 3
    time.sleep(float(os.environ.get("SLOW", "0")))
    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer((HOST, 8080), Handler)
    server.daemon_threads = True
    print(f"serving {(BASE / 'model/model.txt').read_text()}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit({"train": train, "serve": serve}[sys.argv[1]]())
