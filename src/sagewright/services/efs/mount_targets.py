"""Mount targets. There is no network between a job and a folder: they are what programs wait for before they go on.

Source: https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.ids import short_id
from sagewright.core.lifecycle import FILE_SYSTEM
from sagewright.kit.operation import Context, operation
from sagewright.services.efs.shelf import ACCESS_POINTS, MOUNT_TARGETS, Shelf, bad, error, paged
from sagewright.store import Document

_KEPT = ("IpAddress", "Ipv6Address", "SecurityGroups")


class MountTargets:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @operation("record-only")
    def create_mount_target(self, ctx: Context, file_system_id: str, subnet_id: str, **members: Any) -> dict[str, Any]:
        shelf = self._shelf
        system = shelf.check_system(ctx, file_system_id)
        if shelf.all(ctx, MOUNT_TARGETS, FileSystemId=system, SubnetId=subnet_id):
            raise error("MountTargetConflict", "mount target already exists in this AZ", 409)
        kept = {name: ctx.request[name] for name in _KEPT if name in ctx.request}
        body = {"FileSystemId": system, "SubnetId": subnet_id, **kept}
        key = f"fsmt-{short_id(17)}"
        return self._shown(
            shelf.store.documents.insert(shelf.space(ctx, MOUNT_TARGETS), key, body, status=FILE_SYSTEM.initial)
        )

    @operation()
    def describe_mount_targets(
        self,
        ctx: Context,
        file_system_id: str | None = None,
        mount_target_id: str | None = None,
        access_point_id: str | None = None,
        marker: str | None = None,
        max_items: int | None = None,
    ) -> dict[str, Any]:
        shelf = self._shelf
        if sum(map(bool, (file_system_id, mount_target_id, access_point_id))) != 1:
            raise bad("Exactly one of FileSystemId, MountTargetId and AccessPointId must be specified.")
        if mount_target_id:
            found = [shelf.find(ctx, MOUNT_TARGETS, mount_target_id)]
        else:
            if access_point_id:
                file_system_id = str(shelf.find(ctx, ACCESS_POINTS, access_point_id).body["FileSystemId"])
            system = shelf.check_system(ctx, file_system_id or "")
            found = shelf.all(ctx, MOUNT_TARGETS, FileSystemId=system)
        shown, token = paged(found, marker, max_items, self._shown)
        return {"MountTargets": shown, "Marker": marker, "NextMarker": token}

    @operation()
    def delete_mount_target(self, ctx: Context, mount_target_id: str) -> None:
        found = self._shelf.find(ctx, MOUNT_TARGETS, mount_target_id)
        self._shelf.store.documents.delete(found.space, found.key)

    @operation("record-only")
    def describe_mount_target_security_groups(self, ctx: Context, mount_target_id: str) -> dict[str, Any]:
        return {"SecurityGroups": self._shelf.find(ctx, MOUNT_TARGETS, mount_target_id).body.get("SecurityGroups", [])}

    @operation("record-only")
    def modify_mount_target_security_groups(
        self, ctx: Context, mount_target_id: str, security_groups: list[str] | None = None
    ) -> None:
        found = self._shelf.find(ctx, MOUNT_TARGETS, mount_target_id)
        self._shelf.store.documents.update(found, body={**found.body, "SecurityGroups": security_groups or []})

    def _shown(self, document: Document) -> dict[str, Any]:
        """Without what nobody here knows: its network interface, its zone, its VPC."""
        body = {name: value for name, value in document.body.items() if name != "SecurityGroups"}
        state = {"OwnerId": document.space.account, "LifeCycleState": document.status}
        return {**body, **state, "MountTargetId": document.key}
