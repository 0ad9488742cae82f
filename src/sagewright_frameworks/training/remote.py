"""mpirun's way from a job's first instance to the others, in the place of ssh: ``python -m ... [HOST COMMAND...]``.

Without words it serves, on an instance that lends its processors: it waits for the first instance, runs the one command
that comes (Open MPI's daemon there) and ends with it. With words it is what mpirun calls to have a command run on
HOST. Both prove to each other that they are of the job (``sagewright_algorithms.contract.meeting``). Whoever loses the
other one ends what it runs.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import numpy as np

from sagewright_algorithms.contract import log, meeting
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure
from sagewright_algorithms.contract.link import Kind, LastWords, Shape
from sagewright_frameworks.setup import TOOLKIT
from sagewright_frameworks.training.environment import PORT

_CALLER = "mpirun"
_PATIENCE = 1800.0
"""Seconds until all instances have their data; one may have to load far more than another."""
_GRACE = 10.0
_COMMAND = Shape(np.dtype(np.uint8), (0,), open=True)
_STATUS = Shape(np.dtype(np.int32), (1,))


def agent() -> str:
    """The words for mpirun's ``plm_rsh_agent``."""
    return shlex.join([sys.executable, "-m", __name__])


def serve(host: str, environ: Mapping[str, str] = os.environ) -> int:
    """Run the first instance's command here. 0 however that ends: mpirun knows why, and says so.

    Raises AlgorithmError where nobody calls.
    """
    link = meeting.receive_all(_party(host, 0, environ))[0]
    try:
        command = link.receive(Kind.BROADCAST, 0, _COMMAND).tobytes().decode()
        process = subprocess.Popen(["/bin/sh", "-c", command], start_new_session=True)
    except LastWords:
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: _stopped(process, frame))
    while process.poll() is None and not select.select([link], [], [], 0.1)[0]:
        pass
    status = _ended(process)
    with suppress(LastWords):
        link.send(Kind.BROADCAST, 1, np.array([status], np.int32))
    return 0


def call(host: str, words: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Have a command run on a host, as ``ssh HOST WORDS`` does: a shell reads the words there. Its exit status."""
    link = meeting.join(_party(host, 1, environ))
    try:
        link.send(Kind.BROADCAST, 0, np.frombuffer(" ".join(words).encode(), np.uint8))
        return int(link.receive(Kind.BROADCAST, 1, _STATUS)[0])
    except LastWords:
        print(f"{host} has ended.", file=sys.stderr)
        return 255


def _party(host: str, rank: int, environ: Mapping[str, str]) -> meeting.Party:
    addresses = json.loads(environ.get("SAGEWRIGHT_HOSTS") or "{}")
    token = environ.get("SAGEWRIGHT_JOB_TOKEN", "")
    return meeting.Party((host, _CALLER), rank, addresses, token, int(PORT), time.monotonic() + _PATIENCE)


def _stopped(process: subprocess.Popen[bytes], frame: FrameType | None) -> NoReturn:
    _ended(process)
    sys.exit(128 + signal.SIGTERM)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status; SIGTERM, and SIGKILL after a while, where it still runs."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    status = process.wait()
    return status if status >= 0 else 128 - status


def main(words: Sequence[str]) -> int:
    log.use(TOOLKIT)
    try:
        return call(words[0], words[1:]) if words else serve(Environment.of_process().current_host)
    except AlgorithmFailure as error:
        print(error, file=sys.stderr)
        return 255 if words else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
