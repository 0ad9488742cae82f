"""Why a command failed, from its exit status and the file it may have left in /opt/ml/output/failure.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signals-exit-codes.html
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat

from sagewright.runtime.agent.fault import Fault, client_error

_FAILURE_LIMIT = 1024
"""Characters of /opt/ml/output/failure that SageMaker shows."""

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


def of_command(base: str, code: int) -> Fault:
    """A command ended with this exit status, other than 0."""
    text = _failure_file(base)
    if prefix := _PREFIX.match(text):
        kind = _KINDS[prefix.group(1)]
        text = text[prefix.end() :]
        if kind != "AlgorithmError":
            return Fault(kind, text)
    return Fault("AlgorithmError", f"{text or _signal_text(code)}, exit code: {code}")


def out_of_memory(memory: int, limit: int, code: int) -> Fault:
    """It had more bytes in use than the instance has."""
    return client_error(
        "Please use an instance type with more memory, or reduce the size of training data processed on an "
        f"instance. Out of memory: {_size(memory)} in use, the limit is {_size(limit)}, exit code: {code}"
    )


def _failure_file(base: str) -> str:
    """A link or a device there is not followed."""
    path = failure_path(base)
    if os.path.realpath(path) != failure_path(os.path.realpath(base)):
        return ""
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                raw = os.read(file, _FAILURE_LIMIT * 4)
                return raw.decode("utf-8", "replace").strip()[:_FAILURE_LIMIT]
        finally:
            os.close(file)
    return ""


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
