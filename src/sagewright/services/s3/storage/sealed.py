"""Bodies encrypted at rest: AES-256-GCM, block by block.

Each block lies in the file as its ciphertext and a tag of 16 bytes. Its nonce is the run's prefix, eight random bytes
that are the run's proof, and its own place, with a mark on the run's last block: a block that is changed, in another
place, or missing at the end does not open. All runs of an upload share one data key, so that its parts are put together
as they lie.
"""

from __future__ import annotations

import secrets
from typing import Any

from sagewright.services.s3.storage.blocks import BLOCK, Block, Corrupt, Run
from sagewright.store.blobs import BlobWriter

KEY_BYTES = 32
TAG = 16
"""Bytes a block has in the file beyond those of the body."""
_PREFIX, _NONCE = 8, 12


def _gcm(key: bytes) -> Any:
    """cryptography is native code that a server without encrypted objects can do without."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def wrap(key: bytes, data_key: bytes, purpose: bytes) -> bytes:
    """A data key under another key."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + bytes(_gcm(key).encrypt(nonce, data_key, purpose))


def unwrap(key: bytes, wrapped: bytes, purpose: bytes) -> bytes | None:
    """The data key; None where key is not the one, or wrapped has changed."""
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(_gcm(key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], purpose))
    except InvalidTag:
        return None


class Cipher:
    """The blocks of one data key. opaque: whether an ETag must not tell the body's MD5."""

    overhead = TAG

    def __init__(self, data_key: bytes, *, opaque: bool) -> None:
        self._gcm = _gcm(data_key)
        self.opaque = opaque

    def seal(self, prefix: bytes, index: int, data: bytes | bytearray, *, last: bool) -> bytes:
        return bytes(self._gcm.encrypt(_nonce(prefix, index, last), data, None))

    def open(self, block: Block, data: memoryview) -> bytes:
        from cryptography.exceptions import InvalidTag

        nonce = _nonce(block.run.proof, block.nth, block.run.is_last(block.nth))
        try:
            return bytes(self._gcm.decrypt(nonce, data, None))
        except InvalidTag:
            raise Corrupt("the encrypted bytes do not match their tag", block.number) from None


def _nonce(prefix: bytes, index: int, last: bool) -> bytes:
    return prefix + (index * 2 + last).to_bytes(_NONCE - _PREFIX, "big")


class SealedWriter:
    """Encrypts a body on its way to the blob; no plain byte reaches the disk."""

    def __init__(self, writer: BlobWriter, cipher: Cipher) -> None:
        self._writer = writer
        self._cipher = cipher
        self._prefix = secrets.token_bytes(_PREFIX)
        self._buffer = bytearray()
        self._index = 0

    def write(self, piece: bytes | memoryview) -> None:
        view = memoryview(piece)
        while view:
            if len(self._buffer) == BLOCK:  # only now it is known not to be the last one
                self._close_block(last=False)
            chunk = view[: BLOCK - len(self._buffer)]
            view = view[len(chunk) :]
            self._buffer += chunk

    def end(self) -> Run:
        size = self._index * BLOCK + len(self._buffer)
        if self._buffer:
            self._close_block(last=True)
        return Run(size, self._prefix)

    def _close_block(self, *, last: bool) -> None:
        self._writer.write(self._cipher.seal(self._prefix, self._index, self._buffer, last=last))
        self._buffer.clear()
        self._index += 1
