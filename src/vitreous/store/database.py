"""The catalogue of a project: one SQLite file, opened by one writer and any number of readers."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.store.faults import explained
from vitreous.store.file_systems import file_system, is_network
from vitreous.store.migration import APPLICATION_ID, latest_version, migrate, version_of

NAME = "project.db"
"""Name of the catalogue in the project's folder."""

WRITER_CACHE, READER_CACHE, SORTER_CACHE = 128, 16, 128
"""MiB of the file that a connection keeps; a sort of 100,000 exposures reads all of their table, some 100 MiB."""

BUSY_SECONDS = 10.0
"""s that a statement waits for another process's lock."""


class Database:
    """An open catalogue.

    Attributes:
        folder: of the project.
        connection: rows are ``sqlite3.Row``; statements outside ``transaction`` commit by themselves. May be used from
            several threads; they share one transaction, so threads that only read for long open their own database.
        read_only: whether writing is refused.
        note: what people should know of how it was opened.
        kept: results of queries that hold until the data change.
    """

    __slots__ = ("_guard", "_levels", "connection", "folder", "kept", "note", "read_only")

    def __init__(self, folder: Path, connection: sqlite3.Connection, read_only: bool, note: str | None = None) -> None:
        self.folder = folder
        self.connection = connection
        self.read_only = read_only
        self.note = note
        self.kept: dict[Any, Any] = {}
        self._guard = threading.RLock()
        self._levels = 0

    @property
    def path(self) -> Path:
        """The file of the catalogue."""
        return self.folder / NAME

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: commit at the end, roll back on an error.

        Inside another transaction of the same thread it joins that; a transaction of another thread is waited for.

        Raises:
            UsageError: the catalogue is open for reading only.
            ResourceError: the disk is full, or another process keeps its lock for too long.
        """
        if self.read_only:
            raise UsageError(
                f"{self.path} is open for reading only" + (f": {self.note}" if self.note else ""),
                hint="Open the project for writing to change it",
                path=str(self.path),
            )
        with self._guard:
            if self._levels:
                yield self.connection
                return
            with explained(self.path):
                self.connection.execute("BEGIN IMMEDIATE")
                self._levels = 1
                try:
                    yield self.connection
                    self.connection.execute("COMMIT")
                except BaseException:
                    # A full disk may have ended the transaction already, and a second failure must not hide the first.
                    with suppress(sqlite3.Error):
                        if self.connection.in_transaction:
                            self.connection.execute("ROLLBACK")
                    raise
                finally:
                    self._levels = 0

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self.connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def create_database(folder: Path, meta: Mapping[str, str]) -> Database:
    """Make the catalogue of a new project and open it for writing.

    Args:
        folder: of the project; made where missing.
        meta: facts of the project (mode, title …); the version and the time are added.

    Raises:
        UsageError: the folder holds a project already, or can't be written.
    """
    path = folder / NAME
    if path.exists():
        raise UsageError(f"{folder} holds a project already", hint="Open it, or choose another folder", path=str(path))
    # Made aside and renamed when whole: who is killed meanwhile leaves no half project behind.
    aside = folder / f".{NAME}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        with explained(aside), closing(_connect(f"{aside.absolute().as_uri()}?mode=rwc")) as connection:
            migrate(connection)
            facts = {"readable_from": "1", "vitreous": __version__, "created": f"{time.time():.3f}", **meta}
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())
        _publish(aside, path)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    return open_database(folder, write=True)


def open_database(folder: Path, *, write: bool) -> Database:
    """Open the catalogue of a project, after bringing it to this program's version.

    For writing, an older catalogue is copied to ``project.db.vN.bak`` and migrated; for reading, a copy of it in memory
    is. One of a newer program is opened for reading where that program says that this one can read it.

    Raises:
        UsageError: there is no project, it may not be read or written, or it may be written by a newer program only.
        DataError: the file is damaged or is no catalogue, or only a newer program can read it.
        ResourceError: the disk is full.
    """
    path = folder / NAME
    _check_there(folder, path)
    with explained(path):
        version = _check_version(path, write)
        if write:
            return _open_writer(folder, path, version)
        return _open_reader(folder, path, version)


def read_meta(database: Database) -> dict[str, str]:
    """The facts of the project, by name."""
    return dict(database.connection.execute("SELECT name, value FROM meta ORDER BY name").fetchall())


def write_meta(database: Database, facts: Mapping[str, str]) -> None:
    """Set facts of the project."""
    with database.transaction() as connection:
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", facts.items())


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _tune(connection: sqlite3.Connection, cache: int) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    set_cache(connection, cache)


def set_cache(connection: sqlite3.Connection, mebibytes: int) -> None:
    """Let a connection keep so much of the file in memory (MiB) before it reads it again."""
    connection.execute(f"PRAGMA cache_size = -{mebibytes * 1024}")


def _check_there(folder: Path, path: Path) -> None:
    try:
        there = path.is_file()
        if there:
            with open(path, "rb"):
                return
    except PermissionError as error:
        raise UsageError(
            f"{path}: you may not read it", hint="Ask the owner of the project for permission", path=str(path)
        ) from error
    except OSError as error:
        raise ResourceError(
            f"{path}: can't be read ({error.strerror})", hint="Check the disk and the network mount", path=str(path)
        ) from error
    raise UsageError(
        f"{folder} is not a project: there is no {NAME} in it" if folder.is_dir() else f"there is no folder {folder}",
        hint="Give the folder of a project, or make one with vitreous new",
        path=str(path),
    )


def _check_version(path: Path, write: bool) -> int:
    """Version of the catalogue; raises where this program may not open it that way."""
    with closing(_reading(path)[0]) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DataError(
                f"{path} is a database, but not a catalogue of Vitreous",
                hint="Give the folder of a project, or make one with vitreous new",
                path=str(path),
            )
        version, ours = version_of(connection), latest_version()
        if version <= ours:
            return version
        facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    maker = facts.get("vitreous", "a newer version")
    context = {"path": str(path), "version": version, "known": ours}
    if not _readable(facts):
        raise DataError(
            f"{path} was written by Vitreous {maker}; this is Vitreous {__version__}, which can't read it",
            hint=f"Install Vitreous {maker} or newer",
            **context,
        )
    if write:
        raise UsageError(
            f"{path} was written by Vitreous {maker}; this is Vitreous {__version__}, which can only read it",
            hint=f"Install Vitreous {maker} or newer to change the project",
            **context,
        )
    return version


def _readable(facts: Mapping[str, str]) -> bool:
    try:
        return int(facts["readable_from"]) <= latest_version()
    except (KeyError, ValueError):
        return False


def _open_writer(folder: Path, path: Path, version: int) -> Database:
    if not (os.access(path, os.W_OK) and os.access(folder, os.W_OK)):
        raise UsageError(
            f"{folder}: you may not write here",
            hint="Open the project for reading, or ask its owner for permission",
            path=str(path),
        )
    notes = []
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        kind = file_system(folder)
        network = is_network(kind)
        connection.execute(f"PRAGMA journal_mode = {'DELETE' if network else 'WAL'}")
        connection.execute("PRAGMA synchronous = FULL")
        _tune(connection, WRITER_CACHE)
        if network:
            notes.append(f"the project lies on a network file system ({kind}): each commit waits for the server")
        if version < latest_version():
            backup = _back_up(connection, folder / f"{NAME}.v{version}.bak")
            migrate(connection)
            connection.execute("UPDATE meta SET value = ? WHERE name = 'vitreous'", (__version__,))
            notes.append(f"the catalogue was brought from version {version} to {latest_version()}; before: {backup}")
    except BaseException:
        connection.close()
        raise
    return Database(folder, connection, read_only=False, note="; ".join(notes) or None)


def _open_reader(folder: Path, path: Path, version: int) -> Database:
    connection, note = _reading(path)
    notes = [note] if note else []
    try:
        if version < latest_version():
            connection = _in_memory(connection)
            migrate(connection)
            notes.append(f"a copy in memory was brought from version {version} to {latest_version()}; the file was not")
        elif version > latest_version():
            notes.append("the project was written by a newer Vitreous, and is open for reading only")
        _tune(connection, READER_CACHE)
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return Database(folder, connection, read_only=True, note="; ".join(notes) or None)


def _reading(path: Path) -> tuple[sqlite3.Connection, str | None]:
    """A connection that only reads, and a note where it is a copy.

    A write-ahead log needs files beside the catalogue; where they are missing and the folder can't be written, no
    process writes here just now, and the file is read as it stands, into memory.
    """
    uri = path.absolute().as_uri()
    connection = _connect(f"{uri}?mode=ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection, None
    except sqlite3.OperationalError as error:
        connection.close()
        name = error.sqlite_errorname
        if not name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) or os.access(path.parent, os.W_OK):
            raise
        return _in_memory(_connect(f"{uri}?mode=ro&immutable=1")), "a copy as of now: the folder can't be written"
    except BaseException:
        connection.close()
        raise


def _in_memory(source: sqlite3.Connection) -> sqlite3.Connection:
    copy = _connect("file::memory:")
    with closing(source):
        source.backup(copy)
    return copy


def _back_up(connection: sqlite3.Connection, target: Path) -> str:
    """Copy the catalogue beside itself, whole or not at all; returns the file's name."""
    aside = target.with_suffix(".tmp")
    aside.unlink(missing_ok=True)
    with closing(_connect(f"{aside.absolute().as_uri()}?mode=rwc")) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    os.replace(aside, target)
    sync_folder(target.parent)
    return target.name


def _publish(aside: Path, path: Path) -> None:
    """Give the finished file its name, unless another process was first."""
    try:
        os.link(aside, path)
    except FileExistsError as error:
        raise UsageError(
            f"{path.parent} holds a project already", hint="Open it, or choose another folder", path=str(path)
        ) from error
    except OSError:  # a file system without links
        os.rename(aside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{folder} can't be written ({error.strerror})", hint="Choose a folder where you may write", path=str(folder)
    )
