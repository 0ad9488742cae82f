"""What nodes say of their workloads, as it comes in: each has a folder here that follows the one on its node."""

from __future__ import annotations

import hmac
import json
import os
import re
import shutil
from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagewright.runtime.local.folder import safe_name
from sagewright.runtime.observation import BATCH_STEPS, FINAL, MARKERS, SERVICE_STEPS

PATH = "/_sagewright/work"
"""Of the server, where they come in."""
LIMIT = 1024 * 1024
"""Bytes of a report."""
_JOURNAL_LIMIT = 16 * 1024 * 1024
_RESERVE = 512 * 1024 * 1024
"""Bytes of the disk that what nodes send must leave free."""
LOST = "lost"
"""A file in the folder of a workload that was given up, of which nothing more is taken."""
FILES = "files.tar.gz"
_FILES = {"journal": "journal.jsonl", "log": "log"}
_STEPS = frozenset({*BATCH_STEPS, *SERVICE_STEPS, *MARKERS})
_LOG = re.compile(rb"(?:\d{1,15} [^\n]*\n)*")


@dataclass(frozen=True, slots=True)
class Answer:
    """Of an HTTP request: a JSON document, or bytes, or a file."""

    status: int
    document: dict[str, Any]
    data: bytes | None = None
    file: Path | None = None


class Reports:
    """work: the folder of the workloads' folders. key: of this server, by which keepers know that it is theirs."""

    def __init__(self, work: Path, key: str) -> None:
        self._work = work
        self._key = key

    def append(self, id: str, token: str, stream: str, offset: int, data: bytes) -> Answer:
        """Take whole lines of a journal or a log from an offset on; 409 says how far it is where that is elsewhere."""
        folder, refused = self._admitted(id, token)
        if refused is not None:
            return refused
        if len(data) > LIMIT or stream not in _FILES:
            return self._answer(400, error="not a report")
        path = folder / _FILES[stream]
        size = path.stat().st_size if path.exists() else 0
        if offset != size:
            return self._answer(409, size=size)
        if (folder / LOST).exists():
            return self._answer(410, error="the workload was given up")
        if stream == "journal" and (size + len(data) > _JOURNAL_LIMIT or not _is_journal(data)):
            return self._answer(400, error="not a journal")
        if stream == "log" and (not _LOG.fullmatch(data) or not self._has_room(len(data))):
            return self._answer(400, error="not a log, or no space is left")
        if data:
            with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), "wb", buffering=0) as file:
                file.write(data)
        return self._answer(200, size=size + len(data))

    async def take_files(self, id: str, token: str, chunks: AsyncIterable[bytes]) -> Answer:
        """The archive of a workload's files that another one gathers."""
        folder, refused = self._admitted(id, token)
        if refused is not None:
            return refused
        fresh = folder / f"{FILES}.new"
        with fresh.open("wb") as file:
            async for chunk in chunks:
                if not self._has_room(len(chunk)):
                    fresh.unlink()
                    return self._answer(507, error="no space is left")
                file.write(chunk)
        fresh.rename(folder / FILES)
        return self._answer(200)

    def journal_of(self, id: str, token: str, peer: str, offset: int) -> Answer:
        """Whole lines of the journal of a workload that this one gathers, from an offset on."""
        folder, refused = self._gathered(id, token, peer)
        if refused is not None:
            return refused
        with suppress(FileNotFoundError), (folder / "journal.jsonl").open("rb") as file:
            file.seek(offset)
            data = file.read(LIMIT)
            return Answer(200, {}, data[: data.rfind(b"\n") + 1])
        return Answer(200, {}, b"")

    def files_of(self, id: str, token: str, peer: str) -> Answer:
        """The archive that such a workload has sent; 204 where it has not."""
        folder, refused = self._gathered(id, token, peer)
        if refused is not None:
            return refused
        path = folder / FILES
        return Answer(200, {}, file=path) if path.exists() else Answer(204, {}, b"")

    def _gathered(self, id: str, token: str, peer: str) -> tuple[Path, Answer | None]:
        folder, refused = self._admitted(id, token)
        if refused is None and peer not in self._launch(folder)["workload"]["gathers"].values():
            refused = self._answer(403, error="not gathered")
        return self._work / safe_name(peer), refused

    def _admitted(self, id: str, token: str) -> tuple[Path, Answer | None]:
        folder = self._work / safe_name(id)
        try:
            launch = self._launch(folder)
        except (OSError, ValueError):
            return folder, self._answer(404, error="no such workload")
        if launch["workload"]["id"] != id or not hmac.compare_digest(launch["report"].encode(), token.encode()):
            return folder, self._answer(403, error="not the workload's token")
        return folder, None

    def _launch(self, folder: Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((folder / "launch.json").read_text())
        return document

    def _answer(self, status: int, **members: Any) -> Answer:
        return Answer(status, {"server": self._key, **members})

    def _has_room(self, size: int) -> bool:
        return shutil.disk_usage(self._work).free - size >= _RESERVE


def _is_journal(data: bytes) -> bool:
    """Whether these are whole steps, of which none but the last is final."""
    if not data:
        return True
    *lines, rest = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            step = json.loads(line)
        except ValueError:
            return False
        if not isinstance(step, dict) or set(step) != {"at", "name", "message", "detail"} or step["name"] not in _STEPS:
            return False
        if not isinstance(step["at"], (int, float)) or not isinstance(step["message"], str):
            return False
        if not isinstance(step["detail"], dict) or (step["name"] in FINAL and number < len(lines)):
            return False
    return not rest
