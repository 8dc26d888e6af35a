"""Alarms in the catalogue: what is open, what was, who was told, and what the search for trends has learned."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.store.database import Database

Severity = Literal["mild", "severe"]
ToldState = Literal["mild", "severe", "cleared"]


@dataclass(frozen=True)
class Alarm:
    """One alarm, open until it is cleared.

    Attributes:
        id: 0 where it is not in the catalogue yet.
        key: what it is about; there is one open alarm of each.
        kind: limits, trend, silence, disk, workers, quarantine or condition.
        column_name: the column of exposures that it is about.
        sentence: what was found.
        cause: the likely one.
        advice: what to do, a sentence each.
        data: figures.
        raised, changed, cleared, acknowledged, snoozed_until: s since 1970; ``changed``: of the severity.
    """

    id: int
    key: str
    kind: str
    column_name: str | None
    severity: Severity
    sentence: str
    cause: str | None
    advice: tuple[str, ...]
    data: Mapping[str, Any]
    raised: float
    changed: float
    cleared: float | None = None
    acknowledged: float | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    snoozed_until: float | None = None
    snoozed_by: str | None = None


@dataclass(frozen=True)
class Learned:
    """What the search for trends knows of a series: up to which exposure, and its state."""

    last_item: int
    state: Mapping[str, Any] = field(default_factory=dict)


def open_alarms(db: Database) -> list[Alarm]:
    """Alarms that are not cleared: severe ones first, then the newest."""
    return _read(db, "WHERE cleared IS NULL ORDER BY severity = 'severe' DESC, raised DESC, id DESC", ())


def past_alarms(db: Database, limit: int = 100) -> list[Alarm]:
    """Alarms that were cleared, the newest first."""
    return _read(db, "WHERE cleared IS NOT NULL ORDER BY id DESC LIMIT ?", (limit,))


def find_alarm(db: Database, number: int) -> Alarm:
    """An alarm by its number.

    Raises:
        UsageError: there is none.
    """
    found = _read(db, "WHERE id = ?", (number,))
    if not found:
        raise UsageError(f"there is no alarm {number}", hint="vitreous alarms lists them", missing=True, alarm=number)
    return found[0]


def insert_alarm(db: Database, alarm: Alarm) -> int:
    """Write down a new alarm; returns its number."""
    values = _columns(alarm)
    del values["id"]
    text = f"INSERT INTO alarm ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    number = db.connection.execute(text, tuple(values.values())).lastrowid
    assert number is not None
    return number


def update_alarm(db: Database, alarm: Alarm) -> None:
    """Write down an alarm that has changed."""
    values = _columns(alarm)
    parts = ", ".join(f"{name} = ?" for name in values)
    db.connection.execute(f"UPDATE alarm SET {parts} WHERE id = ?", (*values.values(), alarm.id))


def alarm_counts(db: Database) -> dict[str, int]:
    """Open alarms: ``severe``, ``mild``, and how many of both nobody has acknowledged."""
    row = db.connection.execute(
        "SELECT coalesce(sum(severity = 'severe'), 0), coalesce(sum(severity = 'mild'), 0),"
        " coalesce(sum(acknowledged IS NULL), 0) FROM alarm WHERE cleared IS NULL"
    ).fetchone()
    return {"severe": row[0], "mild": row[1], "unacknowledged": row[2]}


def told_states(db: Database, since: float) -> dict[tuple[int, str], tuple[ToldState, float]]:
    """``(alarm, receiver)`` → what was told last and when; of open alarms, and of those cleared after ``since``."""
    rows = db.connection.execute(
        "SELECT alarm, receiver, state, time FROM alarm_told"
        " WHERE alarm IN (SELECT id FROM alarm WHERE cleared IS NULL OR cleared > ?)",
        (since,),
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def write_told(db: Database, receiver: str, states: Mapping[int, ToldState], now: float) -> None:
    """Write down that a receiver was told of alarms."""
    with db.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO alarm_told (alarm, receiver, state, time) VALUES (?, ?, ?, ?)",
            [(number, receiver, state, now) for number, state in states.items()],
        )


def alarms_to_tell(db: Database, since: float) -> list[Alarm]:
    """Open alarms, and those that were cleared after ``since``."""
    return _read(db, "WHERE cleared IS NULL OR cleared > ? ORDER BY id", (since,))


def learned_series(db: Database) -> dict[str, Learned]:
    """Column → what was learned of it."""
    rows = db.connection.execute("SELECT column_name, last_item, state FROM alarm_series")
    return {row[0]: Learned(row[1], json.loads(row[2])) for row in rows}


def write_learned(db: Database, series: Mapping[str, Learned]) -> None:
    """Keep what was learned, for the next engine."""
    with db.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO alarm_series (column_name, last_item, state) VALUES (?, ?, ?)",
            [(name, entry.last_item, to_json(entry.state, indent=None)) for name, entry in series.items()],
        )


def newest_rows(db: Database, columns: Sequence[str], after: int, limit: int) -> list[tuple[Any, ...]]:
    """``(id, *columns)`` of exposures after a number, in order; those in TRASH are left out."""
    cursor = db.connection.cursor()
    cursor.row_factory = None
    names = "".join(f', "{name}"' for name in columns)
    text = f"SELECT id{names} FROM exposure WHERE id > ? AND group_id <> 2 ORDER BY id LIMIT ?"
    return cursor.execute(text, (after, limit)).fetchall()


def last_rows(db: Database, columns: Sequence[str], limit: int) -> list[tuple[Any, ...]]:
    """``(id, *columns)`` of the newest exposures, the newest first; those in TRASH are left out."""
    cursor = db.connection.cursor()
    cursor.row_factory = None
    names = "".join(f', "{name}"' for name in columns)
    text = f"SELECT id{names} FROM exposure WHERE group_id <> 2 ORDER BY id DESC LIMIT ?"
    return cursor.execute(text, (limit,)).fetchall()


def quarantined_among(db: Database, items: Sequence[int]) -> int:
    """How many of these exposures have a task that was set aside."""
    text = (
        "SELECT count(DISTINCT item) FROM task WHERE state = 'quarantined' AND item IN (SELECT value FROM json_each(?))"
    )
    return int(db.connection.execute(text, (json.dumps(list(items)),)).fetchone()[0])


def _read(db: Database, condition: str, values: tuple[Any, ...]) -> list[Alarm]:
    rows: list[sqlite3.Row] = db.connection.execute(f"SELECT * FROM alarm {condition}", values).fetchall()
    return [
        Alarm(**{**dict(row), "advice": tuple(json.loads(row["advice"])), "data": json.loads(row["data"])})
        for row in rows
    ]


def _columns(alarm: Alarm) -> dict[str, Any]:
    values = dict(vars(alarm))
    values["advice"], values["data"] = to_json(alarm.advice, indent=None), to_json(alarm.data, indent=None)
    return values
