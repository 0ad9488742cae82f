"""Keys from CreateKey to their deletion.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html and
https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from sagewright.core.arn import partition
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms.errors import invalid, lacking
from sagewright.services.kms.paging import paged
from sagewright.services.kms.policies import check_policy
from sagewright.services.kms.ring import (
    Ring,
    arn_of,
    check_customer,
    check_no_alias,
    check_not_pending,
    default_policy,
)
from sagewright.services.kms.specs import SYMMETRIC, algorithms, checked_usage
from sagewright.services.kms.tagging import as_kit
from sagewright.services.kms.vault import is_slow, new_material
from sagewright.store import Document

_DAY = 86_400


class Lives:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    async def create_key(
        self,
        ctx: Context,
        policy: str | None = None,
        description: str = "",
        key_usage: str | None = None,
        customer_master_key_spec: str | None = None,
        key_spec: str | None = None,
        origin: str = "AWS_KMS",
        bypass_policy_lockout_safety_check: bool = False,
        tags: Sequence[dict[str, str]] = (),
        multi_region: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        if origin != "AWS_KMS" or members:
            raise lacking("KMS keys whose material comes from elsewhere (Origin other than AWS_KMS)")
        if key_spec and customer_master_key_spec:
            raise invalid("You cannot specify KeySpec and CustomerMasterKeySpec in the same request.")
        spec = key_spec or customer_master_key_spec or SYMMETRIC
        usage = checked_usage(spec, key_usage)
        if policy is not None:
            check_policy(ctx, policy, bypass=bypass_policy_lockout_safety_check)
        tagged = as_kit(tags)
        self._ring.tags.check(tagged)
        material = await asyncio.to_thread(new_material, spec) if is_slow(spec) else new_material(spec)
        body = {
            "Description": description,
            "KeySpec": spec,
            "KeyUsage": usage,
            "KeyManager": "CUSTOMER",
            "Policy": policy or default_policy(ctx.account, partition(ctx.region)),
            "MultiRegion": True if multi_region else None,
        }
        kept = {name: value for name, value in body.items() if value is not None}
        with self._ring.store.transaction():
            name = f"mrk-{uuid.uuid4().hex}" if multi_region else ""
            key = self._ring.new(ctx.account, ctx.region, material, kept, name)
            self._ring.tags.add(arn_of(key), tagged)
        return {"KeyMetadata": metadata(key)}

    @operation()
    def describe_key(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        return {"KeyMetadata": metadata(self._ring.find(ctx, key_id))}

    @operation()
    def list_keys(
        self,
        ctx: Context,
        resource_owners: Sequence[str] = ("SELF",),
        limit: int = 100,
        marker: str | None = None,
    ) -> dict[str, Any]:
        own = self._ring.all(ctx) if "SELF" in resource_owners else []  # nobody shares keys here
        found, tail = paged(own, marker, limit)
        return {"Keys": [{"KeyId": key.key, "KeyArn": arn_of(key)} for key in found], **tail}

    @operation()
    def update_key_description(self, ctx: Context, key_id: str, description: str) -> None:
        key = self._own(ctx, key_id)
        check_not_pending(key)
        self._ring.change(key, Description=description)

    @operation()
    def enable_key(self, ctx: Context, key_id: str) -> None:
        key = self._own(ctx, key_id)
        check_not_pending(key)
        self._ring.change(key, status="Enabled")

    @operation()
    def disable_key(self, ctx: Context, key_id: str) -> None:
        key = self._own(ctx, key_id)
        check_not_pending(key)
        self._ring.change(key, status="Disabled")

    @operation()
    def schedule_key_deletion(self, ctx: Context, key_id: str, pending_window_in_days: int = 30) -> dict[str, Any]:
        if not 7 <= pending_window_in_days <= 30:
            raise invalid("PendingWindowInDays must be between 7 and 30 days.")
        key = self._own(ctx, key_id)
        check_not_pending(key)
        due = self._ring.clock.now() + pending_window_in_days * _DAY
        key = self._ring.change(key, status="PendingDeletion", DeletionDate=due, Window=pending_window_in_days)
        return {
            "KeyId": arn_of(key),
            "DeletionDate": due,
            "KeyState": key.status,
            "PendingWindowInDays": pending_window_in_days,
        }

    @operation()
    def cancel_key_deletion(self, ctx: Context, key_id: str) -> dict[str, Any]:
        """The key is disabled afterwards, as on AWS."""
        key = self._own(ctx, key_id)
        if key.status != "PendingDeletion":
            raise AwsError("KMSInvalidStateException", f"{arn_of(key)} is not pending deletion.")
        self._ring.change(key, status="Disabled", DeletionDate=None, Window=None)
        return {"KeyId": arn_of(key)}

    def _own(self, ctx: Context, key_id: str) -> Document:
        key = self._ring.find(ctx, check_no_alias(key_id))
        check_customer(key, ctx.operation)
        return key


def metadata(key: Document) -> dict[str, Any]:
    """KeyMetadata."""
    body, arn = key.body, arn_of(key)
    shown = {
        "AWSAccountId": key.space.account,
        "KeyId": key.key,
        "Arn": arn,
        "CreationDate": key.created,
        "Enabled": key.status == "Enabled",
        "Description": body["Description"],
        "KeyUsage": body["KeyUsage"],
        "KeyState": key.status,
        "DeletionDate": body.get("DeletionDate"),
        "Origin": "AWS_KMS",
        "KeyManager": body["KeyManager"],
        "CustomerMasterKeySpec": body["KeySpec"],
        "KeySpec": body["KeySpec"],
        **algorithms(body["KeySpec"], body["KeyUsage"]),
        "MultiRegion": bool(body.get("MultiRegion")),
    }
    if body["KeySpec"] == SYMMETRIC:
        shown["CurrentKeyMaterialId"] = body["Materials"][-1]["Id"]
    if body.get("MultiRegion"):
        primary = {"Arn": arn, "Region": key.space.region}
        kind = {"MultiRegionKeyType": "PRIMARY", "PrimaryKey": primary, "ReplicaKeys": []}
        shown["MultiRegionConfiguration"] = kind
    return shown
