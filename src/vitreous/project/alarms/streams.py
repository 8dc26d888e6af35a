"""The figures of a session as they come: the newest of each column, and the course that they take."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from vitreous.project.alarms.trend import SERIES, Course, follow
from vitreous.store.alarms import Learned, last_rows, newest_rows
from vitreous.store.columns import exposure_columns
from vitreous.store.database import Database

LAG = 40
"""Newer values of a column after which an exposure without one is passed over."""
READ = 120
"""Exposures that are read at once."""
BEHIND = 600
"""Newest exposures from which a session that has run before is learned."""
KEPT = 500
"""Newest values that are kept of each column."""
BUDGET = 0.002
"""s that one look spends on courses; the rest follows at the next look."""


@dataclass(frozen=True)
class Row:
    """One exposure: column → its value, and as the course of the column takes it (NaN where that can't be said)."""

    item: int
    raw: Mapping[str, float | None]
    taken: Mapping[str, float]


@dataclass
class Stream:
    """One column.

    Attributes:
        last_item: the exposure up to which it was followed.
        recent: item → value of the newest.
        course: of those columns whose trend is watched.
        fresh: whether a value has come since the engine began.
    """

    last_item: int
    recent: dict[int, float] = field(default_factory=dict)
    course: Course = field(default_factory=Course)
    fresh: bool = False


@dataclass
class Streams:
    """All columns that limits or trends are about."""

    db: Database
    streams: dict[str, Stream] = field(default_factory=dict)
    _changes: int = -1
    _columns: tuple[str, ...] = ()

    def begin(self, columns: Iterable[str], learned: Mapping[str, Learned]) -> None:
        """Take up what was learned, and the newest values, as far as they were followed."""
        for column in columns:
            if column in self.streams:
                continue
            known = learned.get(column)
            row = self.db.connection.execute("SELECT max(id) FROM exposure").fetchone()
            start = max(0, (row[0] or 0) - BEHIND) if known is None else known.last_item
            course = Course() if known is None else course_of(known.state)
            self.streams[column] = Stream(start, course=course)
        self._columns = ()

    def fill(self, window: int) -> None:
        """Read the newest values that were followed before the engine began."""
        names = self._known()
        for row in reversed(last_rows(self.db, names, window) if names else []):
            for column, value in zip(names, row[1:], strict=True):
                if value is not None and row[0] <= self.streams[column].last_item:
                    self.streams[column].recent[row[0]] = value

    def look(self) -> bool:
        """Follow what has come; whether anything has."""
        changes = self.db.connection.total_changes
        if changes == self._changes:
            return False
        end, moved, whole = time.perf_counter() + BUDGET, False, True
        for names, rows in self._tables():
            for column in names:
                if time.perf_counter() > end:
                    whole = False
                    break
                moved |= self._follow(column, rows)
        if whole and not moved:
            self._changes = changes  # else there may be more
        return moved

    def _tables(self) -> Iterator[tuple[list[str], list[Row]]]:
        """Columns that stand near each other, with the exposures that follow; those at the front first."""
        names, targets = self._known(), self._targets()
        waiting = sorted(names, key=lambda name: -self.streams[name].last_item)
        front: list[Row] | None = None
        while waiting:
            place = self.streams[waiting[0]].last_item
            near = [name for name in waiting if self.streams[name].last_item > place - READ]
            waiting = waiting[len(near) :]
            start = min(self.streams[name].last_item for name in near)
            rows = [self._row(names, targets, row) for row in newest_rows(self.db, [*names, *targets], start, READ)]
            if front is None:
                front = rows
                for name in [*waiting]:
                    if sum(row.raw[name] is not None for row in rows) >= LAG:  # what lies between is passed over
                        self.streams[name].last_item = start
                        waiting.remove(name)
                        near.append(name)
            yield near, rows

    def _follow(self, column: str, table: list[Row]) -> bool:
        stream, series, moved = self.streams[column], SERIES.get(column), False
        rows = [row for row in table if row.item > stream.last_item]
        after = sum(row.raw[column] is not None for row in rows)
        for row in rows:
            value = row.raw[column]
            if value is None:
                if after < LAG:
                    break
                stream.last_item = row.item
                continue
            after -= 1
            stream.recent[row.item] = value
            stream.last_item, stream.fresh, moved = row.item, True, True
            if series is not None:
                stream.course = follow(stream.course, series, [row.taken[column]], [row.item])
        while len(stream.recent) > KEPT:
            del stream.recent[next(iter(stream.recent))]
        return moved

    def _known(self) -> tuple[str, ...]:
        """The columns that exposures have by now; asked anew only when their table has changed."""
        if not self._columns or len(self._columns) < len(self.streams):
            have = exposure_columns(self.db, "exposure")
            self._columns = tuple(name for name in self.streams if name in have)
        return self._columns

    def _targets(self) -> list[str]:
        wanted = {entry.relative_to for entry in SERIES.values() if entry.relative_to}
        have = exposure_columns(self.db, "exposure")
        return sorted(name for name in wanted if name in have)

    def _row(self, names: Sequence[str], targets: Sequence[str], row: tuple[Any, ...]) -> Row:
        raw = dict(zip(names, row[1:], strict=False))
        target = dict(zip(targets, row[1 + len(names) :], strict=True))
        taken = {name: math.nan if value is None else float(value) for name, value in raw.items()}
        for name, series in SERIES.items():
            if series.relative_to and name in taken:
                wanted = target.get(series.relative_to)
                taken[name] = math.nan if wanted is None else taken[name] - wanted
        return Row(row[0], raw, taken)

    def courses(self) -> dict[str, Course]:
        """Column → course, of those that are followed."""
        return {name: stream.course for name, stream in self.streams.items() if name in SERIES}

    def recent(self) -> dict[str, dict[int, float]]:
        """Column → item → value, of columns of which something has come since the engine began."""
        return {name: stream.recent for name, stream in self.streams.items() if stream.fresh}

    def learned(self) -> dict[str, Learned]:
        """What is to be kept for the next engine."""
        return {name: Learned(stream.last_item, asdict(stream.course)) for name, stream in self.streams.items()}


def course_of(state: Mapping[str, Any]) -> Course:
    """A course from what was kept."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in state.items()}
    return Course(**values)
