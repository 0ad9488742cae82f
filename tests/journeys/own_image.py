"""An image of one's own, for a container engine or as a command: SageMaker's three contracts in one small program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from sagewright.runtime.agent.container import LABEL

IMAGE = "sagewright-test-image:3"
PROGRAM = """
import http.server
import json
import os
import signal
import sys
import time
from pathlib import Path

base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def train():
    given = json.loads((base / "input/config/hyperparameters.json").read_text())
    rows = [line for file in sorted((base / "input/data/train").iterdir()) for line in file.read_text().split()]
    print("trains on", len(rows), "rows, mood", os.environ.get("MOOD"), "image", os.environ.get("BAKED"), flush=True)
    if "fail" in given:
        (base / "output/failure").write_text(given["fail"])
        sys.exit(3)
    if "hold" in given:
        signal.signal(signal.SIGTERM, lambda *_: (print("told to end", flush=True), sys.exit(0)))
        time.sleep(600)
    if "eat" in given:
        hoard = [b"x" * 10_000_000 + bytes([each]) for each in range(100)]
    (base / "model/model.json").write_text(json.dumps({"rows": len(rows)}))
    print("loss=0.25;")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        model = json.loads((base / "model/model.json").read_text())
        self.answer(json.dumps({"got": body.decode(), "mood": os.environ.get("MOOD"), **model}).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def serve():
    place = (os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0"), int(os.environ.get("SAGEMAKER_BIND_TO_PORT", 8080)))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("serves", flush=True)
    http.server.ThreadingHTTPServer(place, Handler).serve_forever()


def process():
    work = base / "processing"
    rows = (work / "input/rows/rows.csv").read_text().split()
    (work / "output/count.txt").write_text(f"{len(rows)} {sys.argv[1:]}")
    (base / "output/message").write_text("counted")


verb = sys.argv[1] if len(sys.argv) > 1 else ""
{"train": train, "serve": serve}.get(verb, process)()
"""
_LEFT_OUT = {"test", "__pycache__", "idlelib", "tkinter", "ensurepip", "lib2to3", "dist-packages", "site-packages"}
_NESTED = "--ulimit nofile=1024:1024 --ulimit nproc=1000:1000"
"""For an engine inside of a sandbox or a container."""


@cache
def engine() -> dict[str, str] | None:
    """Settings of a server whose engine has the image; None where no engine runs."""
    for command in ("docker", "podman", "podman --runtime runc"):
        if shutil.which(command.split()[0]) and _import(command):
            for args in ("", _NESTED):
                words = ["run", "--rm", *args.split(), "--network", "host", "--entrypoint", "/usr/bin/python3"]
                if _run(command, *words, IMAGE, "-V").returncode == 0:
                    network = "" if _bridges(command, args) else " --network host"
                    return {"SAGEWRIGHT_ENGINE": command, "SAGEWRIGHT_ENGINE_ARGS": f"{args}{network}".strip()}
    return None


def _bridges(command: str, args: str) -> bool:
    """Whether the port of a container with a network of its own can be reached."""
    name, place = f"sagewright-test-{os.getpid()}", ("127.83.71.1", 8080)
    words = ["run", "--detach", "--rm", "--name", name, *args.split(), "--publish", f"{place[0]}:{place[1]}:8080"]
    try:
        if _run(command, *words, IMAGE, "serve").returncode:
            return False
        for _ in range(30):
            with suppress(OSError), urllib.request.urlopen(f"http://{place[0]}:{place[1]}/", timeout=1):
                return True
            time.sleep(0.1)
        return False
    finally:
        _run(command, "kill", name)
        _run(command, "rm", "--force", name)


def containers(command: str, data_dir: Path) -> list[str]:
    """Of a server's workloads, those that there are, ended ones too."""
    found = _run(command, "ps", "--all", "--quiet", "--filter", f"label={LABEL}={data_dir}/work")
    assert found.returncode == 0, found.stderr
    return found.stdout.decode().split()


def _run(command: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*command.split(), *words], capture_output=True, timeout=120, check=False)


def _import(command: str) -> bool:
    """Makes the image of this machine's own Python, unless it is there."""
    if _run(command, "image", "inspect", IMAGE).returncode == 0:
        return True
    tar = Path(f"/tmp/sagewright-test-image-{os.getpid()}.tar")
    try:
        _pack(tar)
        change = 'ENTRYPOINT ["/usr/bin/python3", "/program.py"]'
        done = _run(command, "import", "--change", change, "--change", "ENV BAKED=yes", str(tar), IMAGE)
        return done.returncode == 0
    finally:
        tar.unlink(missing_ok=True)


def _pack(tar: Path) -> None:
    python = os.path.realpath(shutil.which("python3", path="/usr/bin") or shutil.which("python3") or "")
    code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    stdlib = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    program = tar.with_suffix(".py")
    program.write_text(PROGRAM)
    with tarfile.open(tar, "w") as archive:
        archive.add(python, "usr/bin/python3")
        archive.add(program, "program.py")
        for name in _libraries([python, *map(str, (stdlib / "lib-dynload").glob("*.so"))]):
            archive.add(os.path.realpath(name), name.lstrip("/"))
        for path in stdlib.rglob("*"):
            if path.is_file() and not _LEFT_OUT & set(path.parts):
                archive.add(path, str(path).lstrip("/"), recursive=False)
        place = tarfile.TarInfo("tmp")
        place.type, place.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(place)
    program.unlink()


def _libraries(files: list[str]) -> Iterator[str]:
    found = set()
    for file in files:
        done = subprocess.run(["ldd", file], capture_output=True, text=True, check=False)
        found |= set(re.findall(r"(/\S+\.so\S*)", done.stdout))
    yield from sorted(found)
