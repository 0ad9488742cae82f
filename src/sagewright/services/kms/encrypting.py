"""Encrypt, Decrypt and ReEncrypt.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms import envelope, rsa
from sagewright.services.kms.errors import incorrect_key, invalid, invalid_ciphertext
from sagewright.services.kms.ring import Ring, arn_of
from sagewright.services.kms.specs import ENCRYPT, SPECS, SYMMETRIC
from sagewright.services.kms.trial import check_modifiers, check_recipient, end_trial
from sagewright.store import Document

_UNREACHABLE = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
    "not allowed to access."
)
_Context = Mapping[str, str] | None


def key_of(ring: Ring, ctx: Context, blob: bytes, key_id: str | None, algorithm: str) -> Document:
    """The key that a ciphertext is for. Raises IncorrectKeyException where key_id names another one."""
    if not blob:
        raise invalid("1 validation error detected: Value null at 'ciphertextBlob': Member must not be null")
    if algorithm != SYMMETRIC:
        if key_id is None:
            raise invalid("KeyId is required to decrypt with an asymmetric KMS key.")
        return ring.find(ctx, key_id)
    arn = envelope.read(blob).arn
    named = None if key_id is None else ring.find(ctx, key_id)
    if named is not None and arn_of(named) != arn:
        raise incorrect_key()
    try:
        key = ring.by_arn(arn)
    except ValueError:
        raise invalid_ciphertext() from None
    if key is None or key.space.region != ctx.region:
        raise AwsError("AccessDeniedException", _UNREACHABLE)
    return key


class Encrypting:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    async def encrypt(
        self,
        ctx: Context,
        key_id: str,
        plaintext: bytes,
        encryption_context: _Context = None,
        encryption_algorithm: str = SYMMETRIC,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        key = self._usable(ctx, self._ring.find(ctx, key_id), encryption_algorithm, encryption_context)
        end_trial(dry_run)
        blob = await self._sealed(key, plaintext, encryption_context, encryption_algorithm)
        return {"CiphertextBlob": blob, "KeyId": arn_of(key), "EncryptionAlgorithm": encryption_algorithm}

    @operation()
    async def decrypt(
        self,
        ctx: Context,
        ciphertext_blob: bytes = b"",
        encryption_context: _Context = None,
        key_id: str | None = None,
        encryption_algorithm: str = SYMMETRIC,
        recipient: Any = None,
        dry_run: bool = False,
        dry_run_modifiers: Any = None,
        **members: Any,
    ) -> dict[str, Any]:
        check_recipient(recipient)
        check_modifiers(dry_run_modifiers)
        key = key_of(self._ring, ctx, ciphertext_blob, key_id, encryption_algorithm)
        self._usable(ctx, key, encryption_algorithm, encryption_context)
        plain, material = await self._opened(key, ciphertext_blob, encryption_context, encryption_algorithm)
        end_trial(dry_run)
        return {
            "KeyId": arn_of(key),
            "Plaintext": plain,
            "EncryptionAlgorithm": encryption_algorithm,
            "KeyMaterialId": material,
        }

    @operation()
    async def re_encrypt(
        self,
        ctx: Context,
        destination_key_id: str,
        ciphertext_blob: bytes = b"",
        source_encryption_context: _Context = None,
        source_key_id: str | None = None,
        destination_encryption_context: _Context = None,
        source_encryption_algorithm: str = SYMMETRIC,
        destination_encryption_algorithm: str = SYMMETRIC,
        dry_run: bool = False,
        dry_run_modifiers: Any = None,
        **members: Any,
    ) -> dict[str, Any]:
        check_modifiers(dry_run_modifiers)
        source = key_of(self._ring, ctx, ciphertext_blob, source_key_id, source_encryption_algorithm)
        self._usable(ctx, source, source_encryption_algorithm, source_encryption_context)
        target = self._ring.find(ctx, destination_key_id)
        target = self._usable(ctx, target, destination_encryption_algorithm, destination_encryption_context)
        plain, material = await self._opened(
            source, ciphertext_blob, source_encryption_context, source_encryption_algorithm
        )
        end_trial(dry_run)
        sealed = await self._sealed(target, plain, destination_encryption_context, destination_encryption_algorithm)
        new = target.body["Materials"][-1]["Id"] if destination_encryption_algorithm == SYMMETRIC else None
        return {
            "CiphertextBlob": sealed,
            "SourceKeyId": arn_of(source),
            "KeyId": arn_of(target),
            "SourceEncryptionAlgorithm": source_encryption_algorithm,
            "DestinationEncryptionAlgorithm": destination_encryption_algorithm,
            "SourceKeyMaterialId": material,
            "DestinationKeyMaterialId": new,
        }

    def _usable(self, ctx: Context, key: Document, algorithm: str, context: _Context) -> Document:
        key = self._ring.usable(key, ENCRYPT, ctx.operation)
        if algorithm not in SPECS[key.body["KeySpec"]].algorithms[ENCRYPT]:
            words = f"Algorithm {algorithm} is incompatible with key spec {key.body['KeySpec']}."
            raise AwsError("InvalidKeyUsageException", words)
        if context and algorithm != SYMMETRIC:
            raise invalid("EncryptionContext is not supported with asymmetric KMS keys.")
        return key

    async def _sealed(self, key: Document, plain: bytes, context: _Context, algorithm: str) -> bytes:
        material_id, material = self._ring.current(key)
        if algorithm == SYMMETRIC:
            return envelope.seal(arn_of(key), material_id, material, plain, context)
        return await asyncio.to_thread(rsa.encrypt, material, plain, algorithm)

    async def _opened(self, key: Document, blob: bytes, context: _Context, algorithm: str) -> tuple[bytes, str | None]:
        """Plaintext and, of a symmetric key, the id of the material that opened it."""
        if algorithm != SYMMETRIC:
            return await asyncio.to_thread(rsa.decrypt, self._ring.current(key)[1], blob, algorithm), None
        found = envelope.read(blob)
        material = self._ring.material(key, found.material)
        if material is None:
            raise invalid_ciphertext()
        return envelope.unseal(found, material, context), found.material
