"""A container engine of this machine, for images of the user's own."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from typing import Any

from sagewright.runtime.agent.container import Container

_NEEDED = ("HOME", "PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DOCKER_HOST", "DOCKER_CONFIG")
"""Environment variables that engines go by."""


@dataclass(frozen=True, slots=True)
class Engine:
    """command: argv of its client. args: more options of its ``run``. pull: whether images may be fetched."""

    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    pull: bool = False

    def launch(self) -> dict[str, Any]:
        """As an agent takes it."""
        env = {name: os.environ[name] for name in _NEEDED if name in os.environ}
        return {"command": list(self.command), "args": list(self.args), "env": env, "pull": self.pull}


def find(setting: str, args: str = "", *, pull: bool = False) -> Engine | None:
    """setting: ``auto`` (docker, else podman), ``off``, or the words of a client's command."""
    if setting == "off":
        return None
    words = shlex.split(setting) if setting != "auto" else ["docker"]
    program = shutil.which(words[0]) or (shutil.which("podman") if setting == "auto" else None)
    return Engine((program, *words[1:]), tuple(shlex.split(args)), pull) if program else None


def remove(launch: dict[str, Any], folder: str) -> None:
    """End the container of a workload whose agent cannot. launch: its launch.json."""
    if launch.get("engine"):
        Container(launch["engine"], folder, launch["workload"]).remove()
