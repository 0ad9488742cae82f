"""JSON documents by key: one per AWS resource, with the columns every List operation filters and sorts by."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

from sagewright.core.clock import Clock
from sagewright.store.changes import Changes
from sagewright.store.space import Space

OrderBy = Literal["key", "created", "modified", "status"]
Bounds = tuple[float | None, float | None]
"""After, before; exclusive."""


@dataclass(frozen=True, slots=True)
class Document:
    """One stored resource; created and modified are epoch seconds, revision counts its changes from 1."""

    space: Space
    key: str
    body: dict[str, Any]
    status: str
    created: float
    modified: float
    revision: int


class DuplicateKey(Exception):
    """The key is taken."""


class StaleDocument(Exception):
    """Somebody changed the document since it was read."""


_COLUMNS = "kind, account, region, parent, key, status, created, modified, revision, body"
_IN_SPACE = "kind = ? AND account = ? AND region = ? AND parent = ?"


def _document(row: tuple[Any, ...]) -> Document:
    return Document(Space(*row[:4]), row[4], json.loads(row[9]), row[5], row[6], row[7], row[8])


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _past_prefix(prefix: str) -> str:
    """The smallest text after all that begins with prefix; empty where there is none.

    The database compares UTF-8 bytes, so code points do.
    """
    head = prefix.rstrip("\U0010ffff")
    if not head:
        return ""
    last = ord(head[-1]) + 1
    return head[:-1] + chr(0xE000 if last == 0xD800 else last)  # surrogates have no UTF-8


def _conditions(space: Space, prefix: str, after: str) -> tuple[list[str], list[Any]]:
    """Of a space's keys with a prefix, and greater than after."""
    where, values = [_IN_SPACE], list[Any](space)
    if after and after >= prefix:
        where.append("key > ?")  # the only lower bound: with two, the database may seek to the lesser one
        values.append(after)
    elif prefix:
        where.append("key >= ?")
        values.append(prefix)
    if past := _past_prefix(prefix):
        where.append("key < ?")
        values.append(past)
    return where, values


def _filters(contains: str, status: str, created: Bounds, modified: Bounds) -> tuple[list[str], list[Any]]:
    """Conditions on what is asked of documents besides their keys, and the values in them."""
    asked = [
        ("instr(lower(key), lower(?))", contains or None),
        ("status = ?", status or None),
        ("created > ?", created[0]),
        ("created < ?", created[1]),
        ("modified > ?", modified[0]),
        ("modified < ?", modified[1]),
    ]
    there = [(condition, value) for condition, value in asked if value is not None]
    return [condition for condition, _ in there], [value for _, value in there]


class Documents:
    """Get, insert, update, delete and list documents. Each change is a transaction of its own unless one is open."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._changes = changes
        self._clock = clock

    def get(self, space: Space, key: str) -> Document | None:
        sql = f"SELECT {_COLUMNS} FROM documents WHERE {_IN_SPACE} AND key = ?"  # noqa: S608
        row = self._connection.execute(sql, (*space, key)).fetchone()
        return _document(row) if row else None

    def insert(
        self, space: Space, key: str, body: dict[str, Any], *, status: str = "", created: float | None = None
    ) -> Document:
        """Raises DuplicateKey."""
        now = self._clock.now() if created is None else created
        document = Document(space, key, body, status, now, now, 1)
        try:
            with self._transaction():
                self._connection.execute(
                    f"INSERT INTO documents ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
                    (*space, key, status, now, now, 1, _dump(body)),
                )
                self._changes.note(space, key)
        except sqlite3.IntegrityError:
            raise DuplicateKey(key) from None
        return document

    def update(self, document: Document, *, body: dict[str, Any] | None = None, status: str | None = None) -> Document:
        """The document with a new body or status. Raises StaleDocument when it changed since document was read."""
        changed = replace(
            document,
            body=document.body if body is None else body,
            status=document.status if status is None else status,
            modified=self._clock.now(),
            revision=document.revision + 1,
        )
        with self._transaction():
            cursor = self._connection.execute(
                f"UPDATE documents SET status = ?, modified = ?, revision = ?, body = ? "  # noqa: S608
                f"WHERE {_IN_SPACE} AND key = ? AND revision = ?",
                (
                    changed.status,
                    changed.modified,
                    changed.revision,
                    _dump(changed.body),
                    *document.space,
                    document.key,
                    document.revision,
                ),
            )
            if not cursor.rowcount:
                raise StaleDocument(document.key)
            self._changes.note(document.space, document.key)
        return changed

    def put(self, space: Space, key: str, body: dict[str, Any], *, status: str = "") -> Document:
        """Insert, or replace whatever is there."""
        with self._transaction():
            present = self.get(space, key)
            if present is None:
                return self.insert(space, key, body, status=status)
            return self.update(present, body=body, status=status)

    def delete(self, space: Space, key: str) -> bool:
        """Whether there was such a document."""
        with self._transaction():
            cursor = self._connection.execute(f"DELETE FROM documents WHERE {_IN_SPACE} AND key = ?", (*space, key))  # noqa: S608
            self._changes.note(space, key)
        return cursor.rowcount > 0

    def find(
        self,
        space: Space,
        *,
        prefix: str = "",
        after: str = "",
        contains: str = "",
        status: str = "",
        created: Bounds = (None, None),
        modified: Bounds = (None, None),
        order: OrderBy = "key",
        descending: bool = False,
        past: tuple[float | str, str] | None = None,
        part: str = "",
        limit: int = 1000,
        offset: int = 0,
    ) -> list[Document]:
        """Documents of a space, in order; those that are equal in it by key.

        after: keys greater than this one only. contains: part of the key, whatever its case.
        created, modified: exclusive bounds (after, before) in epoch seconds.
        past: only what comes later in the order than this (value of the order's column, key), to go on from a page.
        part: of each body, only this member is read.
        """
        where, values = _conditions(space, prefix, after)
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        if past is not None:
            where.append(f"key {beyond} ?" if order == "key" else f"({order}, key) {beyond} (?, ?)")
            values += past[1:] if order == "key" else past
        filters, wanted = _filters(contains, status, created, modified)
        by = f"key {way}" if order == "key" else f"{order} {way}, key {way}"
        body = f"json_object('{part}', json_extract(body, '$.{part}'))" if part else "body"
        sql = f"SELECT {body}, key, status, created, modified, revision FROM documents WHERE"  # noqa: S608
        conditions = " AND ".join([*where, *filters])
        values += wanted
        if order == "key" and (prefix or after or not filters):
            sql += f" {conditions} ORDER BY {by} LIMIT ? OFFSET ?"
        else:  # the index has all that is asked: bodies are read of what is found only, each by its key
            found = f"SELECT key FROM documents INDEXED BY documents_listed WHERE {conditions} ORDER BY {by}"  # noqa: S608
            sql += f" {_IN_SPACE} AND key IN ({found} LIMIT ? OFFSET ?) ORDER BY +{by}"
            values = [*space, *values]
        rows = self._connection.execute(sql, (*values, limit, offset)).fetchall()
        bodies = json.loads(f"[{','.join([row[0] for row in rows])}]")  # far faster than one at a time
        return [Document(space, key, body, *rest) for body, (_, key, *rest) in zip(bodies, rows, strict=True)]

    def count(self, space: Space) -> int:
        """How many documents a space holds."""
        row = self._connection.execute(f"SELECT count(*) FROM documents WHERE {_IN_SPACE}", space).fetchone()  # noqa: S608
        return int(row[0])

    def with_status(self, kind: str, statuses: Sequence[str]) -> list[Document]:
        """Documents of a kind in any of the statuses, over all accounts and regions."""
        marks = ",".join("?" * len(statuses))
        sql = f"SELECT {_COLUMNS} FROM documents WHERE kind = ? AND status IN ({marks})"  # noqa: S608
        return [_document(row) for row in self._connection.execute(sql, (kind, *statuses))]
