"""Columns of all images as arrays in the order in which they were recorded, kept until the data change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.project.conditions import table_condition
from vitreous.project.session import Session
from vitreous.store.columns import check_column, exposure_columns
from vitreous.store.items import TRASH
from vitreous.store.library import cached

NUMBERS = ("REAL", "INTEGER", "BOOLEAN")
TIME = "coalesce(recorded, imported)"
"""When an image was recorded; where nobody said, when it was imported."""

_MOST = 24
"""Columns that are kept; the oldest makes room."""


@dataclass
class Timeline:
    """The images that are not in TRASH, by the time of their recording.

    Attributes:
        ids: of the images.
        times: s since 1970, rising.
        values: column → numbers, NaN where unknown, and before the place in ``begun``.
        begun: column → first place from which on its values were read.
        texts: column → number of the text of each image (-1 unknown), and the texts.
    """

    ids: np.ndarray
    times: np.ndarray
    values: dict[str, np.ndarray] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    texts: dict[str, tuple[np.ndarray, list[str]]] = field(default_factory=dict)


def timeline(session: Session, columns: Sequence[str] = (), since: float | None = None) -> Timeline:
    """The images with these columns of numbers, values being there from ``since`` on (s since 1970; all unless given).

    What is not at hand is read in one pass, and only the part of it that is asked for: of the last hours of a large
    session that takes an eighth of the time.

    Raises:
        UsageError: a column is not there, or holds text.
    """
    for name in columns:
        if check_column(session.db, name) not in NUMBERS:
            raise UsageError(f"column {name} holds text", hint="Choose a column of numbers", column=name)
    kept: dict[str, Timeline] = cached(session.db, "timeline", dict)
    line = kept.get("line")
    if line is None:
        together = list(dict.fromkeys(columns)) if since is None else []
        line = kept["line"] = _whole(session, together)
    begin = 0 if since is None else int(np.searchsorted(line.times, since))
    missing = [name for name in dict.fromkeys(columns) if line.begun.get(name, line.ids.size + 1) > begin]
    if missing:
        _add(session, line, missing, begin)
    for name in [name for name in line.values if name not in columns][: max(0, len(line.values) - _MOST)]:
        del line.values[name], line.begun[name]
    return line


def _whole(session: Session, columns: Sequence[str]) -> Timeline:
    if not columns:
        return Timeline(*_times(session))
    table = _rows(session, columns)
    values = {name: np.where(np.isinf(table[:, n]), np.nan, table[:, n]) for n, name in enumerate(columns, start=2)}
    return Timeline(table[:, 0].astype(np.int64), table[:, 1].copy(), values, dict.fromkeys(columns, 0))


def _times(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """Ids and times of all images in order of time, as two texts of whole numbers: half the time of as many rows."""
    found = session.db.connection.execute(
        f"SELECT group_concat(id), group_concat(CAST({TIME} * 1e6 AS INTEGER)) FROM exposure WHERE group_id <> ?",
        (TRASH,),
    ).fetchone()
    ids, times = (np.fromstring(text or "", dtype=np.int64, sep=",") for text in found)
    order = np.lexsort((ids, times))
    return ids[order], times[order] / 1e6


def _add(session: Session, line: Timeline, columns: Sequence[str], begin: int) -> None:
    since = float(line.times[begin]) if 0 < begin < line.times.size else None
    table = _rows(session, columns, since, 0 if since is None else int(line.ids[begin:].min()))
    place = begin + np.arange(table.shape[0])
    if table.shape[0] != line.ids.size - begin or not np.array_equal(table[:, 0], line.ids[begin:]):
        # Somebody has added or moved images since the ids were read; those that were not there then are left for later.
        where = {int(number): n for n, number in enumerate(line.ids)}
        found = [where.get(int(number), -1) for number in table[:, 0]]
        table, place = table[np.array(found) >= 0], np.array([n for n in found if n >= 0], dtype=np.int64)
    for index, name in enumerate(columns, start=2):
        values = np.full(line.ids.size, np.nan)
        values[place] = np.where(np.isinf(table[:, index]), np.nan, table[:, index])
        line.values[name], line.begun[name] = values, begin


def _rows(session: Session, columns: Sequence[str], since: float | None = None, first: int = 0) -> np.ndarray:
    """Id, time and columns of the images, in order of time; unknown is infinite.

    Args:
        since: s since 1970, of the first that is wanted.
        first: the least id of those; the table lies in this order, so that what is before is not read.
    """
    names = "".join(f', coalesce("{name}", 9e999)' for name in columns)
    later, values = ("", ()) if since is None else (f" AND id >= ? AND {TIME} >= ?", (first, since - 1e-6))
    cursor = session.db.connection.cursor()
    cursor.row_factory = None  # plain tuples: half the time of named rows
    rows = cursor.execute(f"SELECT id, {TIME}{names} FROM exposure WHERE group_id <> ?{later}", (TRASH, *values))
    table = np.fromiter(chain.from_iterable(rows), dtype=np.float64).reshape(-1, 2 + len(columns))
    steps = np.diff(table[:, 1])
    if np.all(steps >= 0) and np.all((steps > 0) | (np.diff(table[:, 0]) > 0)):
        return table
    return table[np.lexsort((table[:, 0], table[:, 1]))]


def texts(session: Session, column: str) -> tuple[np.ndarray, list[str]]:
    """The texts of a column in the order of the timeline: numbers into the list of texts, -1 where unknown.

    Raises:
        UsageError: there is no such column.
    """
    check_column(session.db, column)
    line = timeline(session)
    if column not in line.texts:
        cursor = session.db.connection.cursor()
        cursor.row_factory = None
        rows = cursor.execute(
            f'SELECT "{column}" FROM exposures WHERE group_id <> ? ORDER BY {TIME}, id', (TRASH,)
        ).fetchall()
        known: dict[str, int] = {}
        codes = [-1 if row[0] is None else known.setdefault(str(row[0]), len(known)) for row in rows]
        if len(line.texts) >= 4:
            line.texts.clear()
        line.texts[column] = (np.array(codes, dtype=np.int64), list(known))
    return line.texts[column]


def passing(session: Session, where: str | None) -> np.ndarray | None:
    """Which images of the timeline meet a condition that a person typed; ``None`` where there is none.

    Raises:
        UsageError: the condition can't be read.
    """
    if not where or not where.strip():
        return None

    def make() -> np.ndarray:
        text, parameters = table_condition(session.db, where)
        rows = session.db.connection.execute(f"SELECT id FROM exposures WHERE {text}", parameters)
        chosen = np.fromiter((row[0] for row in rows), dtype=np.int64)
        return np.isin(timeline(session).ids, chosen)

    found: np.ndarray = cached(session.db, ("passing", where), make)
    return found


def number_columns(session: Session) -> list[str]:
    """The columns of numbers that exposures have, without the numbers of jobs and groups."""
    hidden = ("id", "source_job", "group_id", "group_before", "specimen_number")
    found: dict[str, Any] = exposure_columns(session.db)
    return [name for name, kind in found.items() if kind in NUMBERS and name not in hidden and name[-4:] != "_job"]
