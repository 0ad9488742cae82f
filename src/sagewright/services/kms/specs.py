"""Kinds of KMS keys as data: what each may be used for, and by which algorithms.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagewright.services.kms.errors import invalid, lacking

ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
SYMMETRIC = "SYMMETRIC_DEFAULT"

_MEMBERS = {
    ENCRYPT: "EncryptionAlgorithms",
    SIGN: "SigningAlgorithms",
    MAC: "MacAlgorithms",
    AGREE: "KeyAgreementAlgorithms",
}
_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = tuple(f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512))


@dataclass(frozen=True, slots=True)
class Spec:
    """algorithms: by key usage, those AWS lists. size: bytes of an HMAC key, bits of an RSA key."""

    algorithms: dict[str, tuple[str, ...]]
    size: int = 0
    curve: str = ""

    @property
    def is_asymmetric(self) -> bool:
        return not {SYMMETRIC, *_HMACS}.intersection(name for names in self.algorithms.values() for name in names)


_HMACS = {f"HMAC_SHA_{bits}": bits // 8 for bits in (224, 256, 384, 512)}

SPECS: dict[str, Spec] = {
    SYMMETRIC: Spec({ENCRYPT: (SYMMETRIC,)}, 32),
    **{f"HMAC_{size * 8}": Spec({MAC: (name,)}, size) for name, size in _HMACS.items()},
    **{f"RSA_{bits}": Spec({ENCRYPT: _OAEP, SIGN: _RSA_SIGNING}, bits) for bits in (2048, 3072, 4096)},
    "ECC_NIST_P256": Spec({SIGN: ("ECDSA_SHA_256",), AGREE: ("ECDH",)}, curve="SECP256R1"),
    "ECC_NIST_P384": Spec({SIGN: ("ECDSA_SHA_384",), AGREE: ("ECDH",)}, curve="SECP384R1"),
    "ECC_NIST_P521": Spec({SIGN: ("ECDSA_SHA_512",), AGREE: ("ECDH",)}, curve="SECP521R1"),
    "ECC_SECG_P256K1": Spec({SIGN: ("ECDSA_SHA_256",)}, curve="SECP256K1"),
    "ECC_NIST_EDWARDS25519": Spec({SIGN: ("ED25519_SHA_512", "ED25519_PH_SHA_512")}, curve="ED25519"),
}


def spec_of(name: str) -> Spec:
    """Raises AwsError (501) for the kinds that are not here: SM2 and the post-quantum ones."""
    if name not in SPECS:
        raise lacking(f"KMS keys of the kind {name}")
    return SPECS[name]


def checked_usage(name: str, usage: str | None) -> str:
    """The key usage that CreateKey asks for, defaulted as AWS does. Raises ValidationException."""
    spec = spec_of(name)
    if usage is None:
        if name != SYMMETRIC:
            raise invalid("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
        return ENCRYPT
    if usage not in spec.algorithms:
        raise invalid(f"KeyUsage {usage} is not compatible with KeySpec {name}")
    return usage


def algorithms(name: str, usage: str) -> dict[str, Any]:
    """The member of KeyMetadata that lists a key's algorithms."""
    return {_MEMBERS[usage]: list(SPECS[name].algorithms[usage])}
