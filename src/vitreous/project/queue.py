"""The queue as people see it: what runs where, what comes next, what waits for what, what failed and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vitreous.project.dispatch import finished_jobs, startable
from vitreous.project.reasons import Reason, reasons
from vitreous.project.session import Session
from vitreous.project.why import explain_job, running
from vitreous.store import library
from vitreous.store.ledger import task_counts, unsettled
from vitreous.store.ready import ready_tasks
from vitreous.workflow.graph import Graph
from vitreous.workflow.states import TaskState

MOST_WAITING = 12
"""Jobs whose waiting is told in a sentence."""


@dataclass(frozen=True)
class RunningTask:
    """One task under way: number of job and item, name of the item (``all items`` for a set)."""

    job: int
    item: int
    name: str


@dataclass(frozen=True)
class Lane:
    """One worker, or a submission whose worker is not known.

    Attributes:
        worker: its name; ``None`` where only the submission is known.
        host, kind: where it is, and whether it is a ``cpu`` or ``gpu`` worker.
        tasks: what it does, empty where it is free.
        since: s since 1970, when it began.
        fraction: of the work that is done, 0 to 1; ``None`` where it does not say.
        what: what it does now.
    """

    worker: str | None
    host: str | None
    kind: str | None
    tasks: tuple[RunningTask, ...]
    since: float | None
    fraction: float | None
    what: str


@dataclass(frozen=True)
class NextTask:
    """A task that may be begun; ``rank`` is 0 unless people gave the item another place."""

    job: int
    item: int
    name: str
    rank: float


@dataclass(frozen=True)
class Waiting:
    """Tasks of a job that are not begun, and in a sentence why; ``state`` is that of the job."""

    job: int
    state: str
    waiting: int
    ready: int
    why: str


@dataclass(frozen=True)
class Queue:
    """The whole queue.

    Attributes:
        engine: whether one runs.
        lanes: workers with what they do.
        next: ready tasks in the order in which they would be begun.
        ready: how many there are in all.
        waiting: by job; at most ``MOST_WAITING``, ``waiting_left`` more are not told.
        failed: by reason.
        conditions: what hinders the engine, a sentence each.
        order: ``first`` (that came) or ``newest``.
        titles: job → title of every job that is named here.
        counts: task state → number.
    """

    engine: bool
    lanes: list[Lane]
    next: list[NextTask]
    ready: int
    waiting: list[Waiting]
    waiting_left: int
    failed: list[Reason]
    conditions: dict[str, str]
    order: str
    titles: dict[int, str]
    counts: dict[str, int]


def queue(session: Session, limit: int = 100) -> Queue:
    """The queue as it is now, with the next ``limit`` tasks."""
    graph, status = session.graph(), running(session)
    counts = library.cached(session.db, ("task counts",), lambda: task_counts(session.db))
    total: dict[str, int] = {}
    for states in counts.values():
        for state, number in states.items():
            total[state] = total.get(state, 0) + number
    lanes = [] if status is None else _lanes(session, status.workers, status.running)
    coming = _next(session, graph, counts, limit)
    waiting, left = _waiting(session, graph, counts)
    failed_jobs = [number for number, states in counts.items() if states.get("failed") or states.get("quarantined")]
    failed = reasons(session.db, failed_jobs)
    named = {entry.job for group in (coming, waiting, failed) for entry in group}
    named |= {task.job for lane in lanes for task in lane.tasks}
    return Queue(
        engine=status is not None,
        lanes=lanes,
        next=coming,
        ready=total.get("ready", 0),
        waiting=waiting,
        waiting_left=left,
        failed=failed,
        conditions={} if status is None else dict(status.conditions),
        order=str(session.settings().get("order", "first")),
        titles={number: graph.jobs[number].title for number in sorted(named) if number in graph.jobs},
        counts=total,
    )


def _lanes(session: Session, workers: Sequence[Any], submissions: Sequence[Any]) -> list[Lane]:
    """A lane for each worker; submissions that name no worker follow in lanes of their own."""
    numbers = sorted({item for entry in submissions for _, item in entry.get("tasks", ()) if item})
    names = _names(session, numbers)
    work = {str(entry.get("key", place)): entry for place, entry in enumerate(submissions)}
    lanes = []
    for worker in workers:
        entry = work.pop(str(worker.get("busy")), None)
        facts = (str(worker.get("name")), worker.get("host"), worker.get("kind"))
        lanes.append(Lane(*facts, **_doing(entry or {}, names)))
    return [*lanes, *(Lane(None, None, None, **_doing(entry, names)) for entry in work.values())]


def _doing(entry: Any, names: dict[int, str]) -> dict[str, Any]:
    tasks = tuple(RunningTask(job, item, names.get(item, "all items")) for job, item in entry.get("tasks", ()))
    return {
        "tasks": tasks,
        "since": entry.get("since"),
        "fraction": entry.get("fraction"),
        "what": entry.get("what") or "",
    }


def _next(session: Session, graph: Graph, counts: dict[int, dict[str, int]], limit: int) -> list[NextTask]:
    """Ready tasks in the order of ``dispatch``: serial jobs and batches are in it by the place of their items."""
    states = {number: frozenset(TaskState(state) for state in found) for number, found in counts.items()}
    finished = finished_jobs(graph, states, bool(unsettled(session.db, 1)))
    allowed = [number for number in startable(graph, finished) if counts.get(number, {}).get("ready")]
    newest = session.settings().get("order") == "newest"
    found = ready_tasks(session.db, allowed, newest, limit)
    names = _names(session, [task.item for task in found])
    ranks = {
        (row[0], row[1]): row[2]
        for row in session.db.connection.execute(
            "SELECT t.job, t.item, t.rank FROM json_each(?) j JOIN task t"
            " ON t.job = json_extract(j.value, '$[0]') AND t.item = json_extract(j.value, '$[1]')",
            (json.dumps([[task.job, task.item] for task in found]),),
        )
    }
    return [
        NextTask(task.job, task.item, names.get(task.item, "all items"), float(ranks.get((task.job, task.item), 0)))
        for task in found
    ]


def _waiting(session: Session, graph: Graph, counts: dict[int, dict[str, int]]) -> tuple[list[Waiting], int]:
    """Jobs with tasks that are not begun, in the order of the graph; and how many more there are."""
    numbers = [n for n in graph.order if counts.get(n, {}).get("waiting") or counts.get(n, {}).get("ready")]
    found = []
    for number in numbers[:MOST_WAITING]:
        states = counts[number]
        why = explain_job(session, graph.jobs[number])
        found.append(Waiting(number, graph.jobs[number].state, states.get("waiting", 0), states.get("ready", 0), why))
    return found, max(0, len(numbers) - MOST_WAITING)


def _names(session: Session, items: Sequence[int]) -> dict[int, str]:
    """Item → name."""
    text = "SELECT id, name FROM exposure WHERE id IN (SELECT value FROM json_each(?))"
    return dict(tuple(row) for row in session.db.connection.execute(text, (json.dumps(list(items)),)))
