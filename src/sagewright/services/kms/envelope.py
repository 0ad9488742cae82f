"""Ciphertext blobs of symmetric keys: which key and which of its materials, then AES-256-GCM.

    1 byte version, 2 bytes length, the key's ARN, 32 bytes material id, 12 bytes nonce, ciphertext and 16 bytes tag

All that stands before the nonce, and the encryption context, are authenticated with the plaintext.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sagewright.services.kms.errors import invalid_ciphertext

_VERSION = 1
_MATERIAL = 32
_NONCE = 12
_TAG = 16


@dataclass(frozen=True, slots=True)
class Envelope:
    """A blob read, not opened. material: the material id in hex."""

    arn: str
    material: str
    head: bytes
    nonce: bytes
    sealed: bytes


def seal(arn: str, material: str, key: bytes, plain: bytes, context: Mapping[str, str] | None) -> bytes:
    """plain as a ciphertext blob. key: the 32 bytes of that material."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name = arn.encode()
    head = bytes([_VERSION]) + len(name).to_bytes(2) + name + bytes.fromhex(material)
    nonce = secrets.token_bytes(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, plain, head + _bound(context))


def read(blob: bytes) -> Envelope:
    """Raises InvalidCiphertextException for what no key here made."""
    end = 3 + int.from_bytes(blob[1:3]) + _MATERIAL
    if blob[:1] != bytes([_VERSION]) or len(blob) < end + _NONCE + _TAG:
        raise invalid_ciphertext()
    try:
        arn = blob[3 : end - _MATERIAL].decode()
    except UnicodeDecodeError:
        raise invalid_ciphertext() from None
    material = blob[end - _MATERIAL : end].hex()
    return Envelope(arn, material, blob[:end], blob[end : end + _NONCE], blob[end + _NONCE :])


def unseal(envelope: Envelope, key: bytes, context: Mapping[str, str] | None) -> bytes:
    """Raises InvalidCiphertextException for another context, key or a changed blob."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(envelope.nonce, envelope.sealed, envelope.head + _bound(context))
    except InvalidTag:
        raise invalid_ciphertext() from None


def _bound(context: Mapping[str, str] | None) -> bytes:
    """An encryption context as bytes: the same for the same pairs in any order, and for none and an empty one."""
    return json.dumps(sorted(context.items()), ensure_ascii=True).encode() if context else b""
