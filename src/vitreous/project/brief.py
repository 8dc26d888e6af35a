"""How a project stands, in a few numbers: for status bars and lists of projects, made often."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

from vitreous.project.gauges import filling, hours_left
from vitreous.project.overview import engine_status, file_counts, holder_record
from vitreous.project.session import Session
from vitreous.store.alarms import alarm_counts
from vitreous.store.database import Database, read_meta
from vitreous.store.groups import groups
from vitreous.store.items import TRASH
from vitreous.store.ledger import task_counts
from vitreous.store.library import cached

RATE_SECONDS = 1800.0
"""s over which images per hour are counted."""
RECENT = 3000
"""Images that are looked at for that; nobody records more in that time."""


def brief(session: Session) -> dict[str, Any]:
    """Engine, tasks, items, disk and conditions; JSON-able.

    ``tasks`` counts tasks of all jobs by state; ``graph`` changes when jobs or settings do; ``last_import`` is s since
    1970; ``images_per_hour`` is of the last half hour, ``None`` where nothing has come yet; ``disk`` in bytes;
    ``disk_hours`` (until it is full) is ``None`` where it does not fill or the engine has not seen enough;
    ``alarms`` counts those that are open. Counts are kept until the catalogue changes.
    """
    held, status = engine_status(session.folder)
    holder = holder_record(held)
    db = session.db
    counts = cached(db, "brief", lambda: _counts(db))
    imports = cached(db, "brief imports", lambda: _imports(db))
    usage = shutil.disk_usage(session.folder)
    return {
        **counts,
        "engine": holder["state"] if status is None else "running",
        "holder": holder["owner"],
        "workers": [] if status is None else list(status.workers),
        "running": [] if status is None else list(status.running),
        "conditions": {} if status is None else dict(status.conditions),
        "disk": {"free": usage.free, "total": usage.total},
        "disk_hours": _disk_hours(session, usage.free),
        "last_import": None if imports.size == 0 else float(imports.max()),
        "images_per_hour": images_per_hour(imports, time.time()),
    }


def _disk_hours(session: Session, free: float) -> float | None:
    seen = filling(session)
    left = None if seen is None else hours_left(session, free, seen.hourly)
    return None if left is None else round(left, 0 if left >= 10 else 1)


def images_per_hour(imports: np.ndarray, now: float) -> float | None:
    """The rate of the last half hour, or of the time since the first image where that is shorter.

    Args:
        imports: times at which the newest images came, s since 1970.
        now: s since 1970.
    """
    if imports.size == 0:
        return None
    since = max(now - RATE_SECONDS, float(imports.min()))
    seconds = max(now - since, 60.0)  # a first image alone says little
    return float(3600.0 * np.count_nonzero(imports > since) / seconds)


def _counts(db: Database) -> dict[str, Any]:
    """What only a change of the catalogue changes."""
    tasks: dict[str, int] = {}
    for states in task_counts(db).values():
        for state, number in states.items():
            tasks[state] = tasks.get(state, 0) + number
    meta = read_meta(db)
    return {
        "title": meta.get("title"),
        "mode": meta.get("mode"),
        "graph": meta.get("graph"),
        "tasks": tasks,
        "items": _items(db),
        "files": file_counts(db),
        "alarms": alarm_counts(db),
    }


def _items(db: Database) -> dict[str, Any]:
    """As ``overview.item_counts``, from the table itself: a fifth of the time with 100,000 images."""
    found = {group.name: group.count for group in groups(db)}
    rows = db.connection.execute(
        "SELECT flag, count(*) FROM exposure WHERE flag IS NOT NULL AND group_id <> ? GROUP BY flag", (TRASH,)
    )
    return {"total": sum(found.values()), "groups": found, "flags": {row[0]: row[1] for row in rows}}


def _alarms(db: Database) -> dict[str, int]:
    """Severity → number of alarms that last and that nobody has acknowledged."""
    rows = db.connection.execute(
        "SELECT severity, count(*) FROM alarm WHERE cleared IS NULL AND acknowledged IS NULL GROUP BY severity"
    )
    return {row[0]: row[1] for row in rows}


def _imports(db: Database) -> np.ndarray:
    """Times at which the newest images came, s since 1970; f64."""
    rows = db.connection.execute("SELECT imported FROM exposure ORDER BY id DESC LIMIT ?", (RECENT,))
    return np.array([row[0] for row in rows], dtype=np.float64)
