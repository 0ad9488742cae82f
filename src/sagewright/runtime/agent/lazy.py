"""A channel's file system whose linked objects come in when they are first read: a FUSE mount, by a process of its own.

That process (``runtime.linked_folder``) shows the host's folder as it is, with the objects that are to come among its
files. It needs FUSE of the machine and mfusepy of Python; where it cannot start, all comes in before the command.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault

_START = 60.0
"""Seconds to list the objects and mount."""
_END = 5.0
_MOUNTS = 3
"""Tries: there may be more than one above another."""
_DETACH, _NOFOLLOW = 2, 8
_OCTAL = re.compile(rb"\\([0-7]{3})")
_CODE = "import sys; sys.path.append({home!r}); from sagewright.runtime.linked_folder.serve import main; main()"


def place_of(folder: str, channel: str) -> str:
    """Where a workload's channel is mounted: not below its folder, which is deleted with all that is in it."""
    work, name = os.path.split(folder)
    return os.path.join(os.path.dirname(work), "mounts", f"{name}.{channel}")


class Lazy:
    """One mount. place: an empty folder, made here. say: tells the job's log. fault: why a read failed, if one did."""

    def __init__(self, place: str, say: Callable[[str], None]) -> None:
        self.place = place
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._ending = False
        self.fault: Fault | None = None

    def start(self, spec: dict[str, Any]) -> bool:
        """Whether it is mounted. spec: of ``linked_folder.serve``."""
        os.makedirs(os.path.dirname(self.place), mode=0o700, exist_ok=True)  # the mount is open to all who get there
        os.makedirs(self.place, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-E", "-P", "-c", _CODE.format(home=__file__.rsplit("/", 4)[0])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,  # else select would not see the lines that are read already
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({**spec, "place": self.place}).encode() + b"\n")
            self._process.stdin.flush()
        try:
            mounted = self._hear()
        except BaseException:  # also when the job is stopped meanwhile
            self.end()
            raise
        if not mounted:
            self.end()
            return False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return True

    def _hear(self) -> bool:
        """Lines of its, until it says that it is mounted, or ends."""
        assert self._process is not None
        assert self._process.stdout is not None
        while select.select([self._process.stdout], [], [], _START)[0]:
            line = self._process.stdout.readline()
            if not line or line == b"mounted\n":
                return bool(line)
            self._take(line)
        return False

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._take(line)
        if not self._ending:
            text = (
                f"The process that shows the file system in {self.place} has ended (exit code {self._process.wait()})."
            )
            self.fault = self.fault or Fault("InternalServerError", text)
            self._say(text)

    def _take(self, line: bytes) -> None:
        said = json.loads(line)
        if "fault" in said:
            self.fault = self.fault or Fault(*said["fault"])
        self._say(said["text"])

    def end(self) -> None:
        """Unmount. The folder is deleted only when nothing is mounted there: what is below it is the user's."""
        self._ending = True
        if self._process is not None:
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._listener is not None:
            self._listener.join(_END)
        detach(self.place)


def detach(place: str) -> None:
    """Unmount what is mounted there, whoever serves it or has served it, and delete the empty folder.

    The mount itself is not asked for anything: who serves it may be past answering.
    """
    for _ in range(_MOUNTS):
        if not is_mounted(place):
            break
        unmount(place)
    with suppress(OSError):
        os.rmdir(place)


def is_mounted(place: str) -> bool:
    """By the kernel's list of mounts."""
    folder, name = os.path.split(place)
    real = os.fsencode(os.path.join(os.path.realpath(folder), name))
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return any(_OCTAL.sub(_byte, line.split(b" ")[4]) == real for line in file)
    except FileNotFoundError:  # no Linux
        return False


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8)])


def unmount(place: str) -> None:
    """Take it out of sight at once, also when it is in use: by ourselves, or by who may do it for users."""
    libc = ctypes.CDLL(None)
    if libc.umount2(os.fsencode(place), _DETACH | _NOFOLLOW):
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["fusermount3", "-uz", place], capture_output=True, check=False, timeout=_END)
