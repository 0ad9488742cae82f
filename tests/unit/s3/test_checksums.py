"""Checksum algorithms against published check values, and checksums of parts against those of the whole."""

from __future__ import annotations

import base64

import pytest

from sagewright.services.s3.storage.checksums import ALGORITHMS, composite, decode, encode, full_object

# CRC catalogue (reveng) check values and RFC/NIST/xxHash test vectors of "123456789".
_CHECK = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "XXHASH64": "8cb841db40e6ae83",
}


def _value(name: str, *pieces: bytes) -> bytes:
    digest = ALGORITHMS[name].new()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


@pytest.mark.parametrize(("name", "value"), _CHECK.items())
def test_check_values(name: str, value: str) -> None:
    assert _value(name, b"123456789").hex() == value


@pytest.mark.parametrize("name", ALGORITHMS)
def test_pieces_and_sizes(name: str) -> None:
    whole = _value(name, b"123456789")
    assert _value(name, b"123", memoryview(b"456789")) == whole
    assert len(whole) == ALGORITHMS[name].size
    assert decode(encode(whole), ALGORITHMS[name].size) == whole
    assert decode(encode(whole)[:-4], ALGORITHMS[name].size) is None


@pytest.mark.parametrize("name", [name for name, algorithm in ALGORITHMS.items() if algorithm.combine])
def test_parts_combine_to_the_whole(name: str) -> None:
    parts = [bytes([number]) * (1000 * number + 7) for number in range(1, 6)]
    values = [(encode(_value(name, part)), len(part)) for part in parts]
    assert full_object(ALGORITHMS[name], values) == encode(_value(name, *parts))


def test_a_composite_is_the_checksum_of_checksums() -> None:
    values = [encode(_value("SHA256", part)) for part in (b"one", b"two")]
    joined = b"".join(base64.b64decode(value) for value in values)
    assert composite(ALGORITHMS["SHA256"], values) == f"{encode(_value('SHA256', joined))}-2"
    with pytest.raises(ValueError, match="SHA256"):
        full_object(ALGORITHMS["SHA256"], [(values[0], 3)])
