"""How an object is encrypted at rest: what its request asks for, else what its bucket's setting says.

A bucket without that setting keeps plain bytes, which jobs take as their input without a copy; its answers then name no
encryption. The document of an encrypted object or upload has

    Seal    Key: the data key, wrapped, in base64; Members: the output members that name the encryption;
            Context: the encryption context its KMS key was used with

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingEncryption.html
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.services.s3.objects import customer
from sagewright.services.s3.storage import sealed
from sagewright.services.s3.storage.blocks import Corrupt
from sagewright.services.s3.storage.sealed import Cipher
from sagewright.store import Document, Store
from sagewright.store.secrets import secret

_HEADER = "x-amz-server-side-encryption"
_KMS = ("aws:kms", "aws:kms:dsse")
_DEFAULT_KEY = "alias/aws/s3"
_MASTER = b"s3 data key"
_MASTER_NAME = "s3"


@dataclass(frozen=True, slots=True)
class Choice:
    """members: what the document gets. cipher: None for plain bytes."""

    members: dict[str, Any] = field(default_factory=dict)
    cipher: Cipher | None = None


async def choose(ctx: Context, store: Store, home: Document, key: str) -> Choice:
    """For a new object or upload in the bucket home. Raises AwsError."""
    request = ctx.request
    rule = _rule(home)
    own = customer.key_of(request)
    if own is not None:
        if "SSE-C" in ((rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType") or ()):
            raise errors.access_denied()
        return _sealed(own, customer.PURPOSE, {"SSECustomerAlgorithm": customer.ALGORITHM}, opaque=True)
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    asked = request.get("ServerSideEncryption")
    algorithm = asked or default.get("SSEAlgorithm")
    _check(request, asked)
    if algorithm is None:
        return Choice()
    if algorithm not in _KMS:
        return _sealed(secret(store.folder, _MASTER_NAME), _MASTER, {"ServerSideEncryption": algorithm}, opaque=False)
    key_id = request.get("SSEKMSKeyId") if asked else default.get("KMSMasterKeyID")
    bucket_key = request.get("BucketKeyEnabled")
    if bucket_key is None:
        bucket_key = bool(rule.get("BucketKeyEnabled"))
    bucket_key = bucket_key and algorithm == "aws:kms"
    context = _context(request) | {"aws:s3:arn": f"arn:aws:s3:::{home.key}" + ("" if bucket_key else f"/{key}")}
    made = await _kms(
        ctx,
        home.body["Region"],
        "generate_data_key",
        KeyId=key_id or _DEFAULT_KEY,
        KeySpec="AES_256",
        EncryptionContext=context,
    )
    told = {"ServerSideEncryption": algorithm, "SSEKMSKeyId": made["KeyId"], "BucketKeyEnabled": bucket_key or None}
    seal = {
        "Key": base64.b64encode(made["CiphertextBlob"]).decode(),
        "Members": {name: value for name, value in told.items() if value is not None},
        "Context": context,
    }
    return Choice({"Seal": seal}, Cipher(made["Plaintext"], opaque=True))


async def cipher_of(ctx: Context, store: Store, body: dict[str, Any], own: bytes | None) -> Cipher | None:
    """What opens an object, or seals an upload's parts; None for plain bytes. own: see customer.check().

    Raises AwsError, or Corrupt where the wrapped key is damaged.
    """
    seal = body.get("Seal")
    if seal is None:
        return None
    wrapped = base64.b64decode(seal["Key"])
    members = seal["Members"]
    if "SSEKMSKeyId" in members:
        region = members["SSEKMSKeyId"].split(":")[3]
        opened = await _kms(ctx, region, "decrypt", CiphertextBlob=wrapped, EncryptionContext=seal["Context"])
        return Cipher(opened["Plaintext"], opaque=True)
    if own is not None:
        key = sealed.unwrap(own, wrapped, customer.PURPOSE)
    else:
        key = sealed.unwrap(secret(store.folder, _MASTER_NAME), wrapped, _MASTER)
    if key is None:
        raise Corrupt("its key does not open")
    return Cipher(key, opaque=own is not None)


def same_key(source: dict[str, Any], choice: Choice) -> dict[str, Any] | None:
    """What a copy's document gets where it may share the bytes of source's; None where they must be written anew."""
    if choice.cipher is None:
        return {} if "Seal" not in source else None
    seal = source.get("Seal")
    members = choice.members["Seal"]["Members"]
    by_server = members.get("ServerSideEncryption") == "AES256"
    return {"Seal": seal} if by_server and seal is not None and seal["Members"] == members else None


def told(body: dict[str, Any], request: dict[str, Any] | None = None) -> dict[str, Any]:
    """The output members that name an object's or upload's encryption. request: where it has the customer's key."""
    if "Seal" not in body:
        return {}
    members: dict[str, Any] = dict(body["Seal"]["Members"])
    if "SSECustomerAlgorithm" in members and request is not None:
        members["SSECustomerKeyMD5"] = request.get("SSECustomerKeyMD5")
    return members


def _sealed(key: bytes, purpose: bytes, members: dict[str, Any], *, opaque: bool) -> Choice:
    data_key = secrets.token_bytes(sealed.KEY_BYTES)
    wrapped = base64.b64encode(sealed.wrap(key, data_key, purpose)).decode()
    return Choice({"Seal": {"Key": wrapped, "Members": members}}, Cipher(data_key, opaque=opaque))


def _rule(home: Document) -> dict[str, Any]:
    setting = home.body["Configurations"].get("ServerSideEncryptionConfiguration") or {}
    rules: list[dict[str, Any]] = setting.get("Rules") or [{}]
    return rules[0]


def _check(request: dict[str, Any], asked: str | None) -> None:
    if asked and asked not in ("AES256", *_KMS):
        raise errors.invalid_argument("The encryption method specified is not supported", _HEADER, asked)
    if asked not in _KMS and (request.get("SSEKMSKeyId") or request.get("SSEKMSEncryptionContext")):
        message = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
        raise errors.invalid_argument(f"{message}aws:kms", _HEADER, asked)


def _context(request: dict[str, Any]) -> dict[str, str]:
    """The client's own encryption context."""
    text = request.get("SSEKMSEncryptionContext")
    if not text:
        return {}
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        header = f"{_HEADER}-context"
        message = f"The header '{header}' shall be Base64-encoded UTF-8 string holding JSON which represents a "
        raise errors.invalid_argument(f"{message}string-string map", header, text)
    return found


async def _kms(ctx: Context, region: str, operation: str, **members: Any) -> dict[str, Any]:
    """As the caller, in the key's region. Raises KMS's errors in S3's form."""
    client = ctx.client("kms", as_caller=True, region=region)
    try:
        answer: dict[str, Any] = await getattr(client, operation)(**members)
    except AwsError as error:
        if error.code in ("AccessDeniedException", "AccessDenied"):
            raise AwsError("AccessDenied", error.message, 403) from None
        if error.status >= 500:
            raise
        raise AwsError(f"KMS.{error.code}", error.message, 400) from None
    return answer
