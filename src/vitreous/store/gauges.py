"""Samples of the disk and of the queue in the catalogue, so that one sees how they came to be as they are."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from vitreous.store.database import Database

FRESH_SECONDS = 7 * 86_400.0
"""s for which all samples are kept."""
THINNED_SECONDS = 600.0
"""s between samples that are older."""


@dataclass(frozen=True)
class Sample:
    """Disk and queue at one time.

    Attributes:
        time: s since 1970.
        free, total: bytes of the project's disk.
        waiting: tasks that wait or are ready; ``running``: those that are under way.
        workers: that the engine has.
    """

    time: float
    free: int
    total: int
    waiting: int
    running: int
    workers: int


@dataclass(frozen=True)
class Gauges:
    """Samples of a stretch of time as arrays, oldest first (units as in ``Sample``)."""

    times: np.ndarray
    free: np.ndarray
    waiting: np.ndarray
    running: np.ndarray
    workers: np.ndarray


def queue_depth(db: Database) -> tuple[int, int]:
    """Tasks that wait or are ready, and tasks that are under way.

    What it costs depends on those, not on all that were ever done.
    """
    # Job by job: so the index of states is entered where they are, and not read from end to end.
    row = db.connection.execute("""SELECT
        (SELECT sum((SELECT count(*) FROM task WHERE job = j.id AND state IN ('waiting', 'ready'))) FROM job j),
        (SELECT count(*) FROM task WHERE state = 'running')""").fetchone()
    return row[0] or 0, row[1]


def record_sample(db: Database, sample: Sample) -> None:
    """Write a sample; one of the same time is replaced.

    Raises:
        ResourceError: the disk is full.
    """
    with db.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO gauge VALUES (?, ?, ?, ?, ?, ?)", astuple(sample))


def thin_samples(db: Database, now: float, since: float = 0.0) -> int:
    """Of what is older than a week, and not older than ``since``, keep the first sample of each ten minutes.

    Args:
        now, since: s since 1970.

    Returns:
        How many were removed.
    """
    text = """DELETE FROM gauge WHERE time >= :since AND time < :old AND time NOT IN (
        SELECT min(time) FROM gauge WHERE time >= :since AND time < :old GROUP BY CAST(time / :width AS INTEGER))"""
    width = THINNED_SECONDS
    values = {
        "since": since // width * width,
        "old": (now - FRESH_SECONDS) // width * width,
        "width": width,
    }
    with db.transaction() as connection:
        return connection.execute(text, values).rowcount


def newest_sample(db: Database) -> Sample | None:
    """The last sample, ``None`` where there is none."""
    row = db.connection.execute("SELECT * FROM gauge ORDER BY time DESC LIMIT 1").fetchone()
    return None if row is None else Sample(*row)


def samples(db: Database, since: float, until: float) -> Gauges:
    """The samples from ``since`` to ``until`` (s since 1970)."""
    cursor = db.connection.cursor()
    cursor.row_factory = None
    rows = cursor.execute(
        "SELECT time, free, waiting, running, workers FROM gauge WHERE time BETWEEN ? AND ? ORDER BY time",
        (since, until),
    ).fetchall()
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return Gauges(*(table[:, n].copy() for n in range(5)))
