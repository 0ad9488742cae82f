"""A blob under a second id."""

from __future__ import annotations

import pytest

from sagewright.store.blobs import Blobs


def test_a_link_shares_the_bytes_and_outlives_the_blob(tmp_path):
    blobs = Blobs(tmp_path)
    writer = blobs.writer()
    writer.write(b"bytes")
    first = writer.commit()
    second = "f" * 32
    blobs.link(first, second)
    assert blobs.path(first).samefile(blobs.path(second))
    blobs.delete(first)
    assert blobs.path(second).read_bytes() == b"bytes"
    with pytest.raises(OSError):
        blobs.link(first, "e" * 32)
