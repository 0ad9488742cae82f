"""How a container of script mode fails: the words of AWS's training toolkit, short enough for a FailureReason.

https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/errors.py
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

_LIMIT = 980
"""Characters: SageMaker shows 1024, with the kind before and the exit code behind."""
_COMMAND = 240
_TRACEBACK = "Traceback (most recent call last):"
_NOISE = re.compile(r"Stack trace:|\s*\[bt\] \(\d+\) |[EWIF]\d{4} \d\d:\d\d:\d\d")
"""Lines that XGBoost and others of C++ put behind an error's message, and those of torchrun's own log."""
_RANK = re.compile(r"^\[rank\d+\]: ?")
"""What PyTorch puts before a process's last words."""
_ELASTIC = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError"
"""torchrun's own error, which says that a process failed, and not why."""


class CalledProcessError(Exception):
    """A command of the user's failed. code: its exit status, 128 + n for signal n. output: what it said last."""

    def __init__(self, command: Sequence[str], code: int, output: str = "", extra: str = "") -> None:
        super().__init__(command, code)
        self._command = _shortened(" ".join(command), _COMMAND)
        self._code = code
        self._output = output
        self._extra = extra or _signal(code)

    def __str__(self) -> str:
        extra = f'\nExtraInfo "{self._extra}"' if self._extra else ""
        head, tail = (
            f'{type(self).__name__}:\nExitCode {self._code}\nErrorMessage "',
            f'"{extra}\nCommand "{self._command}"',
        )
        return head + last_words(self._output, _LIMIT - len(head) - len(tail)) + tail


class ExecuteUserScriptError(CalledProcessError):
    """The user's script."""


class InstallRequirementsError(CalledProcessError):
    """pip, with the user's requirements."""


def last_words(output: str, room: int) -> str:
    """The end of the last traceback in an output, of as many whole lines as there is room for; else its last lines."""
    lines = [_RANK.sub("", line).rstrip() for line in output.splitlines() if line.strip() and not _NOISE.match(line)]
    # Processes write at the same time: what begins a traceback may stand behind the half of another's line.
    begins = [number for number, line in enumerate(lines) if _TRACEBACK in line]
    if any(begins) and any(_ELASTIC in line for line in lines[begins[-1] :]):
        lines = lines[: begins.pop()]
    lines = lines[begins[-1] + 1 :] if begins else lines[-12:]
    kept: list[str] = []
    for line in reversed(lines):
        if sum(map(len, kept)) + len(kept) + len(line) > room:
            break
        kept.insert(0, line)
    return "\n".join(kept) if kept or not lines else _shortened(lines[-1], room)


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room - 4)]} ..."


def _signal(code: int) -> str:
    try:
        number = signal.Signals(code - 128)
    except ValueError:
        return ""
    why = ": out of memory, or killed from outside" if number == signal.SIGKILL else ""
    return f"Process killed by {number.name} (signal {number.value}){why}"
