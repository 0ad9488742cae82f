"""Why a command failed, from its exit status and the file it may have left in /opt/ml/output/failure.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signals-exit-codes.html
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import signal
import stat
from collections.abc import Callable

from sagewright.runtime.agent.fault import Fault, client_error

_FAILURE_LIMIT = 1024
"""Characters of /opt/ml/output/failure that SageMaker shows."""

_MESSAGE_LIMIT = 1024
"""Bytes of /opt/ml/output/message that SageMaker shows."""

_PREFIX = re.compile(r"(Client|Customer|Algorithm|InternalServer|Platform)\s?Error\s*:\s*")
_KINDS = {
    "Client": "ClientError",
    "Customer": "ClientError",
    "Algorithm": "AlgorithmError",
    "InternalServer": "InternalServerError",
    "Platform": "InternalServerError",
}


def failure_path(base: str) -> str:
    """base: the job's /opt/ml."""
    return os.path.join(base, "output", "failure")


def message_path(base: str) -> str:
    """base: the job's /opt/ml."""
    return os.path.join(base, "output", "message")


def exit_message(base: str) -> str:
    """What a processing container left to be shown, empty for nothing. Raises Fault where it is no UTF-8.

    https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html
    """
    raw = _regular_file(base, message_path, _MESSAGE_LIMIT)
    try:
        # a character cut in two by the limit is no fault
        return codecs.getincrementaldecoder("utf-8")().decode(raw, len(raw) < _MESSAGE_LIMIT)
    except UnicodeDecodeError:
        raise client_error("The exit message in /opt/ml/output/message is not UTF-8 encoded.") from None


def of_command(base: str, code: int, unsaid: str = "") -> Fault:
    """A command ended with this exit status, other than 0. unsaid: the text where nothing else says why."""
    text = _failure_file(base)
    if prefix := _PREFIX.match(text):
        kind = _KINDS[prefix.group(1)]
        text = text[prefix.end() :]
        if kind != "AlgorithmError":
            return Fault(kind, text)
    return Fault("AlgorithmError", f"{text or _signal_text(code) or unsaid}, exit code: {code}")


def out_of_memory(memory: int, limit: int, code: int) -> Fault:
    """It had more bytes in use than the instance has."""
    return client_error(
        "Please use an instance type with more memory, or reduce the size of training data processed on an "
        f"instance. Out of memory: {_size(memory)} in use, the limit is {_size(limit)}, exit code: {code}"
    )


def _failure_file(base: str) -> str:
    raw = _regular_file(base, failure_path, _FAILURE_LIMIT * 4)
    return raw.decode("utf-8", "replace").strip()[:_FAILURE_LIMIT]


def _regular_file(base: str, place: Callable[[str], str], limit: int) -> bytes:
    """The first bytes of a file of the job's; none where it is a link or a device, which is not followed."""
    path = place(base)
    if os.path.realpath(path) != place(os.path.realpath(base)):
        return b""
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                return os.read(file, limit)
        finally:
            os.close(file)
    return b""


def _signal_text(code: int) -> str:
    if code <= 128:
        return ""
    with contextlib.suppress(ValueError):
        name = signal.Signals(code - 128).name
        hint = " (out of memory, or killed from outside)" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    return ""


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"
