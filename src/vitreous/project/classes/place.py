"""Where the averages of a 2D classification lie: its newest result, or what a run under way has written so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.class_model import ClassModel, read_class_model
from vitreous.project.session import Session, job_number
from vitreous.store import library
from vitreous.workflow.graph import Graph, Job

CLASSES, PARTICLES = "classes2d", "particle_set"
"""Slots of averages with their record, and of the particles in classes."""
SELECTION = "select-classes"
"""Job type that keeps the particles of some classes."""
MODEL, AVERAGES = "model.json", "classes.mrcs"

Source = Literal["newest", "result", "running"]
"""What to look at: a run under way where there is one, else the result; or one of them only."""


@dataclass(frozen=True)
class ClassesAt:
    """Averages of a classification, and what is known of them.

    Attributes:
        job: number of the classification.
        running: they are of a run that has not ended.
        model: the record.
        averages: stack of the averages.
        particles: Parquet file of the particles in these classes; ``None`` while the run goes on.
        made: s since 1970.
        stamp: changes when the files do.
        stale: the result is of other parameters or fewer particles than the job now has.
    """

    job: int
    running: bool
    model: ClassModel
    averages: Path
    particles: Path | None
    made: float
    stamp: str
    stale: bool = False


def gives_classes(job: Job) -> bool:
    """Whether a job makes class averages."""
    return CLASSES in job.gives or job.type == "classify2d"


def classification_of(graph: Graph, number: int) -> int | None:
    """The classification that a job is, or the nearest one before it."""
    near, seen = [number], {number}
    while near:
        found = [n for n in near if gives_classes(graph.jobs[n])]
        if found:
            return max(found)
        near = [entry.source for n in near for entry in graph.jobs[n].inputs if entry.source not in seen]
        seen.update(near)
    return None


def class_job(session: Session, name: str | int) -> tuple[int, int]:
    """Numbers of a job, and of the classification that it is or that it chooses from.

    Raises:
        UsageError: there is no such job, or it has to do with no classes (``missing``).
    """
    graph = session.graph()
    try:
        number = job_number(graph, name)
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint, missing=True) from error
    job = graph.jobs[number]
    found = classification_of(graph, number) if gives_classes(job) or job.type == SELECTION else None
    if found is None:
        raise UsageError(
            f"{job.label} makes no class averages, and chooses none",
            hint="Choose a 2D classification, or add one in the workflow",
            missing=True,
        )
    return number, found


def find_classes(session: Session, job: int, source: Source = "newest") -> ClassesAt | None:
    """The averages of a classification as they are now; ``None`` where there are none yet.

    Raises:
        DataError: the record of the result is damaged.
    """
    task = session.db.connection.execute(
        "SELECT state, identity FROM task WHERE job = ? AND item = 0", (job,)
    ).fetchone()
    if task is not None and task["state"] != "done" and task["identity"] and source != "result":
        for folder in sorted((session.folder / "jobs").glob(f"J{job}-*/.work-{task['identity'][:8]}")):
            # The run may end between the look and the reading: then its files are in their final place.
            with suppress(DataError, OSError):
                return _at(session, job, folder / MODEL, folder / AVERAGES, running=True)
    if source == "running":
        return None
    for row in _results(session, job):
        entry = json.loads(row["slots"]).get(CLASSES) or {}
        if not entry.get("file"):
            continue
        averages = session.folder / entry["file"]
        given = (entry.get("files") or {}).get("model")
        model = session.folder / given if given else averages.with_name(MODEL)
        if averages.is_file() and model.is_file():
            stale = task is not None and task["identity"] != row["identity"]
            rows = (json.loads(row["slots"]).get(PARTICLES) or {}).get("file")
            table = session.folder / rows if rows else None
            return _at(session, job, model, averages, table, stale=stale)
    return None


def needed_classes(session: Session, job: int, source: Source = "newest") -> ClassesAt:
    """The same as ``find_classes``, and a ``UsageError`` (``missing``) where there are none."""
    found = find_classes(session, job, source)
    if found is None:
        raise UsageError(
            f"{session.graph().jobs[job].label} has made no class averages yet",
            hint="They appear after its first iteration",
            missing=True,
        )
    return found


def newest_result(session: Session, job: int) -> ClassesAt:
    """The newest result of a classification with its particles; a ``UsageError`` (``missing``) where there is none."""
    found = needed_classes(session, job, "result")
    if found.particles is None or not found.particles.is_file():
        raise UsageError(
            f"{session.graph().jobs[job].label} has no table of particles",
            hint="Run the classification again",
            missing=True,
        )
    return found


def _results(session: Session, job: int) -> Iterator[Any]:
    """Results of a job on its set: that of its task first, then the newest."""
    text = """SELECT r.identity, r.slots FROM task t JOIN result r ON r.identity = t.identity
        WHERE t.job = ? AND t.item = 0"""
    yield from session.db.connection.execute(text, (job,)).fetchall()
    text = "SELECT identity, slots FROM result WHERE job = ? AND item = 0 ORDER BY committed DESC LIMIT 20"
    yield from session.db.connection.execute(text, (job,)).fetchall()


def _at(
    session: Session,
    job: int,
    model: Path,
    averages: Path,
    particles: Path | None = None,
    *,
    running: bool = False,
    stale: bool = False,
) -> ClassesAt:
    record, pictures = model.stat(), averages.stat()
    stamp = f"{record.st_mtime_ns:x}-{pictures.st_mtime_ns:x}-{pictures.st_size:x}"
    known = library.cached(session.db, ("class model", str(model), stamp), lambda: read_class_model(model))
    return ClassesAt(job, running, known, averages, particles, record.st_mtime, stamp, stale)
