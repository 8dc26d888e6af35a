"""Pages, counts and figures of the table of exposures, for people who look at 100,000 of them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeVar

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.store.columns import check_column, exposure_columns
from vitreous.store.database import Database
from vitreous.store.figures import Histogram, Summary, check_edges, histogram_of, summary_of_numbers, summary_of_texts

Direction = Literal["asc", "desc"]
Order = Sequence[tuple[str, Direction]]
"""Columns to sort by, the first first; what is unknown comes last in both directions."""

_T = TypeVar("_T")

_KEPT_BYTES = 32 * 2**20
"""Bytes of results of filters and sorts that are kept until the data change."""

_ENTRY = 64
"""Bytes that an entry of a list or a dict is taken for: a number, a short text, its place."""

_SHALLOW = 1000
"""Rows up to which a page is found by keeping the best few in one pass; deeper ones sort all, once."""


@dataclass(frozen=True)
class Page:
    """Some rows of a table.

    Attributes:
        rows: values in the order of ``columns``.
        columns: names.
        total: rows in all that the filter leaves.
    """

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]
    total: int


def page(
    db: Database,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    parameters: Sequence[Any] = (),
    order: Order = (),
    limit: int = 100,
    offset: int = 0,
) -> Page:
    """Rows of the view ``exposures``.

    Args:
        columns: names, in order; all unless given.
        where: SQL condition on columns of ``exposures``, made by the program and never by people; ``?`` for values.
        parameters: the values.
        order: columns to sort by; equal ones by id.
        limit, offset: which of the sorted rows.

    Raises:
        UsageError: a column is not there.
    """
    if limit < 0 or offset < 0:
        raise UsageError(f"a page of {limit} rows from row {offset} on", hint="Give numbers from 0 on")
    known = exposure_columns(db)
    chosen = tuple(known) if columns is None else tuple(columns)
    for name in chosen:
        if name not in known:
            check_column(db, name)
    ids = _ids(db, where, parameters, order, limit, offset)
    names = ", ".join(f'"{name}"' for name in chosen)
    cursor = _cursor(
        db, f"SELECT id, {names} FROM exposures WHERE id IN (SELECT value FROM json_each(?))", (_json(ids),)
    )
    found = {row[0]: row[1:] for row in cursor}
    rows = [found[number] for number in ids if number in found]
    return Page(rows, chosen, count(db, where, parameters))


def count(db: Database, where: str | None = None, parameters: Sequence[Any] = ()) -> int:
    """Exposures that the filter leaves."""

    def make() -> int:
        return int(_cursor(db, f"SELECT count(*) FROM exposures{_where(where)}", parameters).fetchone()[0])

    return cached(db, ("count", where, tuple(parameters)), make)


def ids_of(db: Database, where: str | None = None, parameters: Sequence[Any] = (), order: Order = ()) -> Sequence[int]:
    """Ids of all exposures that the filter leaves, sorted."""
    return _all_ids(db, where, parameters, order)


def histogram(
    db: Database,
    column: str,
    bins: int = 50,
    edges: Sequence[float] | None = None,
    where: str | None = None,
    parameters: Sequence[Any] = (),
) -> Histogram:
    """How often the values of a column of numbers fall between ``edges``, or into ``bins`` equal parts of their range.

    Raises:
        UsageError: no such column, a column of text, or edges that do not rise.
    """
    if check_column(db, column) not in ("REAL", "INTEGER", "BOOLEAN"):
        raise UsageError(f"column {column} holds text", hint="Histograms are of columns of numbers", column=column)
    check_edges(bins, edges)
    return histogram_of(_numbers(db, column, where, parameters), bins, edges)


def summary(db: Database, column: str, where: str | None = None, parameters: Sequence[Any] = ()) -> Summary:
    """Figures of one column: how many are known, range, mean, spread, percentiles; of texts the most frequent."""
    if check_column(db, column) in ("REAL", "INTEGER", "BOOLEAN"):
        return summary_of_numbers(_numbers(db, column, where, parameters))
    rows = _cursor(db, f'SELECT "{column}", count(*) FROM exposures{_where(where)} GROUP BY 1', parameters).fetchall()
    return summary_of_texts(rows)


def order_by(db: Database, order: Order) -> str:
    """``ORDER BY`` text, with unknown values last and ties by id."""
    known = exposure_columns(db)
    parts = []
    for name, direction in order:
        if name not in known:
            check_column(db, name)
        if direction not in ("asc", "desc"):
            raise UsageError(f"no order {direction!r}", hint="Sort asc or desc", column=name)
        parts.append("id" if name == "id" else f'"{name}" {direction} NULLS LAST')
        if name == "id":
            parts[-1] = f"id {direction}"
    return ", ".join([*parts, "id"])


def cached(db: Database, key: Any, make: Callable[[], _T]) -> _T:
    """``make()``, or what it gave before for this key while the data have not changed."""
    stamp = (db.connection.execute("PRAGMA data_version").fetchone()[0], db.connection.total_changes)
    kept = db.kept
    if kept.get("stamp") != stamp:
        kept.clear()
        kept["stamp"] = stamp
    if key in kept:
        return kept[key]
    value = make()
    kept[key] = value
    sizes = {name: _bytes_of(content) for name, content in kept.items() if name not in ("stamp", key)}
    room = _KEPT_BYTES - _bytes_of(value) - sum(sizes.values())
    for name, size in sizes.items():  # the oldest first
        if room >= 0:
            break
        del kept[name]
        room += size
    return value


def _bytes_of(value: Any) -> int:
    """About the memory that a kept result takes; quickly, and only as deep as results are."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, array):
        return len(value) * value.itemsize
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list | tuple | dict):
        first = next(iter(value.values() if isinstance(value, dict) else value), None)
        each = _ENTRY + (_ENTRY * len(first) if isinstance(first, list | tuple | dict) else 0)
        return len(value) * each + (sum(map(_bytes_of, value)) if isinstance(value, tuple) and len(value) < 8 else 0)
    return _ENTRY


def _ids(
    db: Database, where: str | None, parameters: Sequence[Any], order: Order, limit: int, offset: int
) -> list[int]:
    if offset + limit > _SHALLOW:
        return list(_all_ids(db, where, parameters, order)[offset : offset + limit])
    by = order_by(db, order)

    def make() -> list[int]:
        text = f"SELECT id FROM exposures{_where(where)} ORDER BY {by} LIMIT ?"
        return [row[0] for row in _cursor(db, text, (*parameters, _SHALLOW))]

    return cached(db, ("first ids", where, tuple(parameters), by), make)[offset : offset + limit]


def _all_ids(db: Database, where: str | None, parameters: Sequence[Any], order: Order) -> Sequence[int]:
    by, known = order_by(db, order), exposure_columns(db)
    numeric = [known[name] in ("REAL", "INTEGER", "BOOLEAN") for name, _ in order]

    def make() -> Sequence[int]:
        if order and all(numeric):
            return _sorted_numbers(db, where, parameters, order)
        rows = _cursor(db, f"SELECT id FROM exposures{_where(where)} ORDER BY {by}", parameters)
        return array("q", (row[0] for row in rows))

    return cached(db, ("ids", where, tuple(parameters), by), make)


def _sorted_numbers(db: Database, where: str | None, parameters: Sequence[Any], order: Order) -> Sequence[int]:
    """Ids sorted by columns of numbers, the unknown ones last in both directions; half of SQLite's time."""
    last = {"asc": "9e999", "desc": "-9e999"}  # SQLite's infinities
    names = ", ".join(f'coalesce("{name}", {last[direction]})' for name, direction in order)
    rows = _cursor(db, f"SELECT id, {names} FROM exposures{_where(where)}", parameters)
    table = np.fromiter(chain.from_iterable(rows), dtype=np.float64).reshape(-1, 1 + len(order))
    keys = [table[:, 0]]
    for index, (_, direction) in reversed(list(enumerate(order, start=1))):
        keys.append(table[:, index] if direction == "asc" else -table[:, index])
    return array("q", table[np.lexsort(keys), 0].astype(np.int64).tobytes())


def _numbers(db: Database, column: str, where: str | None, parameters: Sequence[Any]) -> np.ndarray:
    """Values of a column, NaN where unknown; f64."""

    def make() -> np.ndarray:
        rows = _cursor(db, f'SELECT "{column}" FROM exposures{_where(where)}', parameters).fetchall()
        return np.array([row[0] for row in rows], dtype=np.float64)

    return cached(db, ("numbers", column, where, tuple(parameters)), make)


def _cursor(db: Database, text: str, parameters: Sequence[Any]) -> Any:
    cursor = db.connection.cursor()
    cursor.row_factory = None  # plain tuples: half the time of named rows
    return cursor.execute(text, tuple(parameters))


def _where(where: str | None) -> str:
    return f" WHERE {where}" if where else ""


def _json(ids: Sequence[int]) -> str:
    return json.dumps(list(ids))
