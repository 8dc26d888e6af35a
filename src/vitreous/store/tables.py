"""Pages, counts and figures of big tables: DuckDB in memory over exactly the files that the catalogue lists."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, ResourceError, UsageError
from vitreous.core.words import near_names
from vitreous.store.database import Database
from vitreous.store.figures import (
    PERCENTILES,
    Histogram,
    Summary,
    check_edges,
    counts_between,
    even_counts,
    summary_of_texts,
)
from vitreous.store.fragments import (
    FOLDER,
    ROW_GROUP,
    Fragment,
    check_files,
    list_fragments,
    published,
    register,
    unregister,
)
from vitreous.store.library import Order, Page

if TYPE_CHECKING:
    import duckdb


class TableReader:
    """One big table as it stands in the catalogue now; a context manager. May be used from several threads.

    Attributes:
        name: of the table.
        columns: name → DuckDB type; ``job`` is the job that gave the row.
        fragments: the files.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, fragments: Sequence[Fragment]) -> None:
        self.name = name
        self.fragments = tuple(fragments)
        self._connection = connection
        self._counts: dict[Any, int] = {}
        self.columns = {row[0]: str(row[1]) for row in self._rows(f'DESCRIBE "{name}"')}

    def page(
        self,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        parameters: Sequence[Any] = (),
        order: Order = (),
        limit: int = 100,
        offset: int = 0,
    ) -> Page:
        """Rows; the meaning of the arguments is that of ``library.page``, with ``where`` in DuckDB's SQL.

        Where the table has a column ``id``, the ids of the page are found first and only their rows are read.
        """
        if limit < 0 or offset < 0:
            raise UsageError(f"a page of {limit} rows from row {offset} on", hint="Give numbers from 0 on")
        chosen = tuple(self.columns) if columns is None else tuple(columns)
        for name in (*chosen, *(name for name, _ in order)):
            self.check_column(name)
        names = ", ".join(f'"{name}"' for name in chosen)
        total = self.count(where, parameters)
        tail = f"FROM {self._source(where)}{self._by(order)} LIMIT {int(limit)} OFFSET {int(offset)}"
        if "id" not in self.columns:
            return Page(self._rows(f"SELECT {names} {tail}", parameters), chosen, total)
        ids = [row[0] for row in self._rows(f"SELECT id {tail}", parameters)]
        if not ids:
            return Page([], chosen, total)
        listed = ", ".join(str(int(number)) for number in ids)
        rows = self._rows(f'SELECT id, {names} FROM "{self.name}" WHERE id IN ({listed})')
        found = {row[0]: row[1:] for row in rows}
        return Page([found[number] for number in ids], chosen, total)

    def count(self, where: str | None = None, parameters: Sequence[Any] = ()) -> int:
        """Rows that the filter leaves."""
        if where is None:
            return sum(fragment.rows for fragment in self.fragments)
        key = (where, tuple(parameters))
        if key not in self._counts:
            self._counts[key] = int(self._rows(f"SELECT count(*) FROM {self._source(where)}", parameters)[0][0])
        return self._counts[key]

    def histogram(
        self,
        column: str,
        bins: int = 50,
        edges: Sequence[float] | None = None,
        where: str | None = None,
        parameters: Sequence[Any] = (),
    ) -> Histogram:
        """How often values fall between ``edges``, or into ``bins`` equal parts of their range."""
        self._check_number(column)
        check_edges(bins, edges)
        values = self._values(column, where, parameters)
        numbers = values.compressed()
        unknown = int(values.size - numbers.size)
        if edges is not None:
            return counts_between(numbers, edges, unknown)
        return even_counts(numbers, bins, unknown)

    def summary(self, column: str, where: str | None = None, parameters: Sequence[Any] = ()) -> Summary:
        """Figures of one column; percentiles of numbers are approximate (about 1 %)."""
        kind, source = self.check_column(column), self._source(where)
        name = f'"{column}"'
        if not is_number(kind):
            text = f"SELECT {name}::VARCHAR, count(*) FROM {source} GROUP BY 1"
            return summary_of_texts(self._rows(text, parameters))
        quantiles = ", ".join(str(percent / 100) for percent in PERCENTILES)
        query = (
            f"SELECT count({name}), count(*), min({name}), max({name}), avg({name}), stddev_pop({name}),"
            f" approx_quantile({name}::DOUBLE, [{quantiles}]) FROM {source}"
        )
        known, rows, *figures, points = self._rows(query, parameters)[0]
        if not known:
            return Summary(0, int(rows))
        low, high, mean, spread = (float(figure) for figure in figures)
        pairs = {percent: float(value) for percent, value in zip(PERCENTILES, points, strict=True)}
        return Summary(int(known), int(rows - known), low, high, mean, spread, pairs)

    def check_column(self, name: str) -> str:
        """DuckDB type of a column; ``UsageError`` where there is none, with similar names."""
        if name not in self.columns:
            raise UsageError(
                f"table {self.name} has no column {name!r}",
                hint=f"Did you mean {near_names(name, self.columns)}?",
                column=name,
            )
        return self.columns[name]

    def forget(self) -> None:
        """Forget the counts of filters that were asked for before."""
        self._counts.clear()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def __enter__(self) -> TableReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_number(self, column: str) -> None:
        if not is_number(self.check_column(column)):
            raise UsageError(
                f"column {column} of table {self.name} holds no numbers",
                hint="Histograms are of columns of numbers",
                column=column,
            )

    def _source(self, where: str | None) -> str:
        return f'"{self.name}"' + (f" WHERE {where}" if where else "")

    def _by(self, order: Order) -> str:
        parts = []
        for name, direction in order:
            if direction not in ("asc", "desc"):
                raise UsageError(f"no order {direction!r}", hint="Sort asc or desc", column=name)
            parts.append(f'"{name}" {direction} NULLS LAST')
        if "id" in self.columns and "id" not in (name for name, _ in order):
            parts.append("id")
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _rows(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with table_faults(self.name):
            rows: list[tuple[Any, ...]] = self._connection.cursor().execute(text, list(parameters)).fetchall()
        return rows

    def _values(self, column: str, where: str | None, parameters: Sequence[Any]) -> np.ma.MaskedArray[Any, Any]:
        """All values of a column: one pass over the files, where range and counts in SQL would need two."""
        with table_faults(self.name):
            text = f'SELECT "{column}" FROM {self._source(where)}'
            found = self._connection.cursor().execute(text, list(parameters)).fetchnumpy()
        return np.ma.masked_array(found[column])


def open_table(
    db: Database,
    table: str,
    jobs: Iterable[int] | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
) -> TableReader:
    """Open a big table as it stands now; rows that come later need a new reader.

    Args:
        table: such as ``particles``.
        jobs: rows of these jobs only.
        memory_limit: of DuckDB, such as ``2GB``; larger sorts go through the disk.
        threads: of DuckDB.

    Raises:
        UsageError: the project has no such table yet.
        DataError: a file of it is missing or damaged.
    """
    fragments = list_fragments(db, table, jobs)
    if not fragments:
        known = sorted({fragment.table for fragment in list_fragments(db)})
        raise UsageError(
            f"the project has no table {table!r} yet"
            if jobs is None
            else f"these jobs have no rows in table {table!r}",
            hint=f"There are {', '.join(known)}" if known else "Tables come with jobs such as picking",
            table=table,
        )
    check_files(db.folder, fragments)
    connection = connect(memory_limit, threads)
    try:
        add_view(connection, db.folder, table, fragments)
        return TableReader(connection, table, fragments)
    except BaseException:
        connection.close()
        raise


def compact(db: Database, table: str, job: int, rows_per_file: int = 2_000_000, threads: int = 2) -> int:
    """Join the small files of a finished job to larger ones; returns how many files it has then.

    Rows and their order stay. The files no longer belong to single items, so an item's rows can't be replaced later.
    The old files go off the list at once, and off the disk by ``sweep``, when no reader can be using them.
    """
    fragments = list_fragments(db, table, [job])
    batches: list[list[Fragment]] = [[]]
    for fragment in fragments:
        if batches[-1] and sum(part.rows for part in batches[-1]) + fragment.rows > rows_per_file:
            batches.append([])
        batches[-1].append(fragment)
    for batch in batches:
        if len(batch) > 1:
            check_files(db.folder, batch)
            joined = _join(db.folder, table, job, batch, threads)
            with db.transaction():
                unregister(db, [fragment.id for fragment in batch])
                register(db, joined, job)
    return len(list_fragments(db, table, [job]))


def connect(memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, which asks for no extension from the network."""
    import duckdb

    with table_faults("settings"):
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(Path(tempfile.gettempdir()) / f"vitreous-{uuid.uuid4().hex[:8]}"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute("SET parquet_metadata_cache = true")
    return connection


def add_view(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, fragments: Sequence[Fragment]) -> None:
    """Make the view of a table over its files, with the column ``job`` of the job that gave each row."""
    parts = []
    for job, group in groupby(sorted(fragments, key=_job), key=_job):
        job_text = "NULL" if job < 0 else str(job)
        parts.append(f"SELECT *, {job_text}::BIGINT AS job FROM {_files(folder, list(group))}")
    with table_faults(name):
        connection.execute(f'CREATE VIEW "{name}" AS {" UNION ALL BY NAME ".join(parts)}')


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is one of numbers."""
    return kind.startswith(("FLOAT", "DOUBLE", "DECIMAL", "REAL")) or kind.removeprefix("U") in (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
    )


@contextmanager
def table_faults(name: str) -> Iterator[None]:
    """Turn DuckDB's errors into those for people."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ResourceError(
            f"table {name}: the query needs more memory than it may use ({_words(error)})",
            hint="Raise the memory limit, or ask for fewer columns or rows",
        ) from error
    except (duckdb.IOException, duckdb.SerializationException) as error:
        raise DataError(
            f"table {name}: a file can't be read ({_words(error)})",
            hint="Restore it from a copy, or run its job again",
        ) from error
    except duckdb.Error as error:
        text = _words(error)
        if "parquet" in text.lower() or "snappy" in text.lower() or "zstd" in text.lower():
            raise DataError(
                f"table {name}: a file is damaged ({text})", hint="Restore it from a copy, or run its job again"
            ) from error
        raise UsageError(f"table {name}: {text}", hint="Correct the query; see the columns of the table") from error


def _join(folder: Path, table: str, job: int, batch: Sequence[Fragment], threads: int) -> dict[str, Any]:
    path = folder / FOLDER / table / f"job{job}-{uuid.uuid4().hex[:12]}.parquet"
    with published(path) as aside, connect("2GB", threads) as connection, table_faults(table):
        connection.execute(
            f"COPY (SELECT * FROM {_files(folder, batch)}) TO {_quoted(str(aside))}"
            f" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROW_GROUP})"
        )
    return {
        "table": table,
        "path": path.relative_to(folder).as_posix(),
        "rows": sum(fragment.rows for fragment in batch),
        "bytes": path.stat().st_size,
    }


def _files(folder: Path, fragments: Sequence[Fragment]) -> str:
    listed = ", ".join(_quoted(str(folder.absolute() / fragment.path)) for fragment in fragments)
    return f"read_parquet([{listed}], union_by_name = true)"


def _job(fragment: Fragment) -> int:
    return -1 if fragment.job is None else fragment.job


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _words(error: Exception) -> str:
    """DuckDB's message on one line, without the marked copy of the query at its end."""
    return " ".join(str(error).split("\nLINE ")[0].split())
