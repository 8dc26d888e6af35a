"""The queue: which ready task comes next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vitreous.store.database import Database


@dataclass(frozen=True)
class ReadyTask:
    """A task that may be begun."""

    job: int
    item: int
    identity: str


def ready_tasks(db: Database, jobs: Sequence[int], newest_first: bool, limit: int) -> list[ReadyTask]:
    """Tasks that may be begun, first what comes first.

    By hand-given rank, then priority of the job, then arrival of the item (newest first where that is wanted), then the
    order of ``jobs``: so one item goes through all its jobs before the next begins. What it costs does not depend on
    how many tasks are ready.
    """
    priorities = dict(db.connection.execute("SELECT id, priority FROM job").fetchall())
    found = []
    for place, number in enumerate(jobs):
        for rank, item, identity in _first_of_job(db, number, newest_first, limit):
            key = (rank, -priorities[number], -item if newest_first else item, place)
            found.append((key, ReadyTask(number, item, identity)))
    return [task for _, task in sorted(found, key=lambda entry: entry[0])[: max(limit, 0)]]


def _first_of_job(db: Database, job: int, newest_first: bool, limit: int) -> list[tuple[float, int, str]]:
    """The first ready tasks of one job, ``(rank, item, identity)``; each rank is read in the order of its index."""
    rows: list[tuple[float, int, str]] = []
    rank: float | None = -math.inf
    text = "SELECT rank, item, identity FROM task WHERE state = 'ready' AND job = ? AND rank = ? ORDER BY item"
    text += " DESC LIMIT ?" if newest_first else " LIMIT ?"
    least = "SELECT min(rank) FROM task WHERE state = 'ready' AND job = ? AND rank > ?"
    while len(rows) < limit:
        rank = db.connection.execute(least, (job, rank)).fetchone()[0]
        if rank is None:
            break
        rows += [tuple(row) for row in db.connection.execute(text, (job, rank, limit - len(rows)))]
    return rows
