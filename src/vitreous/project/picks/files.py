"""Where the picks of a project lie: the current results of the jobs that give them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.session import Session, job_number
from vitreous.store.items import parameters_of
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.parameters import Source, resolve

SLOT = "picks"
SELECT = "select-picks"
"""The job type that moves thresholds and takes edits by hand."""
TRASH = 2


@dataclass(frozen=True)
class PickFile:
    """The picks of one image.

    Attributes:
        item, name: number and name of the image.
        identity: of the result; the file of an identity never changes.
        path: of the Parquet file, relative to the project.
    """

    item: int
    name: str
    identity: str
    path: str


def pick_jobs(graph: Graph) -> list[Job]:
    """Jobs that give picks, in the order of the graph."""
    return [graph.jobs[number] for number in graph.order if SLOT in graph.jobs[number].gives]


def needed_pick_job(session: Session, job: int | str) -> Job:
    """A job that gives picks.

    Raises:
        UsageError: there is no such job, or it gives none.
    """
    graph = session.graph()
    try:
        found = graph.jobs[job_number(graph, job)]
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint, missing=True) from error
    if SLOT not in found.gives:
        known = ", ".join(one.label for one in pick_jobs(graph))
        hint = f"These do: {known}" if known else "Add a job that picks particles, or pick by hand in the viewer"
        raise UsageError(f"{found.label} gives no picks", hint=hint, missing=True)
    return found


def base_of(graph: Graph, job: Job) -> Job | None:
    """The job whose picks a selection chooses from; the job itself where it is no selection; none without a picker."""
    if job.type != SELECT:
        return job
    before = graph.ancestors(job.id)
    found = [one for one in pick_jobs(graph) if one.id in before and one.type != SELECT]
    return found[-1] if found else None


def select_behind(graph: Graph, job: Job | None) -> Job | None:
    """The selection that follows a job's picks at once; without a job, the newest selection that has no picker."""
    selections = [one for one in pick_jobs(graph) if one.type == SELECT and one.state != "cancelled"]
    if job is not None and job.type == SELECT:
        return job
    if job is None:
        free = [one for one in selections if base_of(graph, one) is None]
        return free[-1] if free else None
    direct = [one for one in selections if any(entry.source == job.id for entry in one.inputs)]
    found = direct or [one for one in selections if (base := base_of(graph, one)) is not None and base.id == job.id]
    return found[0] if found else None


def files_of(session: Session, job: int) -> list[PickFile]:
    """The current files of a job's picks, by number of the image; images in TRASH are left out."""
    text = """SELECT t.item, e.name, t.identity, json_extract(r.slots, '$.picks.file')
        FROM task t JOIN result r ON r.identity = t.identity JOIN exposure e ON e.id = t.item
        WHERE t.job = ? AND t.state = 'done' AND e.group_id != ? ORDER BY t.item"""
    rows = session.db.connection.execute(text, (job, TRASH))
    return [PickFile(*row) for row in rows if row[3]]


def file_of(session: Session, job: int, item: int) -> PickFile | None:
    """The file with a job's picks of one image, where it is there."""
    text = """SELECT t.item, e.name, t.identity, json_extract(r.slots, '$.picks.file')
        FROM task t JOIN result r ON r.identity = t.identity JOIN exposure e ON e.id = t.item
        WHERE t.job = ? AND t.item = ? AND t.state = 'done'"""
    row = session.db.connection.execute(text, (job, item)).fetchone()
    return PickFile(*row) if row is not None and row[3] else None


def why_none(session: Session, item: int, jobs: list[Job]) -> str:
    """In a sentence, why an image has no picks."""
    if not jobs:
        return "No job of this project picks particles; pick by hand, or add such a job"
    for job in reversed(jobs):
        row = session.db.connection.execute(
            "SELECT state, error FROM task WHERE job = ? AND item = ?", (job.id, item)
        ).fetchone()
        if row is None:
            continue
        if row[0] in ("failed", "quarantined"):
            fault = json.loads(row[1] or "{}").get("message", "")
            return f"J{job.id} failed for this image" + (f": {fault}" if fault else "")
        if row[0] == "done":
            return f"J{job.id} is done for this image, but its file is not there any more"
        return f"J{job.id} has not picked on this image yet ({row[0]})"
    return f"This image has not come to J{jobs[-1].id}"


def parameter_of(session: Session, job: Job, name: str, item: int | None = None) -> Any:
    """The value of a job's parameter as its results have it; ``None`` where it has none of that name."""
    job_type = session.type(job.type)
    if name not in job_type.params.model_fields:
        return None
    own: Mapping[str, Any] = {}
    if item is not None:
        found = parameters_of(session.db, item)
        own = {name: found[f"{job.type}.{name}"]} if f"{job.type}.{name}" in found else {}
    values = resolve(job_type, [Source("job", {**job.params, **own}, inherited=False), *_project(session)])
    if name in values:
        return values[name].value
    field = job_type.params.model_fields[name]
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _project(session: Session) -> Iterator[Source]:
    yield Source("project", session.settings())


def diameter_of(session: Session, job: Job | None, item: int | None = None) -> float | None:
    """The particle's diameter in Å that a job, or the one before it, picked with."""
    graph = session.graph()
    before = [] if job is None else [one for one in pick_jobs(graph) if one.id in graph.ancestors(job.id)]
    for one in [*([job] if job is not None else []), *reversed(before)]:
        if one.broken is None:
            value = parameter_of(session, one, "diameter", item)
            if isinstance(value, int | float):
                return float(value)
    return None
