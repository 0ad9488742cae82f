"""Journal and log of a workload on their way from its node to the server, over HTTP, in the order they were written.

The files on the node are what is true; the server has as much of them as was sent, and says how much that is. What one
node gathers of another's files goes by the server too: the one sends them as an archive when its workload has ended,
the other lays them out in a folder where its agent looks for them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from sagewright.runtime.agent.archive import Stream, files_below, pack, unpack
from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.http import Broken, Connection, Response
from sagewright.runtime.agent.s3 import quote
from sagewright.runtime.backend import UnknownWorkload
from sagewright.runtime.local import LocalBackend
from sagewright.runtime.observation import FINAL
from sagewright.runtime.ray.reports import PATH

PIECE = 512 * 1024
"""Bytes of a report, and a line more."""
_QUICK, _SLOW = 0.01, 0.1
"""Seconds between looks at the files: at first and after news, and when there has been none for a while."""
_LOOK = 0.25
"""Seconds between looks at the agent itself."""
_ASK = 30.0
"""Seconds after which the courier of an ended workload asks whether anybody still wants it."""
_LONGEST_PAUSE = 2.0
_SILENCE = 60.0
_CHUNK = 1024 * 1024


class Unwanted(Exception):
    """The server does not know the workload any more, or has given it up."""


@dataclass(frozen=True, slots=True)
class Errand:
    """id: of the workload. token: what the server knows its reports by. share: folders below /opt/ml that are sent when
    it has ended. away: ids of the workloads that it gathers from other nodes."""

    id: str
    token: str
    share: tuple[str, ...] = ()
    away: tuple[str, ...] = ()


class Courier(threading.Thread):
    """Of one workload, as long as the server wants it. unwanted: called once, when it does no more.

    path: gives a workload's folder by its id. node: the folder with server.json.
    """

    def __init__(
        self, errand: Errand, local: LocalBackend, path: Callable[[str], Path], node: Path, unwanted: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True, name=f"courier of {errand.id}")
        self._errand = errand
        self._local = local
        self._folder = path(errand.id)
        self._server = _Server(node, errand)
        self._unwanted = unwanted
        self._stop = threading.Event()
        self._sent = {"journal": 0, "log": 0}
        self._gathered = [_Peer(each, node / "peers" / path(each).name, self._server) for each in errand.away]
        self._looked = 0.0
        self._ended = False

    def stop(self) -> None:
        """Nothing more is sent; what it has laid out goes."""
        self._stop.set()
        for peer in self._gathered:
            shutil.rmtree(peer.folder, ignore_errors=True)

    def run(self) -> None:
        pause = _QUICK
        while not self._stop.wait(pause):
            try:
                pause = _QUICK if self._round() else min(pause * 1.2, _ASK if self._ended else _SLOW)
            except Broken:
                pause = min(pause * 1.6 + 0.02, _LONGEST_PAUSE)
            except (Unwanted, UnknownWorkload):
                self._unwanted()
                return
            except OSError:
                if not self._stop.is_set():  # else its folder is being deleted
                    raise

    def _round(self) -> bool:
        """Send what is new; whether there was anything. Raises Broken, Unwanted, UnknownWorkload."""
        now = time.monotonic()
        if now - self._looked >= _LOOK and not self._ended:
            self._looked = now
            self._local.observe(self._errand.id)  # which gives an agent that has died its last step
        for peer in self._gathered:
            peer.bring()
        if self._ended:
            self._server.report("journal", self._sent["journal"], b"")
            return False
        # What was printed before a step is sent before it.
        journal = _lines(self._folder / "journal.jsonl", self._sent["journal"])
        news = bool(journal)
        while lines := _lines(self._folder / "log", self._sent["log"]):
            self._send("log", lines)
            news = True
        if journal:
            ended = json.loads(journal.splitlines()[-1])["name"] in FINAL
            if ended and self._errand.share:
                self._server.send_folders(self._folder / "opt" / "ml", self._errand.share)
            self._send("journal", journal)
            self._ended = ended and self._sent["journal"] == os.path.getsize(self._folder / "journal.jsonl")
        return news

    def _send(self, stream: str, lines: bytes) -> None:
        self._sent[stream] = self._server.report(stream, self._sent[stream], lines)


class _Server:
    """The reports of one workload, on a connection of its own."""

    def __init__(self, node: Path, errand: Errand) -> None:
        self._node = node
        self._errand = errand
        self._connection: Connection | None = None
        self._key = ""

    def report(self, stream: str, offset: int, lines: bytes) -> int:
        """How many bytes of the stream the server has now. Raises Broken, Unwanted."""
        headers = [("Content-Length", str(len(lines)))]
        answer = self._answered("POST", f"&stream={stream}&offset={offset}", headers, lambda: [lines])
        document = self._own(answer)
        if answer.status not in (200, 409):
            raise Broken(f"HTTP {answer.status} {document}")
        return int(document["size"])

    def send_folders(self, base: Path, folders: Iterable[str]) -> None:
        """The files of folders below /opt/ml, as one archive. Raises Broken, Unwanted."""
        files = [(f"{each}/{name}", path) for each in folders for name, path in files_below(str(base / each))]
        with tempfile.TemporaryDirectory(dir=base.parent) as scratch:
            packed = os.path.join(scratch, "files.tar.gz")
            pack(files, packed)
            headers = [("Content-Length", str(os.path.getsize(packed)))]
            answer = self._answered("POST", "&stream=files", headers, lambda: _pieces(packed))
            document = self._own(answer)
        if answer.status != 200:
            raise Broken(f"HTTP {answer.status} {document}")

    def journal_of(self, peer: str, offset: int) -> bytes:
        """Whole lines of another's journal. Raises Broken, Unwanted."""
        answer = self._answered("GET", f"&stream=journal&offset={offset}&peer={quote(peer)}")
        return answer.body() if answer.status == 200 else self._refused(answer)

    def files_of(self, peer: str, folder: Path) -> None:
        """Lay out what another has sent; nothing where it has not. Raises Broken, Unwanted, Fault."""
        answer = self._answered("GET", f"&stream=files&peer={quote(peer)}")
        if answer.status == 200:
            try:
                unpack(cast(BinaryIO, Stream(answer.read)), str(folder), f"the files of {peer}")
            except BaseException:
                self._close()  # what is left of the answer would be read as the next one's head
                raise
        elif answer.status == 204:
            answer.body()
        else:
            self._refused(answer)

    def _refused(self, answer: Response) -> bytes:
        raise Broken(f"HTTP {answer.status} {self._own(answer)}")

    def _own(self, answer: Response) -> dict[str, Any]:
        """What the server says; Unwanted where that is the end, and it is the server whose workload this is."""
        try:
            document: dict[str, Any] = json.loads(answer.body())
        except ValueError:
            raise Broken(f"HTTP {answer.status}") from None
        if answer.status in (404, 410) and document.get("server") == self._key:
            raise Unwanted
        return document

    def _answered(
        self,
        method: str,
        query: str,
        headers: list[tuple[str, str]] | tuple[()] = (),
        body: Callable[[], Iterable[bytes]] | None = None,
    ) -> Response:
        target = f"{PATH}?id={quote(self._errand.id)}{query}"
        known = ("Authorization", f"Bearer {self._errand.token}")
        for fresh in (self._connection is None, True):
            try:
                return self._connect().request(method, target, [known, *headers], body)
            except Broken:
                # One that was kept open may have been closed since.
                self._close()
                if fresh:
                    raise
        raise Broken("no answer")

    def _connect(self) -> Connection:
        if self._connection is None:
            try:
                where = json.loads((self._node / "server.json").read_text())
                self._key = where["key"]
                host, port = where["reports"]
            except (OSError, ValueError, KeyError) as error:
                raise Broken(f"no server: {error}") from None
            self._connection = Connection(host, port, _SILENCE)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Peer:
    """Another workload of the job, on another node, as the agent that gathers sees it: a folder with journal and files.

    Its last step is there only once its files are.
    """

    def __init__(self, id: str, folder: Path, server: _Server) -> None:
        self.folder = folder
        self._id = id
        self._server = server
        self._read = 0
        self._next = 0.0
        self._ended = False
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "opt" / "ml").mkdir(parents=True)

    def bring(self) -> None:
        """What is new. Raises Broken, Unwanted."""
        if self._ended or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LOOK
        lines = self._server.journal_of(self._id, self._read)
        if not lines:
            return
        if json.loads(lines.splitlines()[-1])["name"] in FINAL:
            with suppress(Fault):  # then its files are not there, as where a node is lost
                self._server.files_of(self._id, self.folder / "opt" / "ml")
            self._ended = True
        with (self.folder / "journal.jsonl").open("ab") as file:
            file.write(lines)
        self._read += len(lines)


def _lines(path: Path, offset: int) -> bytes:
    """Whole lines from an offset on, about PIECE bytes of them."""
    try:
        if os.path.getsize(path) <= offset:
            return b""
        with path.open("rb") as file:
            file.seek(offset)
            lines = file.read(PIECE)
            if b"\n" not in lines:
                lines += file.readline()
    except FileNotFoundError:
        return b""
    return lines[: lines.rfind(b"\n") + 1]


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
