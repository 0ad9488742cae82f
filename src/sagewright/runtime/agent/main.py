"""From a folder with launch.json to a final step in its journal."""

from __future__ import annotations

import fcntl
import json
import os
import time
import traceback

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.files import write_json
from sagewright.runtime.agent.instance import Instance
from sagewright.runtime.agent.process import boot_id, started
from sagewright.runtime.agent.signals import Signals


def main(folder: str) -> int:
    """Run the folder's workload; 0 also when another agent already does."""
    signals = Signals()
    lock = os.open(os.path.join(folder, "agent.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    _introduce(folder)
    with open(os.path.join(folder, "launch.json")) as file:
        instance = Instance(folder, json.load(file), signals)
    if instance.ran_before():
        return 0
    if instance.launch["lifeline"]:
        signals.hang_on(0)
    try:
        _runner(instance)
    except Fault as fault:
        instance.fail(fault)
    except Exception as error:
        traceback.print_exc()
        instance.fail(Fault("InternalServerError", f"We encountered an internal error: {error!r}"))
    finally:
        instance.release()
    return 0


def _runner(instance: Instance) -> None:
    if instance.workload["kind"] == "service":
        from sagewright.runtime.agent.service import Service

        Service(instance).run()
    else:
        from sagewright.runtime.agent.batch import Batch

        Batch(instance).run()


def _introduce(folder: str) -> None:
    pid = os.getpid()
    who = {"pid": pid, "started": started(pid), "boot": boot_id(), "at": time.time()}
    write_json(os.path.join(folder, "agent.json"), who)
