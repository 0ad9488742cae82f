"""Append-only rows in time order: log events, metric data, a resource's history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

from sagewright.store.space import Space


class Entry(NamedTuple):
    """id grows with each append over the whole store; at is epoch seconds."""

    id: int
    at: float
    body: str


_IN_SPACE = "kind = ? AND account = ? AND region = ? AND parent = ?"


class Entries:
    """Append, read and trim entries of a Space."""

    def __init__(self, connection: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._connection = connection
        self._transaction = transaction

    def append(self, space: Space, rows: Iterable[tuple[float, str]]) -> None:
        """rows: (at, body) pairs."""
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO entries (kind, account, region, parent, at, body) VALUES (?,?,?,?,?,?)",
                ((*space, at, body) for at, body in rows),
            )

    def read(
        self,
        space: Space,
        *,
        start: float | None = None,
        end: float | None = None,
        after: tuple[float, int] | None = None,
        before: tuple[float, int] | None = None,
        descending: bool = False,
        limit: int = 10_000,
    ) -> list[Entry]:
        """Entries by (at, id).

        start: at >= start. end: at < end. after, before: strictly past that (at, id) position.
        """
        where, values = [_IN_SPACE], list[object](space)
        for condition, value in (("at >= ?", start), ("at < ?", end)):
            if value is not None:
                where.append(condition)
                values.append(value)
        for operator, position in ((">", after), ("<", before)):
            if position is not None:
                where.append(f"(at, id) {operator} (?, ?)")
                values += position
        way = "DESC" if descending else "ASC"
        sql = f"SELECT id, at, body FROM entries WHERE {' AND '.join(where)} ORDER BY at {way}, id {way} LIMIT ?"  # noqa: S608
        return [Entry(*row) for row in self._connection.execute(sql, (*values, limit))]

    def delete(self, space: Space, *, before: float | None = None, limit: int = -1) -> int:
        """Remove a space's entries, or those with at < before, no more than limit of them (the first by (at, id); -1:
        all); how many went."""
        values: tuple[object, ...] = tuple(space) if before is None else (*space, before)
        extra = "" if before is None else " AND at < ?"
        where = f"{_IN_SPACE}{extra}"
        if limit >= 0:
            where = f"id IN (SELECT id FROM entries WHERE {where} ORDER BY at, id LIMIT ?)"  # noqa: S608
            values = (*values, limit)
        with self._transaction():
            return self._connection.execute(f"DELETE FROM entries WHERE {where}", values).rowcount  # noqa: S608
