"""The process that shows a file system's folder with the objects linked to it, which come in when they are first read.

A FUSE file system (https://www.kernel.org/doc/html/latest/filesystems/fuse.html) on mfusepy. Its first line of standard
input says what to show; the end of that input is its end. What it has to say goes to its standard output, a line each:
JSON documents (``say``), and ``mounted`` once.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import threading
import time
from typing import Any

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.lazy import unmount
from sagewright.runtime.agent.linked import Linked
from sagewright.runtime.agent.s3 import S3
from sagewright.runtime.agent.signer import Signer
from sagewright.runtime.linked_folder.arrivals import Arrivals
from sagewright.runtime.linked_folder.folder import Folder

_THREADS = 64
"""As many may wait for objects until others wait too."""
_EXCHANGE = 2
_FILE = 1 << 1 | 1 << 2
"""A buffer that is a file, from a position in it."""
_WITHOUT = (
    "Linked objects come in before the command starts: when they are read, with FUSE (Debian's fuse3, a /dev/fuse that "
    "is open to this user, and pip install 'sagewright[fuse]')."
)


def say(text: str, **more: Any) -> None:
    """A line for the job's log. fault: kind and text of one that is the job's, should its command fail."""
    os.write(1, json.dumps({"text": text, **more}).encode() + b"\n")


def _line() -> bytes:
    """The first line of the input, and nothing behind it."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65536)):
        line += piece
    return line


def _end_with_input(place: str, folder: Folder) -> None:
    while os.read(0, 4096):
        pass
    folder.sweep()
    unmount(place)
    time.sleep(1)
    os._exit(0)


def _server(base: Any) -> type:
    """mfusepy's, with what it leaves out."""
    libc = ctypes.CDLL(None)
    libc.calloc.restype = ctypes.c_void_p
    libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)

    class Server(base):  # type: ignore[misc]
        def read_buf(self, path: bytes, into: Any, size: int, offset: int, info: Any) -> int:
            """The file itself, which libfuse hands to the kernel without a copy here, and frees what says so."""
            vector = struct.pack("@NNNNiPiq", 1, 0, 0, size, _FILE, 0, info.contents.fh, offset)
            memory = libc.calloc(1, 256)
            ctypes.memmove(memory, vector, len(vector))
            ctypes.cast(into, ctypes.POINTER(ctypes.c_void_p))[0] = memory
            return 0

        def truncate_fuse_3(self, path: bytes, length: int, info: Any) -> int:
            return int(self.ftruncate(path, length, info))

        def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> int:
            if flags & _EXCHANGE:
                raise OSError(errno.EINVAL, "exchange")
            return int(self.rename_fuse_2(old, new))

    return Server


def main() -> None:
    """spec: place (where to mount), channel (of launch.json), root, directory, data_dir, credentials, account, region,
    patience."""
    spec = json.loads(_line())
    try:
        import mfusepy
    except (ImportError, OSError):
        say(_WITHOUT)
        return
    os.umask(0)
    found: list[str] = []

    def linked() -> Linked:
        s3 = S3(spec["data_dir"], Signer(spec["credentials"], spec["account"], spec["region"]), spec["patience"])
        return Linked(spec["channel"], s3, spec["root"], found.append)

    try:
        absent = linked().lay_out()
    except Fault:
        return  # the agent meets it too, and says so
    start = len(spec["directory"]) + 1 if spec["directory"] else 0
    arrivals = Arrivals(
        {"/" + each.target[start:]: each for each in absent},
        linked,
        lambda fault: say(fault.text, fault=[fault.kind, fault.text]),
        lambda: mfusepy.fuse_get_context()[2],
    )

    def init(self: Any, path: str) -> None:
        for line in found:
            say(line)
        os.write(1, b"mounted\n")

    shown = type("Shown", (Folder, mfusepy.Operations), {"init": init, "read_buf": Folder.read})(
        spec["root"], spec["directory"], arrivals, mfusepy.fuse_get_context
    )
    threading.Thread(target=_end_with_input, args=(spec["place"], shown), daemon=True).start()
    options: dict[str, Any] = {"default_permissions": True, "fsname": "sagewright", "auto_cache": True}
    if os.geteuid() == 0:
        options["allow_other"] = True
    if (mfusepy.fuse_version_major, mfusepy.fuse_version_minor) >= (3, 12):
        options["max_threads"] = _THREADS  # before, there is no limit
    try:
        _server(mfusepy.FUSE)(shown, spec["place"], foreground=True, nothreads=False, **options)
    except RuntimeError:
        say(_WITHOUT)
    os._exit(0)  # whatever may still be on its way
