"""The file of users, sessions and tokens: only its owner may read it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vitreous.core.errors import ResourceError, UsageError
from vitreous.project.faults import state_folder

VERSION = 1
BUSY_SECONDS = 10.0
"""s that a statement waits for another process."""
KEPT_LINES = 1000
"""Lines of the log that are kept."""

_SCHEMA = """
CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE, password TEXT NOT NULL,
    role TEXT, disabled INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL
) STRICT;
CREATE TABLE grant_in (
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE, folder TEXT NOT NULL, role TEXT NOT NULL,
    PRIMARY KEY (user, folder)
) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE,
    user INTEGER REFERENCES user (id) ON DELETE CASCADE,
    created REAL NOT NULL, seen REAL NOT NULL, address TEXT, agent TEXT
) STRICT;
CREATE INDEX session_user ON session (user, address);
CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE,
    user INTEGER REFERENCES user (id) ON DELETE CASCADE,
    name TEXT NOT NULL, role TEXT NOT NULL, folder TEXT, created REAL NOT NULL, expires REAL, used REAL
) STRICT;
CREATE INDEX token_user ON token (user);
CREATE TABLE link (hash BLOB PRIMARY KEY, expires REAL NOT NULL) STRICT;
CREATE TABLE log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,
    message TEXT NOT NULL, address TEXT
) STRICT;
"""


def accounts_path() -> Path:
    """Where users are kept unless told otherwise."""
    return state_folder() / "server" / "accounts.db"


class Database:
    """The open file, used by all threads of the server; other processes (``vitreous users``) may change it too."""

    def __init__(self, path: Path | None) -> None:
        """Open it, and make it where it is not there.

        Args:
            path: of the file; ``None`` keeps all in memory.

        Raises:
            UsageError: it is somebody else's, or of a newer version.
            ResourceError: it can't be opened.
        """
        self.path = path
        self._lock = threading.RLock()
        with self._told():
            if path is not None:
                _private(path)
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=BUSY_SECONDS,
                check_same_thread=False,
                isolation_level=None,
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._prepare()

    def _prepare(self) -> None:
        with self.change() as rows:
            version = int(rows.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                raise UsageError(
                    f"{self.path} was written by a newer Vitreous (its version is {version}, ours {VERSION})",
                    hint="Install the newer version",
                    path=str(self.path),
                )
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    rows.execute(statement)
                rows.execute(f"PRAGMA user_version = {VERSION}")

    def ask(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a question."""
        with self._told(), self._lock:
            return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a question."""
        with self._told(), self._lock:
            found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
            return found

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: commit at the end, roll back on an error."""
        with self._told(), self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise ResourceError(
                f"the file of users {self.path} can't be used: {error}",
                hint="Check that it is yours, that the disk is not full, and that no other program holds it",
                path=str(self.path),
            ) from error


def _private(path: Path) -> None:
    """Make the file so that nobody else may read it, and take such rights away where they were given."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    found = path.stat()
    if found.st_uid != os.getuid():
        raise UsageError(
            f"{path} belongs to somebody else (user {found.st_uid})",
            hint="Set XDG_STATE_HOME to a folder of your own",
            path=str(path),
        )
    if found.st_mode & 0o077:
        path.chmod(0o600)


def write_line(
    rows: sqlite3.Connection, time: float, kind: str, who: str, message: str, address: str | None = None
) -> None:
    """Add a line to the server's log, and forget the oldest."""
    rows.execute(
        "INSERT INTO log (time, kind, who, message, address) VALUES (?, ?, ?, ?, ?)",
        (time, kind, who[:80], message[:400], address),
    )
    rows.execute("DELETE FROM log WHERE id <= (SELECT max(id) FROM log) - ?", (KEPT_LINES,))
