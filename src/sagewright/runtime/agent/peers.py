"""The other instances of a job, as the one sees them that ends after them, to store what all have written.

SageMaker puts the files of every instance's /opt/ml/model into one archive, those of /opt/ml/output/data into another:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

from sagewright.runtime.agent.signals import Signals

_FINAL = ("Completed", "Failed", "Stopped")
_FIRST_LOOKS = 0.01
_SLOWEST_LOOKS = 0.25
"""Seconds between looks at the others' journals."""


class Peers:
    """folders: of the other instances, by host name. They are on this disk, each with a journal of its own."""

    def __init__(self, folders: dict[str, str]) -> None:
        self._folders = folders

    def wait(self, signals: Signals) -> bool:
        """Until each of them has come to its end; False where a kill came first."""
        pause = _FIRST_LOOKS
        while not all(_last(folder).get("name") in _FINAL for folder in self._folders.values()):
            if signals.kill:
                return False
            signals.wait(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOKS)
        return True

    def failed(self, before: float) -> bool:
        """Whether one of them failed, by itself and before that time (epoch seconds): what came later may have come of
        the end of the others."""
        ends = [_last(folder) for folder in self._folders.values()]
        return any(end["name"] == "Failed" and end["detail"].get("since", end["at"]) < before for end in ends)

    def bases(self) -> list[tuple[str, str]]:
        """Host name and /opt/ml of each."""
        return [(host, os.path.join(folder, "opt", "ml")) for host, folder in self._folders.items()]


def _last(folder: str) -> dict[str, Any]:
    """The journal's last whole entry; empty where there is none yet."""
    with suppress(OSError, ValueError, IndexError), open(os.path.join(folder, "journal.jsonl"), "rb") as file:
        whole = file.read().rpartition(b"\n")[0]
        entry: dict[str, Any] = json.loads(whole.splitlines()[-1])
        return entry
    return {}
