"""The keys of a store: found by any of their names, changed, and gone when their deletion falls due.

A key's document has its state as status. Its body: ``Account`` and ``Region`` are those of its space; ``Materials``
lists what it encrypts with, oldest first, the last one current: ``{"Id", "Sealed", "Created", "Rotation"}``.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.tags import TagErrors, Tags
from sagewright.services.kms import rotation_dates
from sagewright.services.kms.errors import invalid, not_found, unsupported
from sagewright.services.kms.specs import ENCRYPT, SYMMETRIC
from sagewright.services.kms.vault import Vault, new_material
from sagewright.store import Document, DuplicateKey, Space, Store

_UUID = re.compile(r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_ALL = 1_000_000
AWS_ALIAS = "alias/aws/"
_WITH_A_KEY = (
    *("dynamodb", "ebs", "elasticfilesystem", "es", "fsx", "glue", "kinesis", "kinesisvideo", "lambda", "rds"),
    *("redshift", "s3", "sagemaker", "secretsmanager", "sns", "sqs", "ssm", "timestream", "workspaces", "xray"),
)
"""Services for which AWS makes a key where the customer names none."""

_STATE_WORDS = {"Disabled": "is disabled.", "PendingDeletion": "is pending deletion."}


def key_space(account: str, region: str) -> Space:
    return Space("kms.key", account, region)


def alias_space(account: str, region: str) -> Space:
    return Space("kms.alias", account, region)


def grant_space(key: Document) -> Space:
    return Space("kms.grant", key.space.account, key.space.region, key.key)


def arn_of(key: Document) -> str:
    return str(Arn("kms", key.space.region, key.space.account, f"key/{key.key}"))


def alias_arn(alias: Document) -> str:
    return str(Arn("kms", alias.space.region, alias.space.account, alias.key))


def default_policy(account: str, partition: str = "aws") -> str:
    """Who may do what with a key made without a policy: the account, so its IAM policies decide."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)


class Ring:
    """Every service part works on keys through it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.vault = Vault(store.folder)
        self.tags = Tags(store, TagErrors("TagException", "TagException"))

    # Finding

    def find(self, ctx: Context, key_id: str) -> Document:
        """By id, ARN, alias name or alias ARN; of another account by ARN. Raises NotFoundException in AWS's words."""
        account, region, name = _named(ctx, key_id)
        if name.startswith("alias/"):
            return self._by_alias(account, region, name)
        if not _UUID.fullmatch(name):
            raise not_found(f"Invalid keyId '{name}'")
        key = self.get(account, region, name)
        if key is None:
            raise not_found(f"Key '{Arn('kms', region, account, f'key/{name}')}' does not exist")
        return key

    def get(self, account: str, region: str, key_id: str) -> Document | None:
        """By plain id; one whose deletion is due goes now."""
        key = self.store.documents.get(key_space(account, region), key_id)
        if key is not None and key.status == "PendingDeletion" and key.body["DeletionDate"] <= self.clock.now():
            self.forget(key)
            return None
        return key

    def by_arn(self, arn: str) -> Document | None:
        """A ciphertext's key."""
        parsed = Arn.parse(arn)
        return self.get(parsed.account, parsed.region, parsed.resource.removeprefix("key/"))

    def all(self, ctx: Context) -> list[Document]:
        found = self.store.documents.find(key_space(ctx.account, ctx.region), limit=_ALL)
        return [key for key in found if self.get(ctx.account, ctx.region, key.key) is not None]

    def _by_alias(self, account: str, region: str, name: str) -> Document:
        alias = self.store.documents.get(alias_space(account, region), name)
        if alias is None and name.startswith(AWS_ALIAS):
            return self._managed(account, region, name)
        key = None if alias is None else self.get(account, region, alias.body["TargetKeyId"])
        if key is None:
            raise not_found(f"Alias {Arn('kms', region, account, name)} is not found.")
        return key

    # Making and changing

    def new(self, account: str, region: str, material: bytes, body: dict[str, Any], key_id: str = "") -> Document:
        """A key that is there and enabled. material: of its spec."""
        name = key_id or str(uuid.uuid4())
        arn = str(Arn("kms", region, account, f"key/{name}"))
        whole = {**body, "Materials": [self._sealed(arn, material, "")]}
        return self.store.documents.insert(key_space(account, region), name, whole, status="Enabled")

    def change(self, key: Document, *, status: str | None = None, **members: Any) -> Document:
        """The key with some members replaced; None takes one away."""
        body = {name: value for name, value in {**key.body, **members}.items() if value is not None}
        return self.store.documents.update(key, body=body, status=status)

    def rotated(self, key: Document, how: str, at: float) -> Document:
        """The key with fresh material; how: AUTOMATIC or ON_DEMAND. What older material encrypted still decrypts."""
        fresh = {**self._sealed(arn_of(key), new_material(SYMMETRIC), how), "Created": at}
        return self.change(key, Materials=[*key.body["Materials"], fresh])

    def forget(self, key: Document) -> None:
        """The key with its material, aliases and grants."""
        documents = self.store.documents
        with self.store.transaction():
            documents.delete(key.space, key.key)
            self.tags.forget(arn_of(key))
            for alias in self.aliases(key):
                documents.delete(alias.space, alias.key)
            for grant in documents.find(grant_space(key), limit=_ALL):
                documents.delete(grant.space, grant.key)

    def aliases(self, key: Document) -> list[Document]:
        space = alias_space(key.space.account, key.space.region)
        found = self.store.documents.find(space, limit=_ALL)
        return [alias for alias in found if alias.body["TargetKeyId"] == key.key]

    # Using

    def usable(self, key: Document, usage: str, operation: str) -> Document:
        """The key, where its state and usage allow a cryptographic operation; rotated before where that is due.

        Raises DisabledException, KMSInvalidStateException, InvalidKeyUsageException.
        """
        check_enabled(key)
        if key.body["KeyUsage"] != usage:
            words = f"{arn_of(key)} key usage is {key.body['KeyUsage']} which is not valid for {operation}."
            raise AwsError("InvalidKeyUsageException", words)
        due = rotation_dates.due(key, self.clock.now())
        return key if due is None else self.rotated(key, "AUTOMATIC", due)

    def current(self, key: Document) -> tuple[str, bytes]:
        """Id and bytes of what the key encrypts or signs with now."""
        material = key.body["Materials"][-1]
        return material["Id"], self.vault.open(material["Sealed"], _about(arn_of(key), material["Id"]))

    def material(self, key: Document, material_id: str) -> bytes | None:
        """Bytes of one of the key's materials; None where it has no such."""
        for material in reversed(key.body["Materials"]):
            if material["Id"] == material_id:
                return self.vault.open(material["Sealed"], _about(arn_of(key), material_id))
        return None

    def _sealed(self, arn: str, material: bytes, how: str) -> dict[str, Any]:
        name = hashlib.sha256(secrets.token_bytes(32)).hexdigest()  # says nothing about the material
        sealed = self.vault.seal(material, _about(arn, name))
        return {"Id": name, "Sealed": sealed, "Created": self.clock.now(), "Rotation": how}

    def _managed(self, account: str, region: str, alias: str) -> Document:
        """The AWS-managed key of a service, made when it is first named; its owner cannot change it."""
        service = alias.removeprefix(AWS_ALIAS)
        if service not in _WITH_A_KEY:
            raise not_found(f"Alias {Arn('kms', region, account, alias)} is not found.")
        body = {
            "Description": f"Default key that protects my {service.upper()} data when no other key is defined",
            "KeySpec": SYMMETRIC,
            "KeyUsage": ENCRYPT,
            "KeyManager": "AWS",
            "Policy": _managed_policy(account, region, service),
        }
        with self.store.transaction():
            key = self.new(account, region, new_material(SYMMETRIC), body)
            self.point(alias_space(account, region), alias, key)
        return key

    def point(self, space: Space, alias: str, key: Document) -> None:
        """Raises AlreadyExistsException."""
        try:
            self.store.documents.insert(space, alias, {"TargetKeyId": key.key})
        except DuplicateKey:
            arn = Arn("kms", space.region, space.account, alias)
            raise AwsError("AlreadyExistsException", f"An alias with the name {arn} already exists") from None


def check_enabled(key: Document) -> None:
    """Raises DisabledException or KMSInvalidStateException."""
    if key.status != "Enabled":
        code = "DisabledException" if key.status == "Disabled" else "KMSInvalidStateException"
        raise AwsError(code, f"{arn_of(key)} {_STATE_WORDS[key.status]}")


def check_not_pending(key: Document) -> None:
    """Raises KMSInvalidStateException for a key that waits for its deletion."""
    if key.status == "PendingDeletion":
        raise AwsError("KMSInvalidStateException", f"{arn_of(key)} {_STATE_WORDS[key.status]}")


def check_customer(key: Document, operation: str) -> None:
    """Raises AccessDeniedException where an AWS-managed key is to be changed: its policy lets nobody."""
    if key.body["KeyManager"] == "AWS":
        words = f"kms:{operation} is not allowed on the AWS managed key {arn_of(key)}."
        raise AwsError("AccessDeniedException", words)


def check_symmetric(key: Document) -> None:
    """Raises UnsupportedOperationException for keys that do not rotate."""
    if key.body["KeySpec"] != SYMMETRIC:
        raise unsupported(f"{arn_of(key)} is not a symmetric encryption key.")


def check_no_alias(key_id: str) -> str:
    """For operations that take a key's id or ARN alone. Raises NotFoundException as AWS does."""
    if key_id.startswith("alias/") or ":alias/" in key_id:
        raise not_found(f"Invalid keyId '{key_id}'")
    return key_id


def _named(ctx: Context, key_id: str) -> tuple[str, str, str]:
    """Account, region and the name inside them. Raises AwsError for an ARN that is no key's."""
    if not key_id.startswith("arn:"):
        return ctx.account, ctx.region, key_id
    try:
        arn = Arn.parse(key_id)
    except ValueError:
        raise AwsError("InvalidArnException", f"Invalid arn {key_id}") from None
    if arn.service != "kms" or not arn.resource.startswith(("key/", "alias/")):
        raise invalid(f"Invalid arn {key_id}")
    if arn.region != ctx.region:
        raise not_found(f"Invalid arn {arn.region}")
    return arn.account, arn.region, arn.resource.removeprefix("key/")


def _about(arn: str, material_id: str) -> str:
    return f"{arn} {material_id}"


def _managed_policy(account: str, region: str, service: str) -> str:
    through = {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": account}}
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"]
    look = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]
    statements = [
        {
            "Sid": f"Allow access through {service.upper()} for all principals in the account that may use it",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": use,
            "Resource": "*",
            "Condition": through,
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": look,
            "Resource": "*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Id": f"auto-{service}-2", "Statement": statements}, indent=2)
