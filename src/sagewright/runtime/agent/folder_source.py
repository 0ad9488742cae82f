"""Channels that are folders of the host: a file system's directory, in the place of a copy of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.s3 import S3

if TYPE_CHECKING:
    from sagewright.runtime.agent.lazy import Lazy


def folder_of(channel: dict[str, Any], s3: S3, say: Callable[[str], None]) -> str:
    """The host's folder, with the objects linked to it in their places. Raises Fault, Interrupted.

    say: tells the job's log. No symbolic link leads out of the file system.
    """
    root = _root(channel)
    if channel["source"]["links"]:
        from sagewright.runtime.agent.linked import Linked

        Linked(channel, s3, root, say).bring()
    return _directory(channel, root)


def mounted(channel: dict[str, Any], launch: dict[str, Any], folder: str, say: Callable[[str], None]) -> Lazy | None:
    """The same where the objects come in when they are first read; None where the machine cannot do that. Raises Fault.

    folder: of the workload.
    """
    if launch["engine"] is not None and os.getuid():
        return None  # the engine's processes are of other users, to whom the mount is closed
    from sagewright.runtime.agent.lazy import Lazy, place_of

    root = _root(channel)
    lazy = Lazy(place_of(folder, channel["name"]), say)
    spec = {name: launch["workload"][name] for name in ("credentials", "account", "region")}
    spec |= {"root": root, "directory": channel["source"]["directory"], "channel": channel}
    if not lazy.start({**spec, "data_dir": launch["data_dir"], "patience": launch["patience"]}):
        return None
    try:
        _directory(channel, root)
    except Fault:
        lazy.end()
        raise
    return lazy


def _root(channel: dict[str, Any]) -> str:
    root: str = os.path.realpath(channel["source"]["root"])
    if not os.path.isdir(root):
        where = channel["source"]["root"]
        raise _unable(channel, f"The folder {where} of this machine, which it stands for, is not there.")
    return root


def _directory(channel: dict[str, Any], root: str) -> str:
    folder: str = os.path.realpath(os.path.join(root, channel["source"]["directory"]))
    if folder != root and not folder.startswith(root.rstrip("/") + "/"):
        raise _unable(channel, "The directory path leads out of the file system.")
    if not os.path.isdir(folder):
        there = "is no directory" if os.path.exists(folder) else "does not exist"
        raise _unable(channel, f"The directory path {there} on the file system.")
    return folder


def show(channel: dict[str, Any], folder: str, base: str, *, sandboxed: bool) -> tuple[str, str, str] | None:
    """Put the folder into its place below /opt/ml: what the sandbox is to bind, in bubblewrap's words, else a link.

    base: the job's /opt/ml.
    """
    inside = channel["path"] or f"input/data/{channel['name']}"
    place = os.path.join(base, inside)
    if sandboxed:
        os.makedirs(place, exist_ok=True)
        return ("--ro-bind" if channel["read_only"] else "--bind", folder, f"/opt/ml/{inside}")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.symlink(folder, place)
    return None


def _unable(channel: dict[str, Any], why: str) -> Fault:
    """SageMaker's words for a mount that failed, and why."""
    source = channel["source"]
    return client_error(
        f"Unable to mount file system: {source['system']}, directory path: {source['path']}. Incorrect mount path. "
        f"{why} (channel {channel['name']})"
    )
