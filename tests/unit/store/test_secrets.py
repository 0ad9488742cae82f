from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sagewright.store.secrets import secret


def test_a_secret_is_made_once_and_its_owners_alone(tmp_path):
    found = secret(tmp_path, "kms")
    assert len(found) == 32
    assert secret(tmp_path, "kms") == found
    assert secret(tmp_path, "other") != found
    assert (tmp_path / "kms.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kms.key", "other.key"]


def test_threads_that_make_it_at_once_agree(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret(tmp_path, "kms"), range(32)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kms.key"]


def test_a_damaged_secret_is_not_replaced(tmp_path):
    (tmp_path / "kms.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="5 bytes instead of 32"):
        secret(tmp_path, "kms")
    assert (tmp_path / "kms.key").read_bytes() == b"short"
