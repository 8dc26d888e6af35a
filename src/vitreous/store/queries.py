"""People's questions in SQL: documented views of the catalogue and of the big tables, for reading only.

Views: ``exposures`` (one row per exposure with every column, its group's name and its tags), ``jobs``, ``tasks``,
``events``, and the big tables such as ``picks``, ``particles``, ``particles2d`` and ``particle_set`` (the particles
that a job has chosen), each with the column ``job``. ``micrograph`` is the exposure's name; ``uid`` names a particle
in all of them.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitreous.core.errors import UsageError, VitreousError
from vitreous.core.words import near_names
from vitreous.store.columns import exposure_columns
from vitreous.store.database import Database, open_database
from vitreous.store.faults import explain
from vitreous.store.fragments import FOLDER, check_files, list_fragments
from vitreous.store.tables import add_view, connect, table_faults

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

VIEWS = ("exposures", "jobs", "tasks", "events")

BIG_TABLES = ("picks", "particles", "particles2d", "particle_set")
"""Tables of fragments that are known by name even where a project has none yet."""


@dataclass(frozen=True)
class Table:
    """The answer to a query: names of its columns, rows in their order."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Example:
    """A documented query.

    Attributes:
        name, title: for people.
        text: SQL; ``$name`` stands for a value.
        parameters: name → a value that may serve as an example.
    """

    name: str
    title: str
    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


EXAMPLES = (
    Example(
        "files-in-group",
        "Image files in a group",
        "SELECT name, path, source_path FROM exposures WHERE group_name = $group ORDER BY name",
        {"group": "Imported"},
    ),
    Example(
        "positions",
        "Particle positions (px, unbinned) with the file names of their images",
        "SELECT p.uid, e.name, e.path, p.coordinate_x, p.coordinate_y\n"
        "FROM particles p JOIN exposures e ON e.name = p.micrograph WHERE p.job = $job ORDER BY p.uid",
        {"job": 1},
    ),
    Example(
        "positions-in-set",
        "Positions in a particle set (a refinement package)",
        "SELECT p.uid, p.micrograph, p.coordinate_x, p.coordinate_y\n"
        "FROM particle_set s JOIN particles p ON p.uid = s.uid WHERE s.job = $job ORDER BY p.uid",
        {"job": 1},
    ),
    Example(
        "intersection",
        "Particles that are in both of two sets",
        "SELECT uid FROM particle_set WHERE job = $first\n"
        "INTERSECT SELECT uid FROM particle_set WHERE job = $second ORDER BY uid",
        {"first": 1, "second": 2},
    ),
    Example(
        "ctf",
        "Defocus (Å), angle and phase shift in degrees and radians",
        "SELECT name, defocus_u, defocus_v, astigmatism_angle, phase_shift AS phase_shift_deg,\n"
        "  phase_shift * 0.017453292519943295 AS phase_shift_rad\n"
        "FROM exposures WHERE defocus_u IS NOT NULL ORDER BY name",
    ),
)
"""Queries to start from."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def sql(
    folder: Path,
    text: str,
    parameters: Mapping[str, Any] | None = None,
    limit: int | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
    seconds: float | None = None,
) -> Table:
    """Ask the project one question in SQL. A query that names a big table is answered by DuckDB, others by SQLite.

    Args:
        folder: of the project.
        text: one SELECT statement.
        parameters: values of ``$name`` in it.
        limit: rows at most; all unless given.
        memory_limit, threads: of DuckDB.
        seconds: after which it is given up; never unless given.

    Raises:
        UsageError: the query is wrong, would write, or takes too long.
    """
    with open_database(folder, write=False) as db:
        words = {word.lower() for word in _WORD.findall(text)}
        fragments = list_fragments(db)
        tables = {fragment.table for fragment in fragments}
        named = {table for table in (*tables, *BIG_TABLES) if table.lower() in words}
        if not named:
            with _ended(db.connection, seconds):
                return _in_sqlite(db, text, parameters or {}, limit)
        missing = sorted(named - tables)
        if missing:
            raise UsageError(
                f"the project has no table {missing[0]} yet",
                hint="It comes with jobs such as picking",
                table=missing[0],
            )
        chosen = {table: [fragment for fragment in fragments if fragment.table == table] for table in named}
        with connect(memory_limit, threads) as connection:
            for table, parts in chosen.items():
                check_files(db.folder, parts)
                add_view(connection, db.folder, table, parts)
            for view in VIEWS:
                if view in words:
                    connection.register(view, view_as_arrow(db, view, words, everything="*" in text))
            with _ended(connection, seconds):
                files = [part.path for parts in chosen.values() for part in parts]
                return _in_duckdb(connection, db.folder, files, text, parameters or {}, limit)


@contextmanager
def _ended(connection: sqlite3.Connection | duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Give up a query after so many seconds."""
    if seconds is None:
        yield
        return
    over = threading.Event()

    def end() -> None:
        over.set()
        connection.interrupt()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    except VitreousError as error:
        if not over.is_set():
            raise
        hint = "Ask for less, or with the command vitreous sql, which waits"
        raise UsageError(f"the query takes longer than {seconds:g} s", hint=hint) from error
    finally:
        timer.cancel()


def view_as_arrow(db: Database, view: str, words: set[str], everything: bool) -> pa.Table:
    """A view of the catalogue as an Arrow table: its columns that are among ``words``, or all."""
    import pyarrow as pa

    kinds = {"REAL": pa.float64(), "INTEGER": pa.int64(), "BOOLEAN": pa.bool_(), "TEXT": pa.string()}
    known = exposure_columns(db, view)
    names = [name for name in known if everything or name.lower() in words] or list(known)[:1]
    cursor = db.connection.cursor()
    cursor.row_factory = None
    listed = ", ".join(f'"{name}"' for name in names)
    rows = cursor.execute(f"SELECT {listed} FROM {view}").fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    fields = {}
    for name, values in zip(names, columns, strict=True):
        kind = kinds.get(known[name]) or _computed(values)
        fields[name] = pa.array(
            [bool(v) if v is not None else None for v in values] if kind == pa.bool_() else values, kind
        )
    return pa.table(fields)


def _computed(values: Sequence[Any]) -> pa.DataType:
    """Type of a column that SQLite computes: that of its first known value."""
    import pyarrow as pa

    first = next((value for value in values if value is not None), "")
    return pa.int64() if isinstance(first, int) else pa.float64() if isinstance(first, float) else pa.string()


def _in_sqlite(db: Database, text: str, parameters: Mapping[str, Any], limit: int | None) -> Table:
    def allow(action: int, *details: str | None) -> int:
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    cursor = db.connection.cursor()
    cursor.row_factory = None
    db.connection.set_authorizer(allow)
    try:
        cursor.execute(text, dict(parameters))
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
    except sqlite3.Error as error:
        db.connection.set_authorizer(None)
        raise _refused(db, error) from error
    finally:
        db.connection.set_authorizer(None)
    if cursor.description is None:
        raise UsageError("the query gives no rows", hint="Queries begin with SELECT or WITH")
    return Table(tuple(column[0] for column in cursor.description), rows)


def _refused(db: Database, error: sqlite3.Error) -> VitreousError:
    text = str(error)
    if "not authorized" in text or "prohibited" in text or "readonly" in text:
        return UsageError(
            "queries only read: this one would change the project or look outside it",
            hint="Change projects with the commands of Vitreous; queries begin with SELECT or WITH",
        )
    fault = explain(error, db.path)
    if fault is not None:
        return fault
    hint = f"The views are {', '.join(VIEWS)} and the big tables; see the documentation for examples"
    unknown = re.search(r"no such (column|table): (\S+)", text)
    if unknown:
        known = exposure_columns(db) if unknown[1] == "column" else (*VIEWS, *BIG_TABLES)
        hint = f"Did you mean {near_names(unknown[2].rpartition('.')[2], known)}?"
    return UsageError(f"the query is not understood: {text}", hint=hint)


def _in_duckdb(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    files: Sequence[str],
    text: str,
    parameters: Mapping[str, Any],
    limit: int | None,
) -> Table:
    import duckdb

    with table_faults("query"):
        statements = connection.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError(
            "queries only read: this is not one SELECT statement",
            hint="Change projects with the commands of Vitreous; queries begin with SELECT or WITH",
        )
    with table_faults("query"):
        # Parts of tables lie with the results of jobs too. No other file can be reached, and this can't be undone.
        connection.execute("SET allowed_directories = ?", [[str(folder.absolute() / FOLDER) + "/"]])
        connection.execute("SET allowed_paths = ?", [[str(folder.absolute() / file) for file in files]])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        cursor = connection.execute(statements[0], dict(parameters) or None)
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
        return Table(tuple(column[0] for column in cursor.description or ()), rows)
