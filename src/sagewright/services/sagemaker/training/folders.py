"""Channels that are directories of file systems: EFS and FSx for Lustre.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_FileSystemDataSource.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-access-training-data.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sagewright.kit import file_systems
from sagewright.kit.file_systems import FSX
from sagewright.runtime.backend import Unsupported
from sagewright.runtime.workload import FolderInput, Link
from sagewright.store import Space, Store


def kept(store: Store, space: Space, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a job's document has of the file systems that its channels name: those there are, by id."""
    found = {}
    for source in _sources(request):
        system = file_systems.find(store, space.account, space.region, source["FileSystemId"])
        if system is not None:
            ledger = file_systems.ledger_of(store.folder, system.id)
            found[system.id] = {**asdict(system), "ledger": str(ledger)}
    return {"file_systems": found} if found else {}


def problems(channel: Mapping[str, Any], mode: str, request: Mapping[str, Any]) -> Iterator[str]:
    """What CreateTrainingJob refuses of a channel with a FileSystemDataSource. mode: the channel's input mode."""
    if "S3DataSource" in channel["DataSource"]:
        yield "its DataSource can have an S3DataSource or a FileSystemDataSource, not both."
    if not request.get("VpcConfig"):
        yield "a FileSystemDataSource can only be used by a training job with a VpcConfig."
    if mode != "File":
        yield f"a FileSystemDataSource can only be used with the input mode File, and it is {mode}."
    for member, plain in (("CompressionType", "None"), ("RecordWrapperType", "None"), ("ShuffleConfig", None)):
        if channel.get(member, plain) != plain:
            yield f"{member} cannot be used with a FileSystemDataSource."
    path = channel["DataSource"]["FileSystemDataSource"]["DirectoryPath"]
    if _parts(path) is None or "\0" in path:
        yield f"the DirectoryPath {path} leads out of the file system."


def folder_input(channel: Mapping[str, Any], body: Mapping[str, Any]) -> FolderInput:
    """Of a channel. body: of the job's document. Raises Unsupported where there is no such directory to mount."""
    source = channel["DataSource"]["FileSystemDataSource"]
    system, kind, path = source["FileSystemId"], source["FileSystemType"], source["DirectoryPath"]
    known = body.get("file_systems", {}).get(system)
    start = f"Unable to mount file system: {system}, directory path: {path}."
    end = f"(channel {channel['ChannelName']})"
    if known is None:
        raise Unsupported(f"{start} There is no such file system: make it, or register a folder as it. {end}")
    if known["type"] != kind:
        raise Unsupported(f"{start} Its FileSystemType is {known['type']}, not {kind}. {end}")
    parts = _parts(path) or []
    if kind == FSX:
        if parts[:1] != [known["mount_name"]]:
            words = f"Incorrect mount path. It must begin with the file system's mount name, /{known['mount_name']}."
            raise Unsupported(f"{start} {words} {end}")
        parts = parts[1:]
    links = tuple(Link(folder, uri) for folder, uri in known["links"].items())
    return FolderInput(system, path, known["folder"], "/".join(parts), links, known["ledger"])


def _sources(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for channel in request.get("InputDataConfig", ()):
        if "FileSystemDataSource" in channel["DataSource"]:
            yield channel["DataSource"]["FileSystemDataSource"]


def _parts(path: str) -> list[str] | None:
    """The names on the way from the root; None where they lead out of it."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def conditions(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """IAM's condition keys of a request with such channels."""
    sources = list(_sources(request))
    keys = {
        "sagemaker:FileSystemAccessMode": "FileSystemAccessMode",
        "sagemaker:FileSystemDirectoryPath": "DirectoryPath",
        "sagemaker:FileSystemId": "FileSystemId",
        "sagemaker:FileSystemType": "FileSystemType",
    }
    return {key: [source[member] for source in sources] for key, member in keys.items()} if sources else {}
