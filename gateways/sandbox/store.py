"""The state: JSON documents in memory, and in an SQLite file when a restart must remember them."""

import json
import sqlite3
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """Documents by kind and key.

    Reads and writes are plain dictionary work. `save` writes what changed in one transaction; it is called before an
    answer leaves, so that whatever a client was told survives the end of the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._tables: dict[str, dict[str, Document]] = {}
        # A dictionary, not a set: documents are written, and read back, in the order in which they were made.
        self._dirty: dict[tuple[str, str], None] = {}
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            self._connection = sqlite3.connect(path, isolation_level=None)
            # A killed process loses nothing this way; only a crash of the machine could, which a sandbox may.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS documents "
                "(kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
            )
            rows = self._connection.execute("SELECT kind, key, body FROM documents ORDER BY rowid")
            for kind, key, body in rows:
                self._tables.setdefault(kind, {})[key] = json.loads(body)

    def all(self, kind: str) -> dict[str, Document]:
        """Return the documents of one kind by key, in the order in which they were made. Do not change the mapping."""
        return self._tables.setdefault(kind, {})

    def get(self, kind: str, key: str) -> Document | None:
        """Return one document, or None. After changing it, `put` it back."""
        return self._tables.get(kind, {}).get(key)

    def put(self, kind: str, key: str, document: Document) -> None:
        """Keep a document and remember that it must be saved."""
        self._tables.setdefault(kind, {})[key] = document
        if self._connection is not None:
            self._dirty[(kind, key)] = None

    def remove(self, kind: str, key: str) -> None:
        """Forget a document, if it is there."""
        if self._tables.get(kind, {}).pop(key, None) is not None and self._connection is not None:
            self._dirty[(kind, key)] = None

    def clear(self, *, keep: frozenset[str]) -> None:
        """Forget every document whose kind is not in `keep`."""
        for kind in [kind for kind in self._tables if kind not in keep]:
            for key in list(self._tables[kind]):
                self.remove(kind, key)

    def save(self) -> None:
        """Write what changed since the last time."""
        if self._connection is None or not self._dirty:
            return
        self._connection.execute("BEGIN")
        for kind, key in self._dirty:
            document = self.get(kind, key)
            if document is None:
                self._connection.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))
            else:
                self._connection.execute(
                    "INSERT INTO documents (kind, key, body) VALUES (?, ?, ?) "
                    "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                    (kind, key, json.dumps(document, separators=(",", ":"))),
                )
        self._connection.execute("COMMIT")
        self._dirty.clear()

    def close(self) -> None:
        """Save and let go of the file."""
        self.save()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
