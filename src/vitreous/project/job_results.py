"""What each job has given, for the page of results: figures, yield of filters, files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.model.columns import find_column
from vitreous.project.item_table import Which, condition_of
from vitreous.project.reduce import count, stretches
from vitreous.project.session import Session
from vitreous.project.timeline import timeline
from vitreous.project.types import find_type
from vitreous.store import library
from vitreous.store.columns import exposure_columns
from vitreous.store.ledger import leaving_counts, task_counts
from vitreous.workflow.graph import Job
from vitreous.workflow.job_type import JobType

FILES = "jobs"
"""Folder of the project whose files may be fetched."""
PARTS = 120
"""Stretches of time in a curve of yield."""


@dataclass(frozen=True)
class GivenFile:
    """A kind of file that a job gives with each item: slot, name in the slot (empty: its main file)."""

    slot: str
    name: str


@dataclass(frozen=True)
class GivenColumn:
    """A column of numbers that a job has filled."""

    name: str
    unit: str | None
    meaning: str


@dataclass(frozen=True)
class JobResult:
    """What one job has given.

    Attributes:
        job, title, type, category: which.
        state: ``active``, ``paused``, ``cancelled``, ``closed`` or ``broken``.
        scope: ``source``, ``item``, ``set`` or ``decision``.
        done: results that are there.
        filter: whether it decides which items go on.
        leaving: output → number of items, where the engine has decided.
        columns: in which figures it has given values.
        files: what it writes with each item.
    """

    job: int
    title: str
    type: str
    category: str
    state: str
    scope: str
    done: int
    filter: bool
    leaving: dict[str, int]
    columns: list[GivenColumn]
    files: list[GivenFile]


def job_results(session: Session, only: Sequence[int] | None = None) -> list[JobResult]:
    """What each job has given (or some), in the order of the graph."""
    graph = session.graph()
    counts = library.cached(session.db, ("task counts",), lambda: task_counts(session.db))
    leaving = library.cached(session.db, ("leaving",), lambda: leaving_counts(session.db))
    known = exposure_columns(session.db, "exposure")
    slots = dict(session.db.connection.execute("SELECT name, slot FROM exposure_column").fetchall())
    found = []
    for number in graph.order:
        if only is None or number in only:
            job = graph.jobs[number]
            found.append(_result(session, job, counts.get(number, {}), leaving.get(number, {}), known, slots))
    return found


def _result(
    session: Session, job: Job, counts: dict[str, int], leaving: dict[str, int], known: Any, slots: dict[str, str]
) -> JobResult:
    found = find_type(session.folder, job.type)
    job_type = found if isinstance(found, JobType) else None
    names = [
        name
        for name, kind in known.items()
        if kind in ("REAL", "INTEGER") and slots.get(name) in job.gives and not name.endswith("_job")
    ]
    return JobResult(
        job.id,
        job.title,
        job.type,
        job_type.category if job_type else "",
        "broken" if job.broken else "closed" if job.closed else job.state,
        job.scope,
        counts.get("done", 0),
        job.type == "filter",
        dict(leaving),
        [_column(name) for name in names],
        [] if job_type is None else [entry for slot in job_type.gives for entry in _files(slot)],
    )


def _column(name: str) -> GivenColumn:
    declared = find_column(name)
    return GivenColumn(name, declared.unit if declared else None, declared.meaning if declared else "")


def _files(slot: Any) -> Iterator[GivenFile]:
    if slot.file:
        yield GivenFile(slot.name, "")
    for name in slot.files:
        yield GivenFile(slot.name, name)


@dataclass(frozen=True)
class Yield:
    """How many images a filter keeps as time goes on.

    Attributes:
        starts: of stretches of time, s since 1970.
        width: of a stretch, s.
        kept, all: images of each stretch that pass, and images in all.
        total_kept, total: of the whole session.
    """

    starts: list[float]
    width: float
    kept: list[int]
    all: list[int]
    total_kept: int
    total: int


def filter_yield(session: Session, number: int) -> Yield:
    """How many images a filter keeps as time goes on, by its rule as it is now.

    Raises:
        UsageError: there is no such job (``missing``), or it is no filter.
    """
    job = session.graph().jobs.get(number)
    if job is None:
        raise UsageError(f"there is no job J{number}", hint="Load the page again", missing=True)
    if job.type != "filter":
        raise UsageError(f"{job.label} is no filter", hint="Choose a filter", job=number)
    line = timeline(session)
    if not line.ids.size:
        return Yield([], 0.0, [], [], 0, 0)

    def make() -> np.ndarray:
        text, values = condition_of(session, Which(filter=number, side="items"))
        cursor = session.db.connection.cursor()
        cursor.row_factory = None  # plain tuples: half the time for 100,000 rows
        rows = cursor.execute(f"SELECT id FROM exposures WHERE {text}", values)
        return np.isin(line.ids, np.fromiter((row for (row,) in rows), dtype=np.int64))

    passed = library.cached(session.db, ("yield", number, job.identity), make)
    starts, width = stretches(float(line.times[0]), float(line.times[-1]), PARTS)
    kept = count(line.times[passed], starts, width)
    every = count(line.times, starts, width)
    return Yield(
        [float(start) for start in starts],
        width,
        [int(n) for n in kept],
        [int(n) for n in every],
        int(passed.sum()),
        int(passed.size),
    )


def result_paths(session: Session, slot: str, name: str = "", which: Which | None = None) -> Iterator[str]:
    """Files of a slot (``name``: of its further ones) of all items that ``which`` means, relative to the project.

    Raises:
        UsageError: no job of the project gives this slot.
    """
    known = exposure_columns(session.db, "exposure")
    if f"{slot}_job" not in known:
        slots = sorted(column.removesuffix("_job") for column in known if column.endswith("_job"))
        raise UsageError(f"no item has {slot!r}", hint=f"There are {', '.join(slots) or 'no results yet'}", slot=slot)
    text, values = condition_of(session, which or Which())
    rows = session.db.connection.execute(
        f"""SELECT r.slots FROM exposure e JOIN task t ON t.job = e."{slot}_job" AND t.item = e.id
        JOIN result r ON r.identity = t.identity WHERE e.id IN (SELECT id FROM exposures WHERE {text}) ORDER BY e.id""",
        values,
    )
    for (slots_text,) in rows.fetchall():
        entry = json.loads(slots_text).get(slot, {})
        path = (entry.get("files") or {}).get(name) if name else entry.get("file")
        if path:
            yield str(path)


def result_file(folder: Path, name: str) -> Path:
    """A file of the project's results by its name relative to the project.

    Raises:
        UsageError: it is not among the results (``missing``).
    """
    plain = "\0" not in name and not any(part.startswith(".") for part in Path(name).parts)
    path = (folder / name).resolve() if plain else folder
    if not plain or not path.is_relative_to((folder / FILES).resolve()) or not path.is_file():
        raise UsageError(f"there is no result file {name!r}", hint="Choose one of the list of files", missing=True)
    return path
