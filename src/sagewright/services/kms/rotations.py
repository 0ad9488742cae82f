"""Rotation of symmetric keys: fresh material for what comes, the old kept for what was.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms import rotation_dates
from sagewright.services.kms.paging import paged
from sagewright.services.kms.ring import (
    Ring,
    arn_of,
    check_customer,
    check_enabled,
    check_no_alias,
    check_symmetric,
)
from sagewright.store import Document

_YEAR = 365
_MOST_ON_DEMAND = 25


class Rotations:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def enable_key_rotation(self, ctx: Context, key_id: str, rotation_period_in_days: int = _YEAR) -> None:
        key = self._own(ctx, key_id)
        self._ring.change(key, RotationEnabled={"Days": rotation_period_in_days, "Since": self._ring.clock.now()})

    @operation()
    def disable_key_rotation(self, ctx: Context, key_id: str) -> None:
        self._ring.change(self._own(ctx, key_id), RotationEnabled=None)

    @operation()
    def get_key_rotation_status(self, ctx: Context, key_id: str) -> dict[str, Any]:
        key = self._up_to_date(ctx, key_id)
        rotation = key.body.get("RotationEnabled")
        pending = key.status == "PendingDeletion"
        answer: dict[str, Any] = {"KeyId": arn_of(key), "KeyRotationEnabled": rotation is not None and not pending}
        if rotation is not None and not pending:
            answer["RotationPeriodInDays"] = rotation["Days"]
            answer["NextRotationDate"] = rotation_dates.following(key, self._ring.clock.now())
        return answer

    @operation()
    def rotate_key_on_demand(self, ctx: Context, key_id: str) -> dict[str, Any]:
        key = self._own(ctx, key_id)
        asked = [one for one in key.body["Materials"] if one["Rotation"] == "ON_DEMAND"]
        if len(asked) >= _MOST_ON_DEMAND:
            words = f"{arn_of(key)} has reached the limit of {_MOST_ON_DEMAND} on-demand rotations."
            raise AwsError("LimitExceededException", words)
        self._ring.rotated(key, "ON_DEMAND", self._ring.clock.now())
        return {"KeyId": arn_of(key)}

    @operation()
    def list_key_rotations(
        self,
        ctx: Context,
        key_id: str,
        include_key_material: str = "ROTATIONS_ONLY",
        limit: int = 100,
        marker: str | None = None,
    ) -> dict[str, Any]:
        key = self._up_to_date(ctx, key_id)
        materials = key.body["Materials"]
        listed = materials if include_key_material == "ALL_KEY_MATERIAL" else materials[1:]
        found, tail = paged(listed, marker, limit)
        return {"Rotations": [_shown(key, material) for material in found], **tail}

    def _own(self, ctx: Context, key_id: str) -> Document:
        key = self._up_to_date(ctx, key_id)
        check_customer(key, ctx.operation)
        check_enabled(key)
        return key

    def _up_to_date(self, ctx: Context, key_id: str) -> Document:
        """The key with the rotation done that fell due meanwhile."""
        key = self._ring.find(ctx, check_no_alias(key_id))
        check_symmetric(key)
        due = rotation_dates.due(key, self._ring.clock.now())
        return self._ring.rotated(key, "AUTOMATIC", due) if due is not None and key.status == "Enabled" else key


def _shown(key: Document, material: dict[str, Any]) -> dict[str, Any]:
    is_current = material is key.body["Materials"][-1]
    return {
        "KeyId": arn_of(key),
        "KeyMaterialId": material["Id"],
        "KeyMaterialState": "CURRENT" if is_current else "NON_CURRENT",
        "RotationDate": material["Created"] if material["Rotation"] else None,
        "RotationType": material["Rotation"] or None,
    }
