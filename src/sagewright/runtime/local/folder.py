"""One workload's folder: what is in it, and who looks after it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from sagewright.runtime.agent.process import boot_id, started
from sagewright.runtime.backend import UnknownWorkload
from sagewright.runtime.observation import LogLine, Step
from sagewright.runtime.workload import Workload

_LOG_PAGE = 1024 * 1024
_DELETIONS = 5
"""Times a folder is deleted, where something still dying writes into it."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def safe_name(id: str) -> str:
    """A file name for an id: itself where it is fit for one, else with a digest in the place of what is not."""
    if _SAFE.fullmatch(id):
        return id
    clean = re.sub(r"[^A-Za-z0-9_-]", "_", id)[:60]
    return f"{clean}.{sha256(id.encode()).hexdigest()[:16]}"


class Folder:
    """<data_dir>/work/<safe id>: launch.json, agent.json, journal.jsonl, log, opt/ml, tmp."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._steps: list[Step] = []
        self._read = 0
        self._launch: dict[str, Any] | None = None
        self._workload: Workload | None = None
        self._who: dict[str, Any] | None = None

    @property
    def launch(self) -> dict[str, Any]:
        """launch.json. Raises FileNotFoundError."""
        if self._launch is None:
            self._launch = json.loads((self.path / "launch.json").read_text())
        return self._launch

    @property
    def workload(self) -> Workload:
        """As it was launched. Raises FileNotFoundError."""
        if self._workload is None:
            self._workload = Workload.from_json(self.launch["workload"])
        return self._workload

    @property
    def id(self) -> str:
        """The workload's id. Raises FileNotFoundError."""
        return self.workload.id

    def create(self, launch: dict[str, Any]) -> bool:
        """Write launch.json, whole or not at all; False where there is one."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in ("opt/ml/input", "opt/ml/code", "tmp", "relay"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        fresh = self.path / f"launch.json.{os.getpid()}"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # it holds keys
            json.dump(launch, file)
        try:
            os.link(fresh, self.path / "launch.json")
        except FileExistsError:
            return False
        finally:
            fresh.unlink()
        return True

    def steps(self) -> tuple[Step, ...]:
        """The journal so far; only what is new is read."""
        with suppress(FileNotFoundError), (self.path / "journal.jsonl").open("rb") as file:
            file.seek(self._read)
            new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._steps += [Step(**json.loads(line)) for line in whole.splitlines()]
        return tuple(self._steps)

    def append(self, step: Step) -> None:
        """Write a step in the place of an agent that is gone."""
        entry = {"at": step.at, "name": step.name, "message": step.message, "detail": dict(step.detail)}
        with (self.path / "journal.jsonl").open("r+b" if (self.path / "journal.jsonl").exists() else "wb") as file:
            file.seek(self._read)
            file.truncate()
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def agent(self) -> int | None:
        """The pid of the live agent."""
        if self._who is None:
            with suppress(FileNotFoundError):
                self._who = json.loads((self.path / "agent.json").read_text())
        who = self._who
        if who is None or who["boot"] != boot_id():
            return None
        return int(who["pid"]) if started(who["pid"]) == who["started"] else None

    def introduced(self) -> bool:
        """Whether an agent ever came up."""
        return (self.path / "agent.json").exists()

    def logs(self, offset: int) -> tuple[list[LogLine], int]:
        """Complete lines from a byte offset on, about a MiB of them."""
        try:
            with (self.path / "log").open("rb") as file:
                file.seek(offset)
                new = file.read(_LOG_PAGE)
        except FileNotFoundError:
            return [], offset
        whole = new[: new.rfind(b"\n") + 1]
        lines = []
        for line in whole.split(b"\n")[:-1]:
            at, _, text = line.partition(b" ")
            lines.append(LogLine(int(at), text.decode("utf-8", "replace")))
        return lines, offset + len(whole)

    def complaint(self) -> str:
        """The last line an agent printed, which is none unless something is wrong with it."""
        with suppress(OSError, IndexError):
            return (self.path / "agent.err").read_text(errors="replace").strip().splitlines()[-1][:300]
        return ""

    def delete(self) -> None:
        """Remove everything, also folders that the workload closed to their owner."""
        for attempt in range(_DELETIONS):
            try:
                shutil.rmtree(self.path)
                return
            except OSError:
                if not self.path.exists():
                    return
                if attempt == _DELETIONS - 1:
                    raise
            for base, folders, _ in os.walk(self.path):
                for name in folders:
                    if not os.path.islink(os.path.join(base, name)):
                        os.chmod(os.path.join(base, name), stat.S_IRWXU)


def find(known: dict[str, Folder], work: Path, id: str) -> Folder:
    """The folder of a workload in a folder of such, each time the same object. Raises UnknownWorkload."""
    folder = known.get(id) or Folder(work / safe_name(id))
    try:
        found = folder.id
    except (FileNotFoundError, ValueError):
        found = ""
    if found != id:
        raise UnknownWorkload(id)
    return known.setdefault(id, folder)
