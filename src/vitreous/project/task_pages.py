"""Pages of the table of tasks, sorted and filtered in the catalogue, and all that is known of one task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.project.session import Session
from vitreous.project.why import explain_item, explain_job
from vitreous.store import library
from vitreous.store.database import Database
from vitreous.store.events import Event
from vitreous.store.ledger import task_counts
from vitreous.workflow.states import TaskState

SORTS = {
    "job": "t.job",
    "item": "t.item",
    "name": "e.name",
    "state": "t.state",
    "tries": "t.tries",
    "started": "t.started",
    "finished": "t.finished",
    "seconds": "r.seconds",
    "worker": "r.worker",
}
"""What the table of tasks can be sorted by."""
SHALLOW = 1000
"""Rows up to which the best few are found in one pass; deeper pages sort all, once."""

FEW = 20_000
"""Tasks up to which those in some states are sorted anew rather than found in the order's index."""


@dataclass(frozen=True)
class TaskLine:
    """One task: times in s since 1970, ``seconds`` of its result, ``name`` of its item (``all items`` for a set)."""

    job: int
    item: int
    name: str
    state: str
    tries: int
    message: str | None
    hint: str | None
    started: float | None
    finished: float | None
    seconds: float | None
    worker: str | None
    retry_at: float | None


@dataclass(frozen=True)
class TaskPage:
    """Some tasks; ``total`` is how many fit the filter; ``titles`` are those of the jobs that are named."""

    rows: list[TaskLine]
    total: int
    titles: dict[int, str]


def task_page(
    session: Session,
    *,
    job: int | None = None,
    item: int | None = None,
    states: Sequence[str] = (),
    text: str | None = None,
    order: str = "-finished",
    limit: int = 100,
    offset: int = 0,
) -> TaskPage:
    """Tasks of a job, of an item, in states, with a text in the item's name or in the reason of a failure.

    Args:
        order: one of ``SORTS``, with ``-`` for the other way round; what is unknown comes last.

    Raises:
        UsageError: a state or an order that there is not.
    """
    counts = library.cached(session.db, ("task counts",), lambda: task_counts(session.db))
    where, values = _condition(job, item, states, text)
    by = _by(order)
    known = None if item is not None or text else _known_count(counts, job, states)
    if states and known is not None and known <= FEW:
        # By the index of (job, state): the order's own index would be walked from end to end for them.
        where, by = f"{where} AND t.job IN (SELECT id FROM job)", by.replace("t.finished", "+t.finished")
    pairs = _pairs(session.db, where, values, by, limit, offset)
    rows = session.db.connection.execute(
        """SELECT t.job, t.item, coalesce(e.name, 'all items'), t.state, t.tries, t.error, t.started, t.finished,
        r.seconds, r.worker, t.retry_at FROM json_each(?) p
        JOIN task t ON t.job = json_extract(p.value, '$[0]') AND t.item = json_extract(p.value, '$[1]')
        LEFT JOIN exposure e ON e.id = t.item
        LEFT JOIN result r ON r.identity = t.identity AND t.state = 'done' ORDER BY p.key""",
        (json.dumps(pairs),),
    )
    lines = [_line(row) for row in rows]
    total = _count(session.db, where, values) if known is None else known
    return TaskPage(lines, total, titles_of(session, {line.job for line in lines}))


def _known_count(counts: Mapping[int, Mapping[str, int]], job: int | None, states: Sequence[str]) -> int:
    """Tasks of a job (or of all) in states, of the counts that are known already."""
    chosen = counts.values() if job is None else [counts.get(job, {})]
    return sum(n for found in chosen for state, n in found.items() if not states or state in states)


def titles_of(session: Session, jobs: Iterable[int]) -> dict[int, str]:
    """Job → title."""
    graph = session.graph()
    return {number: graph.jobs[number].title for number in sorted(jobs) if number in graph.jobs}


def _line(row: Any) -> TaskLine:
    error = json.loads(row[5]) if row[5] and row[3] in ("failed", "quarantined") else {}
    job, item, name, state, tries, _, *times = row
    return TaskLine(job, item, name, state, tries, error.get("message"), error.get("hint"), *times)


def _condition(
    job: int | None, item: int | None, states: Sequence[str], text: str | None
) -> tuple[str, tuple[Any, ...]]:
    parts: list[str] = []
    values: list[Any] = []
    for column, value in (("t.job", job), ("t.item", item)):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    for state in states:
        if state not in set(TaskState):
            raise UsageError(f"there is no state {state!r}", hint=f"States: {', '.join(TaskState)}", state=state)
    if states:
        parts.append(f"t.state IN ({','.join('?' * len(states))})")
        values += states
    if text:
        escaped = "%" + text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        like = "LIKE ? ESCAPE '\\'"
        parts.append(f"(t.item IN (SELECT id FROM exposure WHERE name {like}) OR t.error {like})")
        values += [escaped, escaped]
    return " AND ".join(parts) or "1", tuple(values)


def _by(order: str) -> str:
    name, down = order.lstrip("-"), order.startswith("-")
    if name not in SORTS:
        raise UsageError(f"tasks can't be sorted by {name!r}", hint=f"Sort by {', '.join(SORTS)}", order=order)
    if name == "job":
        return "t.job DESC, t.item DESC" if down else "t.job, t.item"
    return f"{SORTS[name]} {'DESC' if down else 'ASC'} NULLS LAST, t.job, t.item"


def _pairs(db: Database, where: str, values: Sequence[Any], by: str, limit: int, offset: int) -> list[list[int]]:
    """``[job, item]`` of the tasks of a page."""
    joins = ""
    if "r." in by:
        joins += " LEFT JOIN result r ON r.identity = t.identity AND t.state = 'done'"
    if "e." in by:
        joins += " LEFT JOIN exposure e ON e.id = t.item"
    query = f"SELECT t.job, t.item FROM task t{joins} WHERE {where} ORDER BY {by}"
    shallow = offset + limit <= SHALLOW

    def make() -> np.ndarray:
        cursor = db.connection.cursor()
        cursor.row_factory = None
        rows = cursor.execute(query + (f" LIMIT {SHALLOW}" if shallow else ""), tuple(values))
        flat = np.fromiter((number for row in rows for number in row), dtype=np.int64)
        return flat.reshape(-1, 2)

    found = library.cached(db, ("task pairs", shallow, query, tuple(values)), make)
    return [[int(job), int(item)] for job, item in found[offset : offset + limit]]


def _count(db: Database, where: str, values: Sequence[Any]) -> int:
    def make() -> int:
        return int(db.connection.execute(f"SELECT count(*) FROM task t WHERE {where}", tuple(values)).fetchone()[0])

    return library.cached(db, ("task count", where, tuple(values)), make)


@dataclass(frozen=True)
class TaskDetail:
    """All that is known of one task.

    Attributes:
        line: as in the table.
        title, type: of the job.
        code: of the error.
        log: the end of what the program wrote, where it failed.
        context: what else the error says.
        why: in a sentence how it stands.
        folder, files, warnings, versions: of the result; files relative to the project.
        events: its lines of the log, newest first.
    """

    line: TaskLine
    title: str
    type: str
    code: str | None
    log: str | None
    context: dict[str, Any]
    why: str
    folder: str | None
    files: list[str]
    warnings: list[str]
    versions: dict[str, Any]
    events: list[Event]


def task_detail(session: Session, job: int, item: int) -> TaskDetail:
    """All that is known of the task ``(job, item)``.

    Raises:
        UsageError: there is no such task (``missing``).
    """
    page = task_page(session, job=job, item=item, order="job", limit=1)
    graph = session.graph()
    if not page.rows or job not in graph.jobs:
        raise UsageError(f"there is no task of item {item} in J{job}", hint="Load the queue again", missing=True)
    db, node = session.db.connection, graph.jobs[job]
    text = """SELECT t.error, r.folder, r.slots, r.warnings, r.versions FROM task t
        LEFT JOIN result r ON r.identity = t.identity WHERE t.job = ? AND t.item = ?"""
    error_text, folder, slots, warnings, versions = db.execute(text, (job, item)).fetchone()
    error = json.loads(error_text) if error_text and page.rows[0].state in ("failed", "quarantined") else {}
    context = dict(error.get("context") or {})
    log = error.get("log") or context.pop("log", None)
    rows = db.execute("SELECT * FROM event WHERE item = ? AND job = ? ORDER BY seq DESC LIMIT 20", (item, job))
    return TaskDetail(
        line=page.rows[0],
        title=node.title,
        type=node.type,
        code=error.get("code"),
        log=None if log is None else str(log),
        context=context,
        why=explain_item(session, item, node) if item else explain_job(session, node),
        folder=folder,
        files=files_of(slots),
        warnings=list(json.loads(warnings) if warnings else []),
        versions=dict(json.loads(versions) if versions else {}),
        events=[Event(**{**dict(row), "data": None}) for row in rows],
    )


def files_of(slots: str | None) -> list[str]:
    """Files that a result's slots name."""
    found: dict[str, None] = {}
    for value in (json.loads(slots) if slots else {}).values():
        for name in (value.get("file"), *(value.get("files") or {}).values()):
            if name:
                found[str(name)] = None
    return list(found)
