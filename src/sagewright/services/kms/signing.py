"""Sign, Verify, GetPublicKey, DeriveSharedSecret, GenerateMac and VerifyMac.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.kms import signatures
from sagewright.services.kms.errors import invalid, unsupported
from sagewright.services.kms.ring import Ring, arn_of, check_enabled
from sagewright.services.kms.specs import AGREE, MAC, SIGN, SPECS, algorithms
from sagewright.services.kms.trial import check_recipient, end_trial
from sagewright.services.kms.vault import public_der
from sagewright.store import Document


class Signing:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    async def sign(
        self,
        ctx: Context,
        key_id: str,
        message: bytes,
        signing_algorithm: str,
        message_type: str = "RAW",
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        key = self._usable(ctx, key_id, SIGN, signing_algorithm)
        how = signatures.checked(message, message_type, signing_algorithm)
        end_trial(dry_run)
        signature = await asyncio.to_thread(signatures.sign, self._ring.current(key)[1], message, how)
        return {"KeyId": arn_of(key), "Signature": signature, "SigningAlgorithm": signing_algorithm}

    @operation()
    async def verify(
        self,
        ctx: Context,
        key_id: str,
        message: bytes,
        signature: bytes,
        signing_algorithm: str,
        message_type: str = "RAW",
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        key = self._usable(ctx, key_id, SIGN, signing_algorithm)
        how = signatures.checked(message, message_type, signing_algorithm)
        material = self._ring.current(key)[1]
        if not await asyncio.to_thread(signatures.verifies, material, message, signature, how):
            raise AwsError("KMSInvalidSignatureException")
        end_trial(dry_run)
        return {"KeyId": arn_of(key), "SignatureValid": True, "SigningAlgorithm": signing_algorithm}

    @operation()
    def get_public_key(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        key = self._ring.find(ctx, key_id)
        spec = key.body["KeySpec"]
        if not SPECS[spec].is_asymmetric:
            raise unsupported(f"{arn_of(key)} is not an asymmetric key.")
        check_enabled(key)
        return {
            "KeyId": arn_of(key),
            "PublicKey": public_der(self._ring.current(key)[1]),
            "CustomerMasterKeySpec": spec,
            "KeySpec": spec,
            "KeyUsage": key.body["KeyUsage"],
            **algorithms(spec, key.body["KeyUsage"]),
        }

    @operation()
    def derive_shared_secret(
        self,
        ctx: Context,
        key_id: str,
        key_agreement_algorithm: str,
        public_key: bytes,
        recipient: Any = None,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        check_recipient(recipient)
        key = self._usable(ctx, key_id, AGREE, key_agreement_algorithm)
        secret = signatures.shared_secret(self._ring.current(key)[1], public_key)
        end_trial(dry_run)
        return {
            "KeyId": arn_of(key),
            "SharedSecret": secret,
            "KeyAgreementAlgorithm": key_agreement_algorithm,
            "KeyOrigin": "AWS_KMS",
        }

    @operation()
    def generate_mac(
        self, ctx: Context, message: bytes, key_id: str, mac_algorithm: str, dry_run: bool = False, **members: Any
    ) -> dict[str, Any]:
        key = self._usable(ctx, key_id, MAC, mac_algorithm)
        end_trial(dry_run)
        return {"Mac": self._mac(key, message, mac_algorithm), "MacAlgorithm": mac_algorithm, "KeyId": arn_of(key)}

    @operation()
    def verify_mac(
        self,
        ctx: Context,
        message: bytes,
        key_id: str,
        mac_algorithm: str,
        mac: bytes,
        dry_run: bool = False,
        **members: Any,
    ) -> dict[str, Any]:
        key = self._usable(ctx, key_id, MAC, mac_algorithm)
        if not hmac.compare_digest(self._mac(key, message, mac_algorithm), mac):
            raise AwsError("KMSInvalidMacException")
        end_trial(dry_run)
        return {"KeyId": arn_of(key), "MacValid": True, "MacAlgorithm": mac_algorithm}

    def _usable(self, ctx: Context, key_id: str, usage: str, algorithm: str) -> Document:
        key = self._ring.usable(self._ring.find(ctx, key_id), usage, ctx.operation)
        if algorithm not in SPECS[key.body["KeySpec"]].algorithms[usage]:
            words = f"Algorithm {algorithm} is incompatible with key spec {key.body['KeySpec']}."
            raise AwsError("InvalidKeyUsageException", words)
        return key

    def _mac(self, key: Document, message: bytes, algorithm: str) -> bytes:
        if len(message) > 4096:
            raise invalid("Message must be at most 4096 bytes.")
        return hmac.digest(self._ring.current(key)[1], message, getattr(hashlib, f"sha{algorithm[-3:]}"))
