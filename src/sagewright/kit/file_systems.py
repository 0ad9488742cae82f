"""File systems that jobs may have as their input: each is a folder of this machine.

Registered ones stand in ``<data_dir>/filesystems.json``, which `sagewright filesystem` writes whether or not a server
runs; every account and region sees them. Those made through the APIs of EFS and FSx are documents of their account and
region, over ``<data_dir>/filesystems/<id>``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sagewright.kit import shared_file
from sagewright.store import Document, Space, Store

EFS, FSX = "EFS", "FSxLustre"
"""Types, in SageMaker's words."""
KINDS = {EFS: "efs:file-system", FSX: "fsx:file-system"}
"""Kinds of the documents of those made through an API."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One of them.

    folder: absolute. mount_name: of FSx, what every path in it begins with. links: folder in the file system (empty is
    its root) -> s3 uri. registered: when it was, epoch seconds; 0 for those made through an API.
    """

    id: str
    type: str
    folder: str
    mount_name: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    registered: float = 0


def find(store: Store, account: str, region: str, id: str) -> FileSystem | None:
    """The file system of that id."""
    system = registered(store.folder).get(id)
    for kind in KINDS.values() if system is None else ():
        document = store.documents.get(Space(kind, account, region), id)
        if document is not None:
            system = of_document(store, document)
    return system


def of_document(store: Store, document: Document) -> FileSystem:
    """One that was made through an API."""
    kind = next(each for each, kept in KINDS.items() if kept == document.space.kind)
    links = {link["folder"]: link["uri"] for link in document.body.get("links", {}).values()}  # none of EFS's
    place = folder_of(store.folder, document.key)
    return FileSystem(document.key, kind, str(place), document.body.get("mount_name", ""), links)


def folder_of(data_dir: Path, id: str) -> Path:
    """Where one made through an API keeps its files."""
    return data_dir.absolute() / "filesystems" / id


def ledger_of(data_dir: Path, id: str) -> Path:
    """What says which objects of its links a file system has."""
    return data_dir.absolute() / "filesystems" / f"{id}.objects"


def forget(data_dir: Path, id: str) -> None:
    """Delete the folder of one made through an API, and the ledger."""
    shutil.rmtree(folder_of(data_dir, id), ignore_errors=True)
    ledger_of(data_dir, id).unlink(missing_ok=True)


def registered(data_dir: Path) -> dict[str, FileSystem]:
    """All registered ones by id. Raises ValueError where their file is damaged."""
    path = _file(data_dir)
    try:
        return {key: FileSystem(id=key, **members) for key, members in shared_file.read(path).items()}
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def register(data_dir: Path, system: FileSystem) -> None:
    """Add one, in the place of an earlier one of its id, whose objects are asked for again."""
    registered(data_dir)  # a damaged file is not added to
    members = asdict(system)
    del members["id"]
    with shared_file.changing(_file(data_dir)) as known:
        known[system.id] = members
        ledger_of(data_dir, system.id).unlink(missing_ok=True)


def unregister(data_dir: Path, id: str) -> bool:
    """Whether there was one. Its folder stays as it is."""
    with shared_file.changing(_file(data_dir)) as known:
        there = known.pop(id, None) is not None
        if there:
            ledger_of(data_dir, id).unlink(missing_ok=True)
    return there


def _file(data_dir: Path) -> Path:
    return data_dir / "filesystems.json"
