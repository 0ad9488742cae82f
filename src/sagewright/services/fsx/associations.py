"""Data repository associations: folders of a file system that show an S3 prefix.

Source: https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateDataRepositoryAssociation.html
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import short_id
from sagewright.core.lifecycle import FILE_SYSTEM
from sagewright.kit import file_systems
from sagewright.kit.operation import Context, operation
from sagewright.services.fsx.shelf import ASSOCIATIONS, Shelf, bad, check_bucket, paged
from sagewright.store import Document

_LIMIT = 8
"""Associations of one file system."""


class Associations:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation()
    async def create_data_repository_association(
        self,
        ctx: Context,
        file_system_id: str,
        data_repository_path: str,
        file_system_path: str = "/",
        tags: Sequence[dict[str, str]] = (),
        s3: dict[str, Any] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if (s3 or {}).get("AutoExportPolicy", {}).get("Events"):
            raise AwsError("UnsupportedOperation", "Sagewright does not export files of a file system to Amazon S3.")
        _check_path(file_system_path)
        shelf.own(ctx, file_system_id)
        await check_bucket(ctx, data_repository_path, "BadRequest")
        system = shelf.own(ctx, file_system_id)
        folder = file_system_path.strip("/")
        links = system.body["links"]
        if system.body["request"]["LustreConfiguration"]["DeploymentType"] == "SCRATCH_1" or "import" in links:
            words = "Data repository associations are not supported for file systems of the deployment type SCRATCH_1, "
            raise AwsError("UnsupportedOperation", f"{words}nor for those with an ImportPath.")
        _check_free(folder, links)
        key = f"dra-0{short_id(16)}"
        body = {name: value for name, value in ctx.request.items() if name not in ("Tags", "ClientRequestToken")}
        body |= {"FileSystemPath": f"/{folder}"}
        changed = {**links, key: {"folder": folder, "uri": data_repository_path}}
        with shelf.store.transaction():
            shelf.store.documents.update(system, body={**system.body, "links": changed})
            made = shelf.store.documents.insert(shelf.space(ctx, ASSOCIATIONS), key, body, status=FILE_SYSTEM.initial)
            shelf.tags.add(shelf.arn(ctx, ASSOCIATIONS, key, file_system_id), tags)
        return {"Association": self._shown(ctx, made)}

    @operation()
    def describe_data_repository_associations(
        self,
        ctx: Context,
        association_ids: Sequence[str] = (),
        filters: Sequence[dict[str, Any]] = (),
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if association_ids:
            found = [shelf.find(ctx, ASSOCIATIONS, key) for key in association_ids]
        else:
            found = [each for each in shelf.all(ctx, ASSOCIATIONS) if all(_passes(each, one) for one in filters)]
        page, token = paged(found, next_token, max_results, 25)
        return {"Associations": [self._shown(ctx, each) for each in page], "NextToken": token}

    @operation()
    async def delete_data_repository_association(
        self, ctx: Context, association_id: str, delete_data_in_file_system: bool = False, **members: Any
    ) -> dict[str, Any]:
        shelf, store = self._shelf, self._shelf.store
        found = shelf.find(ctx, ASSOCIATIONS, association_id)
        system = shelf.own(ctx, found.body["FileSystemId"])
        links = {key: link for key, link in system.body["links"].items() if key != found.key}
        with store.transaction():
            store.documents.update(system, body={**system.body, "links": links})
            store.documents.delete(found.space, found.key)
            shelf.tags.forget(shelf.arn(ctx, ASSOCIATIONS, found.key, system.key))
        if delete_data_in_file_system:
            place = file_systems.folder_of(store.folder, system.key) / found.body["FileSystemPath"].strip("/")
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            file_systems.folder_of(store.folder, system.key).mkdir(exist_ok=True)
        return {
            "AssociationId": found.key,
            "Lifecycle": "DELETING",
            "DeleteDataInFileSystem": delete_data_in_file_system,
        }

    def _shown(self, ctx: Context, document: Document) -> dict[str, Any]:
        arn = self._shelf.arn(ctx, ASSOCIATIONS, document.key, document.body["FileSystemId"])
        return {
            **document.body,
            "AssociationId": document.key,
            "ResourceARN": arn,
            "Lifecycle": document.status.upper(),
            "CreationTime": document.created,
            "Tags": self._shelf.tags.list(arn) or None,
        }


def _check_path(path: str) -> None:
    parts = path.strip("/").split("/")
    if not path.startswith("/") or any(part in (".", "..") for part in parts) or "" in parts[1:]:
        raise bad(f"Invalid FileSystemPath {path}: it must be a path from the root of the file system.")


def _check_free(folder: str, links: Mapping[str, Mapping[str, str]]) -> None:
    if len(links) >= _LIMIT:
        words = f"A file system can have {_LIMIT} data repository associations."
        raise AwsError("ServiceLimitExceeded", words, Limit="FILE_SYSTEM_COUNT")
    for other in (link["folder"] for link in links.values()):
        if not folder or not other or f"{folder}/".startswith(f"{other}/") or f"{other}/".startswith(f"{folder}/"):
            raise bad(f"The FileSystemPath /{folder} overlaps with the association of /{other}.")


def _passes(document: Document, filter: Mapping[str, Any]) -> bool:
    values = {
        "file-system-id": document.body["FileSystemId"],
        "data-repository-type": "S3",
        "file-system-type": "LUSTRE",
    }
    return values.get(filter.get("Name", ""), "") in filter.get("Values", ())
