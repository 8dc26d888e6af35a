"""Big tables on disk: immutable Parquet files, published whole and listed in the catalogue."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.store.database import Database, sync_folder

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "tables"
"""Folder of all tables in the project's folder."""

ROW_GROUP = 16_384
"""Rows that are compressed together: a page of scattered rows reads this many for each; measured 5 times faster than
with 100,000 at the same size on disk and the same time for whole columns."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Fragment:
    """One file of a table, as the catalogue lists it.

    Attributes:
        id: in the catalogue.
        table: name of the table.
        path: relative to the project folder.
        rows, bytes: in the file.
        job, item, identity: of the result that it belongs to; ``None`` where it is of several.
    """

    id: int
    table: str
    path: str
    rows: int
    bytes: int
    job: int | None
    item: int | None
    identity: str | None


def write_fragment(folder: Path, table: str, arrow_table: pa.Table, name: str) -> dict[str, Any]:
    """Write one file of a table: it appears under its name whole and on the disk, or not at all.

    NaN is stored as unknown. A file of the same name is replaced, as when a task that was not committed runs again.

    Args:
        folder: of the project.
        table: such as ``particles``.
        arrow_table: the rows; a column ``id`` (INT64) of numbers unique in the table makes pages fast.
        name: of the file, without folder and suffix; unique in the table.

    Returns:
        ``{table, path, rows, bytes}`` for ``register``.

    Raises:
        UsageError: table or name can't be parts of a path, or columns have no or equal names.
        ResourceError: the disk is full or can't be written.
    """
    import pyarrow.parquet as parquet

    for part in (table, name):
        if not _NAME.fullmatch(part):
            raise UsageError(f"{part!r} can't be part of a path", hint="Use letters, digits, . _ and -", name=part)
    if len(set(arrow_table.column_names)) < len(arrow_table.column_names) or "" in arrow_table.column_names:
        raise UsageError(f"table {table}: two columns have one name, or one has none", hint="Name each column once")
    path = folder / FOLDER / table / f"{name}.parquet"
    with published(path) as aside:
        parquet.write_table(
            _without_nan(arrow_table),
            aside,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP,
            use_dictionary=[field.name for field in arrow_table.schema if _is_text(field.type)],
        )
    return {
        "table": table,
        "path": path.relative_to(folder).as_posix(),
        "rows": arrow_table.num_rows,
        "bytes": path.stat().st_size,
    }


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; at the end the file is flushed to disk and gets its name.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise ResourceError(
            f"{path}: can't be written ({error.strerror or error})",
            hint="Free space on this disk, or check your permission and quota; the work can then be retried",
            path=str(path),
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def register(
    db: Database,
    fragment: Mapping[str, Any],
    job: int | None = None,
    item: int | None = None,
    identity: str | None = None,
) -> int:
    """List a written file in the catalogue, from when on it exists; returns its id.

    A file that is listed already keeps its place and belongs to the result given last.
    """
    values = (fragment["table"], fragment["path"], fragment["rows"], fragment["bytes"], job, item, identity)
    with db.transaction() as connection:
        row = connection.execute(
            "INSERT INTO fragment (table_name, path, rows, bytes, job, item, identity, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET rows = excluded.rows,"
            " bytes = excluded.bytes, job = excluded.job, item = excluded.item, identity = excluded.identity"
            " RETURNING id",
            (*values, time.time()),
        ).fetchone()
    return int(row[0])


def unregister(db: Database, ids: Iterable[int]) -> int:
    """Take files off the list: their rows exist no more; ``sweep`` deletes the files. Returns how many were listed."""
    with db.transaction() as connection:
        return connection.executemany("DELETE FROM fragment WHERE id = ?", [(number,) for number in ids]).rowcount


def list_fragments(db: Database, table: str | None = None, jobs: Iterable[int] | None = None) -> list[Fragment]:
    """The files that count now, in the order of their registration: of one table or all, of some jobs or all.

    Files of results that have been superseded are left out. A result that several jobs share counts once, unless jobs
    are named.
    """
    rows = db.connection.execute(_CURRENT, {"table": table})
    wanted = None if jobs is None else set(jobs)
    found: dict[tuple[int, int | None], Fragment] = {}
    for row in rows:
        fragment = Fragment(*row)
        if wanted is None:
            found.setdefault((fragment.id, None), fragment)
        elif fragment.job in wanted:
            found.setdefault((fragment.id, fragment.job), fragment)
    return list(found.values())


def rows_of_set(db: Database, job: int) -> dict[str, int]:
    """Rows that the newest result of a job on a set has given to each table."""
    text = """SELECT f.table_name, sum(f.rows) FROM fragment f JOIN set_run s ON s.identity = f.identity
        WHERE s.job = ? AND f.item = 0 GROUP BY f.table_name ORDER BY f.table_name"""
    return dict(db.connection.execute(text, (job,)).fetchall())


_FIELDS = "f.id, f.table_name, f.path, f.rows, f.bytes"
_CURRENT = f"""
SELECT {_FIELDS}, f.job, f.item, f.identity FROM fragment f
    WHERE f.table_name = coalesce(:table, f.table_name) AND f.identity IS NULL
UNION ALL
SELECT {_FIELDS}, t.job, f.item, f.identity FROM fragment f
    JOIN task t ON t.item = f.item AND t.identity = f.identity AND t.state = 'done'
    WHERE f.table_name = coalesce(:table, f.table_name) AND f.item > 0
UNION ALL
SELECT {_FIELDS}, s.job, f.item, f.identity FROM fragment f JOIN set_run s ON s.identity = f.identity
    WHERE f.table_name = coalesce(:table, f.table_name) AND f.item = 0
ORDER BY 1, 6
"""


def sweep(db: Database, older_than: float = 3600.0) -> list[Path]:
    """Delete files of tables that the catalogue does not list: left by killed processes, or taken off the list.

    Args:
        older_than: s since the last change; younger ones may be waiting for their registration or being read.

    Returns:
        What was deleted.
    """
    listed = {row[0] for row in db.connection.execute("SELECT path FROM fragment")}
    limit = time.time() - older_than
    deleted = []
    for path in sorted((db.folder / FOLDER).glob("*/*")):
        name = path.relative_to(db.folder).as_posix()
        if name in listed or not (name.endswith((".parquet", ".tmp")) and path.is_file()):
            continue
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            deleted.append(path)
    return deleted


def check_files(folder: Path, fragments: Iterable[Fragment]) -> None:
    """Raise ``DataError`` where a listed file is missing or has another size than it was registered with."""
    for fragment in fragments:
        path = folder / fragment.path
        try:
            size = path.stat().st_size
        except OSError as error:
            raise DataError(
                f"{path}: part of table {fragment.table} is missing",
                hint=f"Restore it from a copy, or run job {fragment.job} again",
                path=str(path),
                job=fragment.job,
            ) from error
        if size != fragment.bytes:
            raise DataError(
                f"{path}: part of table {fragment.table} has {size} bytes, and was written with {fragment.bytes}",
                hint=f"Restore it from a copy, or run job {fragment.job} again",
                path=str(path),
                job=fragment.job,
            )


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _without_nan(table: pa.Table) -> pa.Table:
    """The table with unknown values in place of NaN."""
    import pyarrow as pa
    import pyarrow.compute as compute

    for index, field in enumerate(table.schema):
        if pa.types.is_floating(field.type) and field.type.bit_width >= 32:
            column = table.column(index)
            nan = compute.is_nan(column)
            if compute.any(nan).as_py():
                cleaned = compute.if_else(nan, pa.scalar(None, field.type), column)
                table = table.set_column(index, field.name, cleaned)
    return table
