"""Bodies in blocks, plain and encrypted: every range comes back, and no byte that has changed ever does."""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.services.s3.storage import blocks, reading
from sagewright.services.s3.storage.blocks import BLOCK, Corrupt, Plain, PlainWriter, spread, stored_size
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.ranges import Span
from sagewright.services.s3.storage.reading import Reading, verify
from sagewright.services.s3.storage.sealed import Cipher, SealedWriter, unwrap, wrap
from sagewright.store import Space
from sagewright.store.blobs import Blobs

DISK = Disk()
SIZES = st.one_of(
    st.integers(0, 100),
    st.integers(-2, 2).map(lambda more: BLOCK + more),
    st.integers(-2, 2).map(lambda more: 4 * BLOCK + more),
    st.integers(0, 6 * BLOCK),
)


class Stored:
    """Bodies in one blob, a run each, as parts of an upload are put together."""

    def __init__(self, folder, bodies, *, sealed, piece=100_000):
        self.guard = Cipher(os.urandom(32), opaque=True) if sealed else Plain()
        self.whole = b"".join(bodies)
        self.blobs = Blobs(folder)
        file = self.blobs.writer()
        self.runs = []
        for body in bodies:
            writer = SealedWriter(file, self.guard) if sealed else PlainWriter(file)
            for at in range(0, len(body), piece):
                writer.write(memoryview(body)[at : at + piece])
            self.runs.append(writer.end())
        self.path = self.blobs.path(file.commit())

    def read(self, start=0, length=None):
        size = len(self.whole)
        span = Span(start, size - start if length is None else length, size)

        def damaged(found):
            return found

        async def collect():
            file = os.open(self.path, os.O_RDONLY)
            return [chunk async for chunk in Reading(file, self.runs, self.guard, span, DISK, damaged)]

        return b"".join(asyncio.run(collect()))

    def bytes(self):
        return self.path.read_bytes()

    def overwrite(self, data):
        self.path.chmod(0o644)
        self.path.write_bytes(data)

    def assert_damaged(self, start=0, length=None):
        with pytest.raises(Corrupt):
            self.read(start, length)
        with pytest.raises(Corrupt):
            verify(self.path, self.runs, self.guard)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("blobs")


@settings(max_examples=60)
@given(data=st.data(), sizes=st.lists(SIZES, min_size=1, max_size=3), sealed=st.booleans())
def test_every_range_comes_back(folder, data, sizes, sealed):
    stored = Stored(
        folder, [os.urandom(size) for size in sizes], sealed=sealed, piece=data.draw(st.integers(1000, BLOCK * 2))
    )
    total = len(stored.whole)
    start = data.draw(st.integers(0, total))
    length = data.draw(st.integers(0, total - start))
    assert stored.read(start, length) == stored.whole[start : start + length]
    verify(stored.path, stored.runs, stored.guard)
    assert stored.path.stat().st_size == stored_size(stored.runs, stored.guard.overhead)


@settings(max_examples=80)
@given(data=st.data(), sizes=st.lists(SIZES, min_size=1, max_size=3), sealed=st.booleans())
def test_no_flipped_bit_is_ever_served(folder, data, sizes, sealed):
    stored = Stored(folder, [os.urandom(size) for size in sizes], sealed=sealed)
    kept = bytearray(stored.bytes())
    if not kept:
        return
    at = data.draw(st.integers(0, len(kept) - 1))
    kept[at] ^= 1 << data.draw(st.integers(0, 7))
    stored.overwrite(kept)
    stored.assert_damaged()
    hit = [block for block in spread(stored.runs, 0, len(stored.whole), stored.guard.overhead) if block.at <= at]
    start = hit[-1].start
    end = start + hit[-1].run.block_size(hit[-1].nth)
    assert stored.read(0, start) == stored.whole[:start]
    assert stored.read(end) == stored.whole[end:]
    stored.assert_damaged(data.draw(st.integers(start, end - 1)), 1)


@pytest.mark.parametrize("sealed", [False, True])
def test_blocks_in_other_places_or_missing_at_the_end(folder, sealed):
    stored = Stored(folder, [os.urandom(3 * BLOCK), os.urandom(2 * BLOCK)], sealed=sealed)
    kept = stored.bytes()
    size = BLOCK + stored.guard.overhead
    pieces = [kept[at : at + size] for at in range(0, len(kept), size)]
    for first, second in [*pairwise(range(5)), (0, 3), (2, 4)]:
        swapped = list(pieces)
        swapped[first], swapped[second] = pieces[second], pieces[first]
        stored.overwrite(b"".join(swapped))
        stored.assert_damaged()
    for cut in (1, 16, size, 2 * size, len(kept)):
        stored.overwrite(kept[: len(kept) - cut])
        stored.assert_damaged()
    stored.overwrite(kept + b"more")
    with pytest.raises(Corrupt):
        verify(stored.path, stored.runs, stored.guard)


def test_a_run_that_lost_its_end_does_not_open_as_a_shorter_one(folder):
    """Even where the documents agree with the file."""
    stored = Stored(folder, [os.urandom(3 * BLOCK)], sealed=True)
    stored.overwrite(stored.bytes()[: 2 * (BLOCK + 16)])
    stored.runs = [stored.runs[0]._replace(size=2 * BLOCK)]
    stored.assert_damaged()


def test_only_the_blocks_of_a_range_are_read(folder, monkeypatch):
    stored = Stored(folder, [os.urandom(9 * BLOCK)], sealed=False)
    asked = []
    pread = reading.pread
    monkeypatch.setattr(reading, "pread", lambda file, step: asked.extend(step) or pread(file, step))
    stored.read(3 * BLOCK - 1, 2)
    assert [block.nth for block in asked] == [2, 3]


def test_no_plain_byte_lies_in_a_sealed_file(folder):
    text = b"the quick brown fox " * 100_000
    stored = Stored(folder, [text], sealed=True)
    assert b"quick" not in stored.bytes()
    assert stored.read() == text


def test_a_wrapped_key_opens_with_its_own_key_and_purpose_only():
    key, data_key = os.urandom(32), os.urandom(32)
    wrapped = wrap(key, data_key, b"one")
    assert unwrap(key, wrapped, b"one") == data_key
    assert unwrap(os.urandom(32), wrapped, b"one") is None
    assert unwrap(key, wrapped, b"two") is None
    for at in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[at] ^= 1
        assert unwrap(key, bytes(changed), b"one") is None


def test_long_proofs_lie_apart_and_go_with_their_object(in_process):
    store = in_process.store
    small = {"Blob": "a" * 32, "Runs": [[10, "AAAAAA=="]]}
    assert blocks.keep(store, small) == small
    large = {"Blob": "b" * 32, "Size": 9 * BLOCK + 1, "Runs": [[9 * BLOCK, "A" * 48], [1, "AAAAAA=="]]}
    kept = blocks.keep(store, large)
    assert kept == {"Blob": "b" * 32, "Size": 9 * BLOCK + 1}
    assert blocks.listed(store, kept) == large["Runs"]
    assert [run.size for run in blocks.runs_of(store, kept)] == [9 * BLOCK, 1]
    blocks.forget(store, kept)
    assert store.documents.get(Space("s3:blocks"), kept["Blob"]) is None


def test_objects_from_before_there_were_proofs_are_one_run(in_process):
    runs = blocks.runs_of(in_process.store, {"Blob": "c" * 32, "Size": BLOCK + 3})
    data = bytes(BLOCK) + b"abc"
    found = [
        Plain().open(block, memoryview(data)[block.at : block.at + block.stored])
        for block in spread(runs, 0, len(data), 0)
    ]
    assert b"".join(found) == data
