"""Listing against a plain model of it, over any keys, prefixes, delimiters and page sizes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.core.clock import FakeClock
from sagewright.services.s3.objects.walking import walk
from sagewright.services.s3.records import objects
from sagewright.store import Store

_SPACE = objects("bucket")
_TEXT = st.text(alphabet="ab/\u00e9\U0001f600\uffff ", max_size=6)


def _fill(folder: Path, keys: list[str]) -> Store:
    store = Store(folder, FakeClock())
    with store.transaction():
        for key in keys:
            store.documents.insert(_SPACE, key, {})
    return store


def _model(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    found = set()
    for key in keys:
        if key.startswith(prefix):
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            found.add(prefix + head + cut if cut else key)
    return sorted(found, key=lambda text: text.encode())


@settings(max_examples=150)
@given(st.sets(_TEXT.filter(bool), max_size=40), _TEXT, st.sampled_from(["", "/", "a", "b/", "é"]), st.integers(1, 7))
def test_pages_make_up_the_whole_listing(keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    prefix = prefix[:2]
    with tempfile.TemporaryDirectory() as folder:
        store = _fill(Path(folder), sorted(keys))
        expected = _model(keys, prefix, delimiter)
        seen: list[str] = []
        after = ""
        while True:
            page = walk(store, _SPACE, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
            part = [*(document.key for document in page.documents), *page.prefixes]
            assert len(part) == len(page) <= limit
            seen += sorted(part, key=lambda text: text.encode())
            assert page.truncated == (len(seen) < len(expected))
            if not page.truncated:
                break
            assert page.last == seen[-1]
            after = page.last
        store.close()
        assert seen == expected


def test_nothing_is_asked_for(tmp_path: Path) -> None:
    store = _fill(tmp_path, ["a"])
    page = walk(store, _SPACE, prefix="", delimiter="", after="", limit=0)
    assert (len(page), page.truncated) == (0, False)
    store.close()


@pytest.mark.slow
def test_a_hundred_thousand_keys(tmp_path: Path) -> None:
    """A common prefix costs a seek, however many keys are under it."""
    keys = [f"{number % 100:02d}/{number:06d}" for number in range(100_000)]
    store = _fill(tmp_path, keys)
    start = time.perf_counter()
    after, count = "", 0
    while True:
        page = walk(store, _SPACE, prefix="", delimiter="", after=after, limit=1000)
        count += len(page)
        if not page.truncated:
            break
        after = page.last
    assert count == 100_000
    whole = time.perf_counter() - start
    start = time.perf_counter()
    assert len(walk(store, _SPACE, prefix="", delimiter="/", after="", limit=1000).prefixes) == 100
    assert time.perf_counter() - start < whole / 4
    store.close()
