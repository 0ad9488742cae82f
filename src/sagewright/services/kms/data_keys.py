"""Data keys: made here, handed out in the clear and encrypted under a KMS key, and kept nowhere.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.kms import envelope
from sagewright.services.kms.errors import invalid, lacking
from sagewright.services.kms.ring import Ring, arn_of, check_symmetric
from sagewright.services.kms.specs import ENCRYPT
from sagewright.services.kms.trial import check_recipient, end_trial
from sagewright.services.kms.vault import new_material, public_der

_SIZES = {"AES_256": 32, "AES_128": 16}
_Context = Mapping[str, str] | None


class DataKeys:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def generate_data_key(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        return self._data_key(ctx, **members)

    @operation()
    def generate_data_key_without_plaintext(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        answer = self._data_key(ctx, **members)
        return {name: value for name, value in answer.items() if name != "Plaintext"}

    @operation()
    async def generate_data_key_pair(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        return await self._pair(ctx, **members)

    @operation()
    async def generate_data_key_pair_without_plaintext(
        self, ctx: Context, key_id: str, **members: Any
    ) -> dict[str, Any]:
        answer = await self._pair(ctx, **members)
        return {name: value for name, value in answer.items() if name != "PrivateKeyPlaintext"}

    @operation()
    def generate_random(
        self, ctx: Context, number_of_bytes: int | None = None, recipient: Any = None, **members: Any
    ) -> dict[str, Any]:
        check_recipient(recipient)
        if members:
            raise lacking("custom key stores of KMS")
        if number_of_bytes is None:
            raise invalid("NumberOfBytes is required.")
        return {"Plaintext": secrets.token_bytes(number_of_bytes)}

    def _data_key(
        self,
        ctx: Context,
        encryption_context: _Context = None,
        number_of_bytes: int | None = None,
        key_spec: str | None = None,
        recipient: Any = None,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        check_recipient(recipient)
        if (number_of_bytes is None) == (key_spec is None):
            raise invalid("Please specify either number of bytes or key spec.")
        size = number_of_bytes if number_of_bytes is not None else _SIZES[str(key_spec)]
        if not 1 <= size <= 1024:
            raise invalid("NumberOfBytes must be between 1 and 1024.")
        plain = secrets.token_bytes(size)
        blob, arn, material = self._sealed(ctx, plain, encryption_context, dry_run)
        return {"CiphertextBlob": blob, "Plaintext": plain, "KeyId": arn, "KeyMaterialId": material}

    async def _pair(
        self,
        ctx: Context,
        key_pair_spec: str,
        encryption_context: _Context = None,
        recipient: Any = None,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        check_recipient(recipient)
        private = await asyncio.to_thread(new_material, key_pair_spec)
        blob, arn, material = self._sealed(ctx, private, encryption_context, dry_run)
        return {
            "PrivateKeyCiphertextBlob": blob,
            "PrivateKeyPlaintext": private,
            "PublicKey": public_der(private),
            "KeyId": arn,
            "KeyPairSpec": key_pair_spec,
            "KeyMaterialId": material,
        }

    def _sealed(self, ctx: Context, plain: bytes, context: _Context, dry_run: bool) -> tuple[bytes, str, str]:
        """The ciphertext blob, the key's ARN and the material's id."""
        key = self._ring.usable(self._ring.find(ctx, ctx.request["KeyId"]), ENCRYPT, ctx.operation)
        check_symmetric(key)
        end_trial(dry_run)
        material_id, material = self._ring.current(key)
        arn = arn_of(key)
        return envelope.seal(arn, material_id, material, plain, context), arn, material_id
