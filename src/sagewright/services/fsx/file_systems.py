"""Lustre file systems: each is a folder of this machine; those registered are shown too.

Capacity, throughput, compression and maintenance have no effect on a folder: they are kept as asked for.

Source: https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html and
https://docs.aws.amazon.com/fsx/latest/LustreGuide/create-fs-linked-data-repo.html
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import string
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import short_id
from sagewright.core.lifecycle import FILE_SYSTEM
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.kit.operation import Context, operation
from sagewright.services.fsx.shelf import ASSOCIATIONS, FILE_SYSTEMS, Shelf, bad, bucket_of, check_bucket, paged
from sagewright.store import Document

_REPOSITORY = ("ImportPath", "ExportPath", "ImportedFileChunkSize", "AutoImportPolicy")
"""Members of CreateFileSystem that Describe shows in DataRepositoryConfiguration."""
_STEPS = {"SCRATCH_1": (1200, 2400, 3600)}
_VERSIONS = {"PERSISTENT_2": "2.12"}
"""Of Lustre, where the request names none."""
_DEFAULTS = {"DeploymentType": "SCRATCH_1", "DataCompressionType": "NONE", "CopyTagsToBackups": False}


class FileSystems:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation()
    async def create_file_system(
        self,
        ctx: Context,
        file_system_type: str,
        subnet_ids: list[str],
        client_request_token: str | None = None,
        tags: Sequence[dict[str, str]] = (),
        lustre_configuration: dict[str, Any] | None = None,
        storage_capacity: int | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if file_system_type != "LUSTRE":
            words = f"Sagewright has file systems of the type LUSTRE, not {file_system_type}."
            raise AwsError("NotImplemented", words, 501)
        request = {name: value for name, value in ctx.request.items() if name not in ("Tags", "ClientRequestToken")}
        if (known := self._known(ctx, client_request_token, request)) is not None:
            return {"FileSystem": self._shown(ctx, known)}
        lustre = {**_DEFAULTS, **(lustre_configuration or {})}
        _check(lustre, storage_capacity, subnet_ids)
        await _check_repository(ctx, lustre, shelf.clock.now())
        key = f"fs-0{short_id(16)}"
        body = {
            "request": {**request, "LustreConfiguration": lustre},
            "sent": request,
            "token": client_request_token or "",
            "mount_name": "fsx" if lustre["DeploymentType"] == "SCRATCH_1" else _mount_name(),
            "links": {"import": imported(lustre["ImportPath"])} if "ImportPath" in lustre else {},
        }
        file_systems.folder_of(shelf.store.folder, key).mkdir(parents=True)
        with shelf.store.transaction():
            made = shelf.store.documents.insert(shelf.space(ctx, FILE_SYSTEMS), key, body, status=FILE_SYSTEM.initial)
            shelf.tags.add(shelf.arn(ctx, FILE_SYSTEMS, key), tags)
        return {"FileSystem": self._shown(ctx, made)}

    @operation()
    def describe_file_systems(
        self,
        ctx: Context,
        file_system_ids: Sequence[str] = (),
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        own = {each.id: each for each in shelf.registered()}
        if file_system_ids:
            found = [own.get(key) or shelf.find(ctx, FILE_SYSTEMS, key) for key in file_system_ids]
        else:
            found = [*shelf.all(ctx, FILE_SYSTEMS), *own.values()]
        page, token = paged(found, next_token, max_results, 50)
        return {"FileSystems": [self._shown(ctx, each) for each in page], "NextToken": token}

    @operation()
    async def delete_file_system(self, ctx: Context, file_system_id: str, **members: Any) -> dict[str, Any]:
        shelf, store = self._shelf, self._shelf.store
        found = shelf.own(ctx, file_system_id)
        with store.transaction():
            for link in shelf.all(ctx, ASSOCIATIONS):
                if link.body["FileSystemId"] == found.key:
                    store.documents.delete(link.space, link.key)
                    shelf.tags.forget(shelf.arn(ctx, ASSOCIATIONS, link.key, found.key))
            store.documents.delete(found.space, found.key)
            shelf.tags.forget(shelf.arn(ctx, FILE_SYSTEMS, found.key))
        await asyncio.to_thread(file_systems.forget, store.folder, found.key)
        return {"FileSystemId": found.key, "Lifecycle": "DELETING"}

    def _known(self, ctx: Context, token: str | None, request: dict[str, Any]) -> Document | None:
        """What an earlier request with the same token made. Raises IncompatibleParameterError."""
        for each in self._shelf.all(ctx, FILE_SYSTEMS) if token else ():
            if each.body["token"] == token:
                sent = each.body["sent"]
                for name in sorted(name for name in {*request, *sent} if request.get(name) != sent.get(name)):
                    words = "The ClientRequestToken was used with other parameters before."
                    raise AwsError("IncompatibleParameterError", words, Parameter=name)
                return each
        return None

    def _shown(self, ctx: Context, item: Document | FileSystem) -> dict[str, Any]:
        key = item.id if isinstance(item, FileSystem) else item.key
        arn = self._shelf.arn(ctx, FILE_SYSTEMS, key)
        return {
            **(_registered(item) if isinstance(item, FileSystem) else _made(item)),
            "OwnerId": ctx.account,
            "FileSystemId": key,
            "FileSystemType": "LUSTRE",
            "DNSName": f"{key}.fsx.{ctx.region}.amazonaws.com",
            "ResourceARN": arn,
            "Tags": self._shelf.tags.list(arn) or None,
        }


def imported(path: str) -> dict[str, str]:
    """The link of an ImportPath: a key's whole name is its path on the file system, also where only those with a prefix
    are there."""
    prefix = path.removeprefix("s3://").partition("/")[2].strip("/")
    return {"folder": prefix, "uri": path}


def _made(document: Document) -> dict[str, Any]:
    request = document.body["request"]
    lustre = {name: value for name, value in request["LustreConfiguration"].items() if name not in _REPOSITORY}
    repository = {name: value for name, value in request["LustreConfiguration"].items() if name in _REPOSITORY}
    if "ImportPath" in repository:
        lustre["DataRepositoryConfiguration"] = {"Lifecycle": document.status.upper(), **repository}
    kind = lustre["DeploymentType"]
    return {
        "CreationTime": document.created,
        "Lifecycle": document.status.upper(),
        "StorageCapacity": request["StorageCapacity"],
        "StorageType": request.get("StorageType", "SSD"),
        "SubnetIds": request["SubnetIds"],
        "KmsKeyId": request.get("KmsKeyId"),
        "FileSystemTypeVersion": request.get("FileSystemTypeVersion", _VERSIONS.get(kind, "2.10")),
        "LustreConfiguration": {**lustre, "MountName": document.body["mount_name"]},
    }


def _registered(system: FileSystem) -> dict[str, Any]:
    """Its capacity is the disk's."""
    there = Path(system.folder).is_dir()
    lustre: dict[str, Any] = {"MountName": system.mount_name}
    if "" in system.links:
        lustre["DataRepositoryConfiguration"] = {"Lifecycle": "AVAILABLE", "ImportPath": system.links[""]}
    return {
        "CreationTime": system.registered,
        "Lifecycle": "AVAILABLE" if there else "MISCONFIGURED",
        "StorageCapacity": shutil.disk_usage(system.folder).total // 2**30 if there else None,
        "LustreConfiguration": lustre,
    }


def _check(lustre: Mapping[str, Any], capacity: int | None, subnets: Sequence[str]) -> None:
    if capacity is None:
        raise bad("StorageCapacity is required for file systems of the type LUSTRE.")
    if len(subnets) != 1:
        raise bad("File systems of the type LUSTRE must have exactly one subnet.")
    kind = lustre["DeploymentType"]
    steps = _STEPS.get(kind, (1200, 2400))
    if "DriveCacheType" not in lustre and capacity not in steps and (not capacity or capacity % steps[-1]):
        raise bad(
            f"Invalid storage capacity {capacity} for the deployment type {kind}: it must be "
            f"{', '.join(map(str, steps))} or a multiple of {steps[-1]} GiB."
        )
    if kind == "PERSISTENT_2" and any(name in lustre for name in _REPOSITORY):
        raise bad(
            "ImportPath, ExportPath, ImportedFileChunkSize and AutoImportPolicy are not supported for file systems of "
            "the deployment type PERSISTENT_2: create a data repository association."
        )


async def _check_repository(ctx: Context, lustre: dict[str, Any], now: float) -> None:
    """Raises InvalidImportPath or InvalidExportPath; fills in the default ExportPath."""
    path = lustre.get("ImportPath")
    if path is None:
        if "ExportPath" in lustre:
            raise AwsError("InvalidExportPath", "ExportPath can only be specified together with ImportPath.")
        return
    await check_bucket(ctx, path, "InvalidImportPath")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    lustre.setdefault("ExportPath", f"s3://{bucket_of(path)}/FSxLustre{stamp}")
    lustre.setdefault("AutoImportPolicy", "NONE")
    if bucket_of(lustre["ExportPath"]) != bucket_of(path):
        raise AwsError("InvalidExportPath", "ExportPath must be in the same Amazon S3 bucket as ImportPath.")


def _mount_name() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(5)) + "bev"
