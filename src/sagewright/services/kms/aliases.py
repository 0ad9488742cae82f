"""Aliases: names of keys that can be pointed elsewhere. ``alias/aws/`` is AWS's.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms.errors import invalid, not_found
from sagewright.services.kms.paging import paged
from sagewright.services.kms.ring import (
    AWS_ALIAS,
    Ring,
    alias_arn,
    alias_space,
    check_customer,
    check_no_alias,
    check_not_pending,
)
from sagewright.store import Document

_MOST = 50
_ALL = 1_000_000


class Aliases:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def create_alias(self, ctx: Context, alias_name: str, target_key_id: str) -> None:
        _check(alias_name)
        key = self._target(ctx, target_key_id)
        if len(self._ring.aliases(key)) >= _MOST:
            raise AwsError("LimitExceededException", f"A KMS key can have at most {_MOST} aliases.")
        self._ring.point(alias_space(ctx.account, ctx.region), alias_name, key)

    @operation()
    def update_alias(self, ctx: Context, alias_name: str, target_key_id: str) -> None:
        """To a key of the same kind and usage, so that who uses the name notices nothing."""
        _check(alias_name)
        alias = self._get(ctx, alias_name)
        key = self._target(ctx, target_key_id)
        present = self._ring.get(ctx.account, ctx.region, alias.body["TargetKeyId"])
        if present is not None and (present.body["KeyUsage"], _is_symmetric(present)) != (
            key.body["KeyUsage"],
            _is_symmetric(key),
        ):
            raise invalid(f"Alias {alias_arn(alias)} cannot be changed to a KMS key of another type or key usage.")
        self._ring.store.documents.update(alias, body={"TargetKeyId": key.key})

    @operation()
    def delete_alias(self, ctx: Context, alias_name: str) -> None:
        _check(alias_name)
        alias = self._get(ctx, alias_name)
        self._ring.store.documents.delete(alias.space, alias.key)

    @operation()
    def list_aliases(
        self, ctx: Context, key_id: str | None = None, limit: int = 50, marker: str | None = None
    ) -> dict[str, Any]:
        if key_id is None:
            self._ring.all(ctx)  # keys whose deletion is due take their aliases along
            aliases = self._ring.store.documents.find(alias_space(ctx.account, ctx.region), limit=_ALL)
        else:
            aliases = self._ring.aliases(self._ring.find(ctx, check_no_alias(key_id)))
        found, tail = paged(aliases, marker, limit)
        return {"Aliases": [_shown(alias) for alias in found], **tail}

    def _target(self, ctx: Context, key_id: str) -> Document:
        key = self._ring.find(ctx, check_no_alias(key_id))
        if (key.space.account, key.space.region) != (ctx.account, ctx.region):
            raise not_found(f"Key '{key_id}' does not exist")
        check_customer(key, ctx.operation)
        check_not_pending(key)
        return key

    def _get(self, ctx: Context, name: str) -> Document:
        alias = self._ring.store.documents.get(alias_space(ctx.account, ctx.region), name)
        if alias is None:
            raise not_found(f"Alias {Arn('kms', ctx.region, ctx.account, name)} is not found.")
        return alias


def _check(name: str) -> None:
    if not name.startswith("alias/") or name == "alias/":
        raise invalid('Alias must start with the prefix "alias/". Please see the AWS KMS Developer Guide on aliases.')
    if name.startswith(AWS_ALIAS):
        raise AwsError("NotAuthorizedException", f"The prefix {AWS_ALIAS} is reserved for AWS managed keys.")
    if ":" in name:
        raise AwsError("InvalidAliasNameException", f"{name} contains invalid characters for an alias")


def _is_symmetric(key: Document) -> bool:
    return bool(key.body["KeySpec"] == "SYMMETRIC_DEFAULT")


def _shown(alias: Document) -> dict[str, Any]:
    return {
        "AliasName": alias.key,
        "AliasArn": alias_arn(alias),
        "TargetKeyId": alias.body["TargetKeyId"],
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.modified,
    }
