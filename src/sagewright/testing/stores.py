"""StoreSuite: what every store must do. Subclass it with a ``make_store`` that opens one over a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sagewright.core.clock import Clock, FakeClock
from sagewright.store import Document, DuplicateKey, Space, StaleDocument, Store
from sagewright.store.documents import OrderBy

_HERE = Space("thing", "000000000000", "us-east-1", "parent")


class StoreSuite:
    """The contract of documents, entries, blobs and transactions."""

    def make_store(self, folder: Path, clock: Clock) -> Store:
        """A store over folder, new or reopened."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
        store = self.make_store(tmp_path, clock)
        yield store
        store.close()

    def test_a_document_comes_back_as_it_went_in(self, store: Store, clock: FakeClock) -> None:
        body = {"Name": "ü", "List": [1, 2.5, None, True], "Map": {"a": {"b": "c"}}}
        store.documents.insert(_HERE, "key", body, status="New")
        found = store.documents.get(_HERE, "key")
        assert found is not None
        assert (found.body, found.status, found.created, found.revision) == (body, "New", clock.now(), 1)
        assert store.documents.get(_HERE._replace(region="eu-west-1"), "key") is None
        assert store.documents.get(_HERE._replace(account="111111111111"), "key") is None

    def test_a_taken_key_is_refused(self, store: Store) -> None:
        store.documents.insert(_HERE, "key", {"n": 1})
        with pytest.raises(DuplicateKey):
            store.documents.insert(_HERE, "key", {"n": 2})
        found = store.documents.get(_HERE, "key")
        assert found is not None
        assert found.body == {"n": 1}

    def test_an_update_of_what_changed_meanwhile_is_refused(self, store: Store, clock: FakeClock) -> None:
        first = store.documents.insert(_HERE, "key", {"n": 1})
        clock.advance(5)
        second = store.documents.update(first, body={"n": 2})
        assert (second.revision, second.modified - second.created) == (2, 5)
        with pytest.raises(StaleDocument):
            store.documents.update(first, body={"n": 3})

    def test_find_filters_sorts_and_pages(self, store: Store, clock: FakeClock) -> None:
        for name, status in (("b-One", "x"), ("a-two", "y"), ("c-one", "x"), ("a-\U0001f600", "z")):
            store.documents.insert(_HERE, name, {}, status=status)
            clock.advance(1)
        start = clock.now() - 4

        def keys(**query: object) -> list[str]:
            return [document.key for document in store.documents.find(_HERE, **query)]  # type: ignore[arg-type]

        assert keys() == ["a-two", "a-\U0001f600", "b-One", "c-one"]
        assert keys(prefix="a-") == ["a-two", "a-\U0001f600"]
        assert keys(contains="ONE") == ["b-One", "c-one"]
        assert keys(contains="o", prefix="a-") == keys(after="a", status="y") == ["a-two"]
        assert keys(status="x", descending=True) == ["c-one", "b-One"]
        assert keys(order="created", limit=2) == ["b-One", "a-two"]
        assert keys(order="created", limit=2, offset=2) == ["c-one", "a-\U0001f600"]
        assert keys(order="status", descending=True) == ["a-\U0001f600", "a-two", "c-one", "b-One"]
        assert keys(created=(start, start + 3)) == ["a-two", "c-one"]
        assert keys(after="a-\U0001f600") == ["b-One", "c-one"]
        assert store.documents.count(_HERE) == 4

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("order", ["key", "created", "modified", "status"])
    @pytest.mark.parametrize("query", [{}, {"contains": "E"}, {"status": "x"}])
    def test_find_goes_on_from_where_a_page_ended(
        self, store: Store, clock: FakeClock, order: OrderBy, descending: bool, query: dict[str, str]
    ) -> None:
        for name, status in (("three", "x"), ("one", "y"), ("four", "y"), ("five", "x"), ("two", "x"), ("e", "x")):
            document = store.documents.insert(_HERE, name, {"name": name}, status=status)
            if name < "g":
                clock.advance(1)
                store.documents.update(document, status=status)
        store.documents.insert(_HERE._replace(parent="another"), "else", {}, status="x")
        whole = store.documents.find(_HERE, order=order, descending=descending, **query)  # type: ignore[arg-type]
        paged: list[Document] = []
        while True:
            past = (getattr(paged[-1], order), paged[-1].key) if paged else None
            found = store.documents.find(
                _HERE,
                order=order,
                descending=descending,
                past=past,
                limit=2,
                **query,  # type: ignore[arg-type]
            )
            if not found:
                break
            paged += found
        assert paged == whole
        assert len(whole) == {"contains": 4, "status": 4}.get(next(iter(query), ""), 6)
        assert [document.body["name"] for document in whole] == [document.key for document in whole]

    def test_find_reads_a_part_of_bodies(self, store: Store) -> None:
        store.documents.insert(_HERE, "a", {"state": {"n": [1, "ü", None, True]}, "rest": 1}, status="x")
        store.documents.insert(_HERE, "b", {"rest": 1}, status="x")
        for query in ({}, {"status": "x"}):
            found = store.documents.find(_HERE, part="state", **query)  # type: ignore[arg-type]
            assert [document.body for document in found] == [{"state": {"n": [1, "ü", None, True]}}, {"state": None}]

    def test_with_status_sees_every_account_and_region(self, store: Store) -> None:
        for account, region, status in (("1", "a", "on"), ("2", "b", "on"), ("2", "a", "off")):
            store.documents.insert(Space("thing", account, region), "key", {}, status=status)
        found = {document.space[1:3] for document in store.documents.with_status("thing", ["on"])}
        assert found == {("1", "a"), ("2", "b")}

    def test_a_transaction_happens_whole_or_not_at_all(self, store: Store) -> None:
        def both() -> None:
            with store.transaction():
                store.documents.insert(_HERE, "one", {})
                with store.transaction():
                    store.entries.append(_HERE, [(1.0, "entry")])
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            both()
        assert store.documents.get(_HERE, "one") is None
        assert store.entries.read(_HERE) == []

    def test_what_was_committed_survives_an_abandoned_store(self, store: Store, tmp_path: Path) -> None:
        store.documents.insert(_HERE, "key", {"n": 1})
        writer = store.blobs.writer()
        writer.write(b"bytes")
        blob = writer.commit()
        half = store.blobs.writer()
        half.write(b"half")
        again = self.make_store(tmp_path, FakeClock())
        found = again.documents.get(_HERE, "key")
        assert found is not None
        assert found.body == {"n": 1}
        assert again.blobs.path(blob).read_bytes() == b"bytes"
        assert list(again.blobs.ids()) == [blob]
        assert not half.path.exists()
        half.abort()
        again.close()

    def test_entries_keep_their_order(self, store: Store) -> None:
        store.entries.append(_HERE, [(2.0, "c"), (1.0, "a"), (2.0, "d"), (1.5, "b")])
        rows = store.entries.read(_HERE)
        assert [row.body for row in rows] == ["a", "b", "c", "d"]
        assert [row.body for row in store.entries.read(_HERE, start=1.5, end=2.0)] == ["b"]
        middle = (rows[1].at, rows[1].id)
        assert [row.body for row in store.entries.read(_HERE, after=middle)] == ["c", "d"]
        assert [row.body for row in store.entries.read(_HERE, before=middle, descending=True)] == ["a"]
        assert store.entries.delete(_HERE, before=2.0) == 2
        assert [row.body for row in store.entries.read(_HERE)] == ["c", "d"]

    def test_an_aborted_blob_leaves_nothing(self, store: Store) -> None:
        writer = store.blobs.writer()
        writer.write(b"x")
        writer.abort()
        assert list(store.blobs.ids()) == []
        assert list(store.blobs.incoming.iterdir()) == []

    def test_a_waiter_wakes_at_the_commit(self, store: Store) -> None:
        async def scene() -> tuple[bool, bool]:
            waiting = asyncio.create_task(store.changes.wait(_HERE, "key", 5))
            await asyncio.sleep(0)
            with store.transaction():
                store.documents.insert(_HERE, "key", {})
                await asyncio.sleep(0)
                early = waiting.done()
            return early, await waiting

        assert asyncio.run(scene()) == (False, True)

    def test_a_rolled_back_change_wakes_nobody(self, store: Store) -> None:
        async def scene() -> bool:
            waiting = asyncio.create_task(store.changes.wait(_HERE, "key", 0.05))
            await asyncio.sleep(0)
            with suppress(ValueError), store.transaction():
                store.documents.insert(_HERE, "key", {})
                raise ValueError("no")
            return await waiting

        assert asyncio.run(scene()) is False
