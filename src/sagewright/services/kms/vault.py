"""Key material: made here, and kept under the data folder's root key, so that the database alone reveals none.

``cryptography`` is imported when the first key is touched.
"""

from __future__ import annotations

import base64
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.kms.specs import SYMMETRIC, Spec, spec_of
from sagewright.store.secrets import secret

_NONCE = 12


class Vault:
    """Seals and opens what must not lie in the database as it is.

    folder: the store's, where the root key is made on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root: Any = None

    def seal(self, plain: bytes, about: str) -> str:
        """plain under the root key, as text. about: what it belongs to; it opens for that alone."""
        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(nonce + self._cipher().encrypt(nonce, plain, about.encode())).decode()

    def open(self, sealed: str, about: str) -> bytes:
        """Raises KMSInternalException (500) where the root key is another, or the database was tampered with."""
        from cryptography.exceptions import InvalidTag

        data = base64.b64decode(sealed)
        try:
            plain: bytes = self._cipher().decrypt(data[:_NONCE], data[_NONCE:], about.encode())
        except InvalidTag:
            words = "Key material does not open: kms.key in the data folder is not the one that sealed it."
            raise AwsError("KMSInternalException", words, 500) from None
        return plain

    def _cipher(self) -> Any:
        if self._root is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._root = AESGCM(secret(self._folder, "kms"))
        return self._root


def new_material(name: str) -> bytes:
    """Fresh material of a key spec: random bytes, or a private key as PKCS #8 DER. Takes seconds for RSA_4096."""
    spec = spec_of(name)
    if not spec.is_asymmetric:
        return secrets.token_bytes(spec.size)
    return private_der(_new_private(spec))


def private_der(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    der: bytes = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return der


@lru_cache(maxsize=64)
def private_key(der: bytes) -> Any:
    """cryptography's object; reading one costs milliseconds, so those in use are kept."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, None)


def public_der(der: bytes) -> bytes:
    """The public half of a private key, as SubjectPublicKeyInfo DER."""
    from cryptography.hazmat.primitives import serialization as form

    public: bytes = (
        private_key(der).public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def _new_private(spec: Spec) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if spec.curve == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if spec.curve:
        return ec.generate_private_key(getattr(ec, spec.curve)())
    return rsa.generate_private_key(public_exponent=65537, key_size=spec.size)


def is_slow(name: str) -> bool:
    """Whether making a key of this kind would hold the event loop up."""
    return name != SYMMETRIC and spec_of(name).is_asymmetric
