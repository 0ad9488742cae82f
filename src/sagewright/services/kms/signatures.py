"""Signatures of RSA, ECDSA and Ed25519 keys, and ECDH.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-SigningAlgorithm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagewright.services.kms.errors import invalid, lacking
from sagewright.services.kms.vault import private_key


@dataclass(frozen=True, slots=True)
class How:
    """bits: of the SHA-2. is_digest: the message is one already."""

    family: str
    bits: int
    is_digest: bool


def checked(message: bytes, message_type: str, algorithm: str) -> How:
    """Raises ValidationException for a message that is too long, or no digest of the algorithm's length."""
    if algorithm.startswith("ED25519"):
        if algorithm != "ED25519_SHA_512" or message_type != "RAW":
            raise lacking("Ed25519 signatures of digests (ED25519_PH_SHA_512)")
        return How("ED25519", 512, False)
    if message_type == "EXTERNAL_MU":
        raise invalid(f"MessageType EXTERNAL_MU is not valid for {algorithm}.")
    family, bits = algorithm.rpartition("_SHA_")[0], int(algorithm[-3:])
    is_digest = message_type == "DIGEST"
    if is_digest and len(message) != bits // 8:
        raise invalid(f"Digest is invalid length for algorithm {algorithm}.")
    return How(family, bits, is_digest)


def sign(der: bytes, message: bytes, how: How) -> bytes:
    signature: bytes = private_key(der).sign(message, *_arguments(how))
    return signature


def verifies(der: bytes, message: bytes, signature: bytes, how: How) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        private_key(der).public_key().verify(signature, message, *_arguments(how))
    except InvalidSignature:
        return False
    return True


def shared_secret(der: bytes, public: bytes) -> bytes:
    """What ECDH gives with the other side's SubjectPublicKeyInfo DER. Raises ValidationException for another curve."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    own = private_key(der)
    try:
        other = load_der_public_key(public)
        secret: bytes = own.exchange(ec.ECDH(), other)
    except (ValueError, TypeError, AttributeError):
        raise invalid("PublicKey must be a DER-encoded public key on the same curve as the KMS key.") from None
    return secret


def _arguments(how: How) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

    if how.family == "ED25519":
        return ()
    digest = getattr(hashes, f"SHA{how.bits}")()
    shown: Any = utils.Prehashed(digest) if how.is_digest else digest
    if how.family == "ECDSA":
        return (ec.ECDSA(shown),)
    if how.family == "RSASSA_PSS":
        return (padding.PSS(padding.MGF1(digest), salt_length=padding.PSS.DIGEST_LENGTH), shown)
    return (padding.PKCS1v15(), shown)
