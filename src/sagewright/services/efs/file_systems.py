"""File systems: each is a folder of this machine, empty when it is made; those registered are shown too.

Throughput, performance, encryption and backup have no effect on a folder: they are kept as asked for.

Source: https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sagewright.core.ids import short_id
from sagewright.core.lifecycle import FILE_SYSTEM
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.kit.operation import Context, operation
from sagewright.services.efs.shelf import (
    ACCESS_POINTS,
    FILE_SYSTEMS,
    MOUNT_TARGETS,
    Shelf,
    bad,
    error,
    paged,
    plain_id,
)
from sagewright.store import Document

_KEPT = ("PerformanceMode", "Encrypted", "KmsKeyId", "ThroughputMode", "ProvisionedThroughputInMibps")
_DEFAULTS = {"PerformanceMode": "generalPurpose", "Encrypted": False, "ThroughputMode": "bursting"}


class FileSystems:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation()
    def create_file_system(
        self, ctx: Context, creation_token: str, tags: Sequence[dict[str, str]] = (), **members: Any
    ) -> dict[str, Any]:
        shelf = self._shelf
        for other in shelf.all(ctx, FILE_SYSTEMS, CreationToken=creation_token):
            message = f"File system '{other.key}' already exists with creation token '{creation_token}'"
            raise error("FileSystemAlreadyExists", message, 409, FileSystemId=other.key)
        _check_throughput(ctx.request)
        key = f"fs-{short_id(17)}"
        body = {"CreationToken": creation_token, **_DEFAULTS}
        body |= {name: ctx.request[name] for name in (*_KEPT, "AvailabilityZoneName") if name in ctx.request}
        file_systems.folder_of(shelf.store.folder, key).mkdir(parents=True)
        with shelf.store.transaction():
            made = shelf.store.documents.insert(shelf.space(ctx, FILE_SYSTEMS), key, body, status=FILE_SYSTEM.initial)
            shelf.tags.add(shelf.arn(ctx, FILE_SYSTEMS, key), tags)
        return self._shown(ctx, made, 0)

    @operation()
    async def describe_file_systems(
        self,
        ctx: Context,
        file_system_id: str | None = None,
        creation_token: str | None = None,
        marker: str | None = None,
        max_items: int | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if file_system_id and creation_token:
            raise bad("FileSystemId and CreationToken cannot be specified at the same time.")
        found: list[Document | FileSystem]
        if file_system_id:
            own = [each for each in shelf.registered() if each.id == plain_id(file_system_id)]
            found = [*own] or [shelf.find(ctx, FILE_SYSTEMS, file_system_id)]
        elif creation_token:
            found = [*shelf.all(ctx, FILE_SYSTEMS, CreationToken=creation_token)]
        else:
            found = [*shelf.all(ctx, FILE_SYSTEMS), *shelf.registered()]
        page, token = paged(found, marker, max_items, lambda each: {"item": each})
        folders = [self._folder(each["item"]) for each in page]
        sizes = await asyncio.to_thread(lambda: [_size(folder) for folder in folders])
        shown = [self._shown(ctx, each["item"], size) for each, size in zip(page, sizes, strict=True)]
        return {"FileSystems": shown, "Marker": marker, "NextMarker": token}

    @operation("record-only")
    def update_file_system(self, ctx: Context, file_system_id: str, **members: Any) -> dict[str, Any]:
        found = self._own(ctx, file_system_id)
        body = {**found.body, **{name: ctx.request[name] for name in _KEPT if name in ctx.request}}
        if body["ThroughputMode"] != "provisioned" and "ProvisionedThroughputInMibps" not in ctx.request:
            body.pop("ProvisionedThroughputInMibps", None)
        _check_throughput(body)
        return self._shown(ctx, self._shelf.store.documents.update(found, body=body), 0)

    @operation()
    async def delete_file_system(self, ctx: Context, file_system_id: str) -> None:
        shelf, store = self._shelf, self._shelf.store
        found = self._own(ctx, file_system_id)
        if shelf.all(ctx, MOUNT_TARGETS, FileSystemId=found.key):
            raise error("FileSystemInUse", f"File system '{found.key}' has mount targets created in it.", 409)
        with store.transaction():
            for point in shelf.all(ctx, ACCESS_POINTS, FileSystemId=found.key):
                store.documents.delete(point.space, point.key)
                shelf.tags.forget(shelf.arn(ctx, ACCESS_POINTS, point.key))
            store.documents.delete(found.space, found.key)
            shelf.tags.forget(shelf.arn(ctx, FILE_SYSTEMS, found.key))
        await asyncio.to_thread(file_systems.forget, store.folder, found.key)

    def _own(self, ctx: Context, key: str) -> Document:
        if any(each.id == plain_id(key) for each in self._shelf.registered()):
            raise bad(
                f"File system '{plain_id(key)}' is a registered folder, which is `sagewright filesystem`'s to change."
            )
        return self._shelf.find(ctx, FILE_SYSTEMS, key)

    def _folder(self, item: Document | FileSystem) -> Path:
        if isinstance(item, FileSystem):
            return Path(item.folder)
        return file_systems.folder_of(self._shelf.store.folder, item.key)

    def _shown(self, ctx: Context, item: Document | FileSystem, size: int) -> dict[str, Any]:
        shelf = self._shelf
        key = item.id if isinstance(item, FileSystem) else item.key
        arn = shelf.arn(ctx, FILE_SYSTEMS, key)
        tags = shelf.tags.list(arn)
        if isinstance(item, FileSystem):
            state = "available" if Path(item.folder).is_dir() else "error"
            own: dict[str, Any] = {**_DEFAULTS, "CreationToken": key, "CreationTime": item.registered}
        else:
            state, own = item.status, {**item.body, "CreationTime": item.created}
        return {
            **own,
            "OwnerId": ctx.account,
            "FileSystemId": key,
            "FileSystemArn": arn,
            "LifeCycleState": state,
            "Name": next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None),
            "NumberOfMountTargets": len(shelf.all(ctx, MOUNT_TARGETS, FileSystemId=key)),
            "SizeInBytes": {"Value": size, "Timestamp": shelf.clock.now()},
            "Tags": tags,
        }


def _check_throughput(members: dict[str, Any]) -> None:
    provisioned = members.get("ThroughputMode") == "provisioned"
    if provisioned and "ProvisionedThroughputInMibps" not in members:
        raise bad("ProvisionedThroughputInMibps is required when ThroughputMode is set to provisioned.")
    if not provisioned and "ProvisionedThroughputInMibps" in members:
        raise bad("ProvisionedThroughputInMibps can only be specified when ThroughputMode is set to provisioned.")


def _size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                status = os.lstat(os.path.join(base, name))
                total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total
