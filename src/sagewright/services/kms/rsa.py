"""RSAES-OAEP, as asymmetric keys encrypt.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#rsa-encryption-algorithms
"""

from __future__ import annotations

from typing import Any

from sagewright.services.kms.errors import invalid, invalid_ciphertext
from sagewright.services.kms.vault import private_key


def encrypt(der: bytes, plain: bytes, algorithm: str) -> bytes:
    """Raises ValidationException for a plaintext longer than the key and padding leave room for."""
    try:
        sealed: bytes = private_key(der).public_key().encrypt(plain, _padding(algorithm))
    except ValueError:
        room = private_key(der).key_size // 8 - 2 * (20 if algorithm.endswith("_1") else 32) - 2
        raise invalid(f"Plaintext for {algorithm} must be at most {room} bytes with this key.") from None
    return sealed


def decrypt(der: bytes, sealed: bytes, algorithm: str) -> bytes:
    """Raises InvalidCiphertextException."""
    try:
        plain: bytes = private_key(der).decrypt(sealed, _padding(algorithm))
    except ValueError:
        raise invalid_ciphertext() from None
    return plain


def _padding(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = hashes.SHA1 if algorithm == "RSAES_OAEP_SHA_1" else hashes.SHA256
    return padding.OAEP(mgf=padding.MGF1(digest()), algorithm=digest(), label=None)
