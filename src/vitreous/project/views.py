"""What people see of jobs and tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import counted, near
from vitreous.project.session import Session
from vitreous.store.columns import exposure_columns
from vitreous.store.fragments import rows_of_set
from vitreous.store.items import parameters_of
from vitreous.store.ledger import Results, item_facts, task_counts
from vitreous.workflow.graph import Graph, Input, Job, chosen_slot
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import Source, Value, checked, resolve
from vitreous.workflow.planner import settle


@dataclass(frozen=True)
class JobView:
    """A job for people.

    Attributes:
        id, type, title, note, params, revision, inputs: as in the graph.
        state: ``active``, ``paused``, ``cancelled``, ``closed`` (an import that has ended) or ``broken``.
        counts: task state → number of tasks.
        broken: why it can't run.
        continues: the job that it extends.
        output: what it has given, such as ``8 items: micrograph (4096 x 4096 px, 0.83 Å/px)``.
    """

    id: int
    type: str
    title: str
    note: str
    params: Mapping[str, Any]
    revision: int
    inputs: tuple[Input, ...]
    state: str
    counts: Mapping[str, int]
    broken: str | None
    continues: int | None
    output: str


def job_view(session: Session, number: int) -> JobView:
    """What a job is and how far it is."""
    return _view(session, session.graph().jobs[number], task_counts(session.db, number).get(number, {}))


SIZES = {"movie": ("movie_width", "movie_height", "movie_pixel_size"), "micrograph": ("width", "height", "pixel_size")}
"""Slots that hold images → the columns of their size."""


ROWS = {"particle_set": "particle", "particles2d": "classified particle", "particles": "particle", "picks": "pick"}
"""Big tables → what a row of them is."""


def output_text(session: Session, job: Job, counts: Mapping[str, int]) -> str:
    """What a job has given, in a line; sizes where all images have the same."""
    if job.scope == "source":
        text = "SELECT count(*) FROM exposure WHERE source_job = ?"
        number = int(session.db.connection.execute(text, (job.id,)).fetchone()[0])
    else:
        number = counts.get("done", 0)
    if not number:
        return "nothing yet"
    if job.scope == "set":
        rows = [counted(many, ROWS.get(table, "row")) for table, many in rows_of_set(session.db, job.id).items()]
        return "1 result" + (f": {', '.join(rows)}" if rows else "")
    slots = [f"{slot}{_size_text(session, job, slot)}" for slot in job.gives]
    return counted(number, "item") + (f": {', '.join(slots)}" if slots else "")


def _size_text(session: Session, job: Job, slot: str) -> str:
    known = exposure_columns(session.db, "exposure")
    if slot not in SIZES or any(name not in known for name in SIZES[slot]):
        return ""
    width, height, pixel_size = SIZES[slot]
    text = f"""SELECT min({width}), max({width}), min({height}), max({height}), min({pixel_size}), max({pixel_size})
        FROM exposure WHERE {slot}_job = ?"""
    row = session.db.connection.execute(text, (job.id,)).fetchone()
    if row[0] is None or row[0] != row[1] or row[2] != row[3]:
        return ""
    same = row[4] is not None and row[5] - row[4] < 1e-4 * row[4]
    return f" ({row[0]} x {row[2]} px" + (f", {row[4]:.4g} Å/px)" if same else ")")


def _view(session: Session, job: Job, counts: Mapping[str, int]) -> JobView:
    state = "broken" if job.broken else "closed" if job.closed else job.state
    return JobView(
        job.id, job.type, job.title, job.note, job.params, job.revision, job.inputs, state, counts, job.broken,
        job.continues, output_text(session, job, counts),
    )  # fmt: skip


@dataclass(frozen=True)
class TaskView:
    """A task for people.

    Attributes:
        job, item: numbers; item 0 is a set.
        name: of the item.
        state, tries: as in the ledger.
        error: ``{code, message, hint, context}`` of the last failure.
        started, finished: s since 1970.
        seconds, worker, folder, warnings: of the result.
    """

    job: int
    item: int
    name: str
    state: str
    tries: int
    error: Mapping[str, Any] | None
    started: float | None
    finished: float | None
    seconds: float | None
    worker: str | None
    folder: str | None
    warnings: tuple[str, ...]


def task_views(
    session: Session, *, job: int | None = None, item: str | None = None, state: str | None = None, limit: int = 100_000
) -> list[TaskView]:
    """Tasks of a job, of an item, in a state."""
    where, values = ["1"], []
    if job is not None:
        where.append("t.job = ?")
        values.append(job)
    if item is not None:
        where.append("t.item = ?")
        values.append(item_number(session, item))
    if state is not None:
        where.append("t.state = ?")
        values.append(state)  # type: ignore[arg-type]
    text = f"""SELECT t.job, t.item, coalesce(e.name, 'all items'), t.state, t.tries, t.error, t.started, t.finished,
        r.seconds, r.worker, r.folder, r.warnings FROM task t LEFT JOIN exposure e ON e.id = t.item
        LEFT JOIN result r ON r.identity = t.identity AND t.state = 'done'
        WHERE {" AND ".join(where)} ORDER BY t.job, t.item LIMIT ?"""
    rows = session.db.connection.execute(text, [*values, limit])
    return [
        TaskView(*row[:5], _json(row[5]), *row[6:11], tuple(_json(row[11]) or ()))  # type: ignore[call-arg]
        for row in (tuple(row) for row in rows)
    ]


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def item_number(session: Session, name: str) -> int:
    """Number of an item by its name, or by ``#12``."""
    text = "SELECT id FROM exposure WHERE name = ? OR '#' || id = ?"
    row = session.db.connection.execute(text, (name, name)).fetchone()
    if row is None:
        some = [row[0] for row in session.db.connection.execute("SELECT name FROM exposure LIMIT 5000")]
        raise UsageError(f"there is no item {name!r}", hint=near(name, some) or "See vitreous info", item=name)
    return int(row[0])


def parameter_origins(session: Session, number: int, item: str | None = None) -> dict[str, Value]:
    """Every parameter of a job (for an item) with its value and where that comes from."""
    graph = session.graph()
    job = graph.jobs[number]
    job_type = session.type(job.type)
    sources = [Source("job", job.params, inherited=False)]
    if item is not None:
        sources = [Source("item", _own(session, item, job), inherited=False), *sources]
        sources += _slot_sources(session, graph, job, job_type, item)
    origins = session.settings_with_origin()
    for origin in dict.fromkeys(entry["origin"] for entry in origins.values()):
        values = {name: entry["value"] for name, entry in origins.items() if entry["origin"] == origin}
        sources.append(Source("project" if origin == "user" else f"project, from {origin}", values))
    found = resolve(job_type, sources)
    model = checked(job_type, {name: value.value for name, value in found.items()}, job.label)
    return {
        name: found[name] if name in found else Value(value, "default") for name, value in model.model_dump().items()
    }


def _own(session: Session, item: str, job: Job) -> dict[str, Any]:
    start = f"{job.type}."
    values = parameters_of(session.db, item_number(session, item))
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}


def _slot_sources(session: Session, graph: Graph, job: Job, job_type: JobType, item: str) -> list[Source]:
    """The item's slots that the job needs."""
    results = Results(session.db)
    facts = item_facts(session.db, [item_number(session, item)])[0]
    slots = settle(graph, facts, results.find, session.decide).arrivals[job.id].slots
    needed = [slot for need in job_type.needs if (slot := chosen_slot(need, slots)) is not None]
    sources = []
    for name in needed:
        found = results.find(slots[name])
        if found is not None and name in found.slots:
            sources.append(Source(f"slot {name}", found.slots[name].values))
    return sources
