"""Grants: a principal may use a key for some operations, beside key policy and IAM.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms.errors import invalid, not_found
from sagewright.services.kms.paging import paged
from sagewright.services.kms.ring import (
    Ring,
    arn_of,
    check_customer,
    check_enabled,
    check_no_alias,
    check_not_pending,
    grant_space,
)
from sagewright.services.kms.specs import AGREE, ENCRYPT, MAC, SIGN
from sagewright.services.kms.trial import end_trial
from sagewright.store import Document

_ALL = 1_000_000
_ALWAYS = {"CreateGrant", "RetireGrant", "DescribeKey"}
_SYMMETRIC = {
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
}
_BY_USAGE = {
    ENCRYPT: {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"},
    SIGN: {"Sign", "Verify"},
    MAC: {"GenerateMac", "VerifyMac"},
    AGREE: {"DeriveSharedSecret"},
}


class Grants:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def create_grant(
        self,
        ctx: Context,
        key_id: str,
        operations: Sequence[str],
        grantee_principal: str | None = None,
        grantee_service_principal: str | None = None,
        constraints: Mapping[str, Any] | None = None,
        name: str | None = None,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        key = self._ring.find(ctx, check_no_alias(key_id))
        check_enabled(key)
        _check(key, operations, constraints)
        if (grantee_principal is None) == (grantee_service_principal is None):
            raise invalid("Specify either GranteePrincipal or GranteeServicePrincipal.")
        end_trial(dry_run)
        left_out = ("KeyId", "GrantTokens", "DryRun")
        body = {member: value for member, value in ctx.request.items() if member not in left_out}
        same = next((grant for grant in self._of(key) if name is not None and grant.body["Asked"] == body), None)
        grant = same or self._ring.store.documents.insert(
            grant_space(key), secrets.token_hex(32), {"Asked": body, "By": _issuer(ctx)}
        )
        return {"GrantToken": _token(key, grant), "GrantId": grant.key}

    @operation()
    def list_grants(
        self,
        ctx: Context,
        key_id: str,
        limit: int = 50,
        marker: str | None = None,
        grant_id: str | None = None,
        grantee_principal: str | None = None,
        grantee_service_principal: str | None = None,
    ) -> dict[str, Any]:
        key = self._ring.find(ctx, check_no_alias(key_id))
        wanted = {"GranteePrincipal": grantee_principal, "GranteeServicePrincipal": grantee_service_principal}
        grants = [
            grant
            for grant in self._of(key)
            if grant_id in (None, grant.key)
            and all(value in (None, grant.body["Asked"].get(member)) for member, value in wanted.items())
        ]
        found, tail = paged(grants, marker, limit)
        return {"Grants": [_shown(key, grant) for grant in found], **tail}

    @operation()
    def list_retirable_grants(
        self,
        ctx: Context,
        retiring_principal: str | None = None,
        retiring_service_principal: str | None = None,
        limit: int = 50,
        marker: str | None = None,
    ) -> dict[str, Any]:
        if (retiring_principal is None) == (retiring_service_principal is None):
            raise invalid("Specify either RetiringPrincipal or RetiringServicePrincipal.")
        member = "RetiringPrincipal" if retiring_principal else "RetiringServicePrincipal"
        name = retiring_principal or retiring_service_principal
        having = [
            (key, grant)
            for key in self._ring.all(ctx)
            for grant in self._of(key)
            if grant.body["Asked"].get(member) == name
        ]
        found, tail = paged(having, marker, limit)
        return {"Grants": [_shown(key, grant) for key, grant in found], **tail}

    @operation()
    def revoke_grant(self, ctx: Context, key_id: str, grant_id: str, dry_run: bool = False) -> None:
        key = self._ring.find(ctx, check_no_alias(key_id))
        check_not_pending(key)
        grant = self._get(key, grant_id)
        end_trial(dry_run)
        self._ring.store.documents.delete(grant.space, grant.key)

    @operation()
    def retire_grant(
        self,
        ctx: Context,
        grant_token: str | None = None,
        key_id: str | None = None,
        grant_id: str | None = None,
        dry_run: bool = False,
    ) -> None:
        key, grant = self.retired(ctx, grant_token, key_id, grant_id)
        check_not_pending(key)
        end_trial(dry_run)
        self._ring.store.documents.delete(grant.space, grant.key)

    def retired(
        self, ctx: Context, grant_token: str | None, key_id: str | None, grant_id: str | None
    ) -> tuple[Document, Document]:
        """The key and grant that RetireGrant names, by token or by both ids."""
        if grant_token is not None and key_id is None and grant_id is None:
            arn, grant_id = read_token(grant_token)
            key = self._ring.find(ctx, arn)
        elif key_id is not None and grant_id is not None and grant_token is None:
            key = self._ring.find(ctx, check_no_alias(key_id))
        else:
            raise invalid("Specify either a grant token, or a key ID and a grant ID.")
        return key, self._get(key, grant_id)

    def _of(self, key: Document) -> list[Document]:
        return self._ring.store.documents.find(grant_space(key), order="created", limit=_ALL)

    def _get(self, key: Document, grant_id: str) -> Document:
        grant = self._ring.store.documents.get(grant_space(key), grant_id)
        if grant is None:
            raise not_found(f"Grant ID {grant_id} not found")
        return grant


def _check(key: Document, operations: Sequence[str], constraints: Mapping[str, Any] | None) -> None:
    check_customer(key, "CreateGrant")
    spec, usage = key.body["KeySpec"], key.body["KeyUsage"]
    symmetric = spec == "SYMMETRIC_DEFAULT"
    public = set() if symmetric or usage == MAC else {"GetPublicKey"}
    allowed = _ALWAYS | _BY_USAGE[usage] | public | (_SYMMETRIC if symmetric else set())
    wrong = [name for name in operations if name not in allowed]
    if wrong:
        raise invalid(
            f"Operations {', '.join(wrong)} are not supported by a grant on a key of spec {spec} for {usage}."
        )
    if constraints and not symmetric:
        raise invalid("Grant constraints are supported on symmetric encryption keys only.")


def _issuer(ctx: Context) -> str:
    return f"arn:aws:iam::{ctx.account}:root"


def _token(key: Document, grant: Document) -> str:
    """Grants count at once here, so a token is only a way to name one."""
    return base64.b64encode(json.dumps([arn_of(key), grant.key]).encode()).decode()


def read_token(token: str) -> tuple[str, str]:
    """The key's ARN and the grant's id. Raises InvalidGrantTokenException."""
    try:
        arn, grant_id = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError):
        arn = grant_id = None
    if not isinstance(arn, str) or not isinstance(grant_id, str):
        raise AwsError("InvalidGrantTokenException", "Invalid grant token.")
    return arn, grant_id


def _shown(key: Document, grant: Document) -> dict[str, Any]:
    return {
        "KeyId": arn_of(key),
        "GrantId": grant.key,
        "CreationDate": grant.created,
        "IssuingAccount": grant.body["By"],
        **grant.body["Asked"],
    }
