"""The database's schema, one script a version; a script that has shipped is never edited."""

from __future__ import annotations

import sqlite3

SCRIPTS = [
    """
    CREATE TABLE documents (
        kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, parent TEXT NOT NULL, key TEXT NOT NULL,
        status TEXT NOT NULL, created REAL NOT NULL, modified REAL NOT NULL, revision INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, account, region, parent, key)
    ) WITHOUT ROWID;
    CREATE INDEX documents_status ON documents (kind, status);
    CREATE INDEX documents_created ON documents (kind, account, region, parent, created, key);
    CREATE INDEX documents_modified ON documents (kind, account, region, parent, modified, key);
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, parent TEXT NOT NULL,
        at REAL NOT NULL, body TEXT NOT NULL
    );
    CREATE INDEX entries_at ON entries (kind, account, region, parent, at, id);
    """,
    # all that lists filter and sort by, so that they read no body but those of their page
    """
    DROP INDEX documents_created;
    DROP INDEX documents_modified;
    CREATE INDEX documents_listed ON documents
        (kind, account, region, parent, created, key, status, modified);
    """,
]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises RuntimeError on a database of a newer Sagewright."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(SCRIPTS):
        raise RuntimeError(f"the data folder was written by a newer Sagewright (schema {version})")
    for number, script in enumerate(SCRIPTS[version:], start=version + 1):
        connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
