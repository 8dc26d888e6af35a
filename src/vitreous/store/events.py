"""The log: what happened in the project, to jobs and to items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.plain import to_json
from vitreous.store.database import Database


@dataclass(frozen=True)
class Event:
    """One line of the log; ``time`` is s since 1970, ``item`` 0 a set."""

    seq: int
    time: float
    kind: str
    job: int | None
    item: int | None
    message: str
    data: Mapping[str, Any] | None


def log_event(
    db: Database,
    kind: str,
    message: str,
    now: float,
    job: int | None = None,
    item: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append a line, as part of the transaction that is open if one is."""
    db.connection.execute(
        "INSERT INTO event (time, kind, job, item, message, data) VALUES (?, ?, ?, ?, ?, ?)",
        (now, kind, job, item, message, None if data is None else to_json(data, indent=None)),
    )


def events(
    db: Database,
    *,
    job: int | None = None,
    item: int | None = None,
    kind: str | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[Event]:
    """The newest lines (of a job, of an item, of a kind) after line ``after``, oldest first."""
    where, values = ["seq > ?"], [after]
    for column, value in (("job", job), ("item", item), ("kind", kind)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)  # type: ignore[arg-type]
    text = f"SELECT * FROM event WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
    rows = db.connection.execute(text, [*values, limit]).fetchall()
    return [Event(**{**dict(row), "data": None if row[6] is None else json.loads(row[6])}) for row in reversed(rows)]
