"""A container engine of this machine, for images of the user's own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.runtime.agent.container import Container

_NEEDED = ("HOME", "PATH", "TMPDIR", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK")
_FAMILIES = ("XDG_", "DOCKER_", "CONTAINER_", "CONTAINERS_")
"""Environment variables that engines go by."""
_PATIENCE = 20.0
"""Seconds an engine has to say that it is there."""


@dataclass(frozen=True, slots=True)
class Engine:
    """command: argv of its client. args: more options of its ``run``. pull: whether images may be fetched."""

    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    pull: bool = False

    def launch(self) -> dict[str, Any]:
        """As an agent takes it."""
        env = {name: value for name, value in os.environ.items() if name in _NEEDED or name.startswith(_FAMILIES)}
        return {"command": list(self.command), "args": list(self.args), "env": env, "pull": self.pull}


def find(setting: str, args: str = "", *, pull: bool = False) -> Engine | None:
    """setting: ``auto`` (docker, else podman), ``off``, or the words of a client's command.

    With ``auto``, one that answers goes before one that only has its client here. Blocks for as long as that takes.
    """
    if setting == "off":
        return None
    wanted = [shlex.split(setting)] if setting != "auto" else [["docker"], ["podman"]]
    found = [(program, *words[1:]) for words in wanted if words and (program := shutil.which(words[0]))]
    if len(found) > 1:
        found = [command for command in found if version(command)] or found
    return Engine(found[0], tuple(shlex.split(args)), pull) if found else None


def version(command: Sequence[str]) -> str:
    """Of the engine behind a client; empty where none answers."""
    words = [*command, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def remove(launch: dict[str, Any], folder: str) -> None:
    """End the container of a workload whose agent cannot, and get its files. launch: its launch.json."""
    if launch.get("engine"):
        container = Container(launch["engine"], folder, launch["workload"])
        container.remove()
        container.reclaim()
