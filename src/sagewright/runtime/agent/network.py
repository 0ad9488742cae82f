"""A network that isolated instances of one job share: they reach each other there, and nothing else.

Network isolation leaves out the calls between peers of a training cluster:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.files import write_json
from sagewright.runtime.agent.process import children, started
from sagewright.runtime.agent.signals import Signals

_LOOK = 0.005
_FILE = "network.json"
_SLEEP = b"sleep"


def hold(folder: str, argv: list[str], signals: Signals) -> None:
    """Make the network: a sandboxed process that does nothing keeps it until this one ends. Raises Fault."""
    with open(os.path.join(folder, "network.err"), "wb") as errors:
        holder = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True)
    while True:
        for pid in children(holder.pid):
            # Its loopback interface is up once it runs what it is to run.
            if _command(pid) == _SLEEP:
                write_json(os.path.join(folder, _FILE), {"pid": pid, "started": started(pid)})
                return
        if holder.poll() is not None:
            with open(os.path.join(folder, "network.err"), errors="replace") as file:
                raise Fault("InternalServerError", f"The instances' network could not be made: {file.read(300)}")
        signals.wait(_LOOK)


def enter(launch: dict[str, Any], signals: Signals) -> list[str]:
    """What goes before a command that is to run in the network, once there is one. launch: see Instance."""
    while not signals.any():
        with suppress(OSError, ValueError), open(os.path.join(launch["folder"], _FILE)) as file:
            who = json.load(file)
            if started(who["pid"]) == who["started"]:
                return [*launch["enter"], "--target", str(who["pid"]), "--"]
        signals.wait(_LOOK)
    return []


def _command(pid: int) -> bytes:
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return os.path.basename(file.read().split(b"\0")[0])
    return b""
