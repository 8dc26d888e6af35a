"""SQLite's errors in words for people."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitreous.core.errors import DataError, ResourceError, UsageError, VitreousError

_FULL = ("database or disk is full", "No space left")


def explain(error: sqlite3.Error, path: Path) -> VitreousError | None:
    """The error for people behind an error of SQLite, or ``None`` where it is a fault of the program."""
    name = getattr(error, "sqlite_errorname", None) or ""
    text = str(error)
    context = {"path": str(path), "sqlite": name or text}
    if name.startswith("SQLITE_FULL") or any(part in text for part in _FULL):
        return ResourceError(
            f"{path}: the disk is full", hint="Free space on this disk; nothing that was committed is lost", **context
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DataError(
            f"{path}: not a catalogue of Vitreous, or a damaged one ({text})",
            hint="Restore project.db from a copy (project.db.v*.bak, or your backup)",
            **context,
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return ResourceError(
            f"{path}: another process is writing to the catalogue ({text})",
            hint="Wait for it to finish, or see who holds the project with vitreous info",
            **context,
        )
    if name.startswith("SQLITE_READONLY"):
        return UsageError(
            f"{path}: the catalogue can't be written ({text})",
            hint="Ask its owner for write permission on the folder and on project.db",
            **context,
        )
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return UsageError(
            f"{path}: the catalogue can't be opened ({text})",
            hint="Check that you may read the folder and project.db in it",
            **context,
        )
    if name.startswith("SQLITE_IOERR"):
        return ResourceError(
            f"{path}: the disk failed to read or write ({text})",
            hint="Check the disk, its quota and the network mount; then start again",
            **context,
        )
    return None


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about ``path`` that people can mend into ``VitreousError``."""
    try:
        yield
    except sqlite3.Error as error:
        found = explain(error, path)
        if found is None:
            raise
        raise found from error
