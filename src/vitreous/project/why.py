"""Why is nothing happening? For a project, a job or an item: one sentence with the reason, and what to do."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import counted, duration
from vitreous.project.dispatch import finished_jobs
from vitreous.project.session import Session, job_number
from vitreous.project.status import Status, lack_of_space, read_status
from vitreous.project.views import item_number
from vitreous.store.ledger import Results, item_facts, members_to_come, task_counts, unsettled
from vitreous.store.lock import read_lock
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.planner import ItemFacts, Standing, settle
from vitreous.workflow.states import TaskState


def explain(session: Session, name: str | None = None) -> str:
    """What the project, a job (``J3``, its title) or an item waits for, and what to do.

    Raises:
        UsageError: there is nothing of that name.
    """
    if name is None:
        return explain_project(session)
    try:
        number = job_number(session.graph(), name)
    except UsageError as no_job:
        try:
            item = item_number(session, name)
        except UsageError:
            file = _refused_file(session, name)
            if file is not None:
                return file
            hint = f"{no_job.hint}; items are named like their files without suffix, or #12"
            raise UsageError(f"there is no job, item or file {name!r}", hint=hint) from None
        return explain_item(session, item)
    return explain_job(session, session.graph().jobs[number])


def running(session: Session) -> Status | None:
    """What the engine of the project says, ``None`` where none runs."""
    status = read_status(session.folder) if read_lock(session.folder).held else None
    if status is None:
        return None
    # On a full disk the engine can't write what it would say of it: what it said last is old.
    lack = lack_of_space(session.folder, session.settings().get("disk_reserve"))
    return status if lack is None else replace(status, conditions={**status.conditions, "disk": lack})


def explain_project(session: Session) -> str:
    """Why the project does what it does."""
    graph, counts, status = session.graph(), task_counts(session.db), running(session)
    if not graph.jobs:
        return "The project has no jobs: add one with vitreous add, or take a template with vitreous run-template."
    broken = [job for job in graph.jobs.values() if job.broken]
    if broken:
        return f"{broken[0].label} can't run: {broken[0].broken}"
    total: dict[str, int] = {}
    for job, states in counts.items():
        for state, number in states.items():
            held = state == "ready" and graph.jobs[job].state != "active"
            total["held" if held else state] = total.get("held" if held else state, 0) + number
    if status is not None:
        for name, text in status.conditions.items():
            if name == "disk":
                return f"Everything waits: {text}."
    left = _left(total, graph, bool(unsettled(session.db, 1)))
    if status is None and left and not _work(total) and not unsettled(session.db, 1):
        return f"All that has come is done ({_set_aside(session, total)}), and {left}: start it with vitreous watch."
    if status is None and left:
        return f"No engine runs this project, and {left}: start it with vitreous run or vitreous watch."
    if total.get("running"):
        ready = f"{total.get('ready', 0):,} ready"
        return f"{counted(total['running'], 'task')} running, {ready}, {_set_aside(session, total)}."
    if total.get("ready"):
        return _why_ready(graph, counts, status)
    if total.get("failed"):
        failed = f"{counted(total['failed'], 'task')} failed and {_are(total['failed'])} tried again after a pause"
        return f"{failed}, {_set_aside(session, total)}."
    if status is not None and _open_sources(graph):
        names = [f"J{job.id}" for job in _open_sources(graph)]
        said = "; ".join(status.conditions[name] for name in names if status.conditions.get(name))
        return f"All that has come is done ({_set_aside(session, total)}). The import: {said or 'it has just begun'}."
    if total.get("quarantined"):
        number = total["quarantined"]
        return (
            f"Everything else is done; {counted(number, 'task')} {_are(number)} quarantined: "
            "see them with vitreous tasks --state quarantined, mend the cause, then vitreous retry."
        )
    if total.get("waiting"):
        number = next(n for n in graph.order if counts.get(n, {}).get("waiting"))
        return f"Everything else is done, but {explain_job(session, graph.jobs[number])}"
    if total.get("held"):
        number = next(n for n in graph.order if counts.get(n, {}).get("ready") and graph.jobs[n].state != "active")
        return f"Everything else is done, but {explain_job(session, graph.jobs[number])}"
    refused = _refused(session)
    return f"Everything else is done; {refused}." if refused else "Everything is done."


def _refused(session: Session) -> str | None:
    """How many of the camera's files were not taken, and the reason of one."""
    text = "SELECT count(*), max(path) FROM source_file WHERE state = 'quarantined'"
    number, path = session.db.connection.execute(text).fetchone()
    if not number:
        return None
    return f"{counted(number, 'file')} of the camera {_are(number)} quarantined: see vitreous why {PurePath(path).name}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _work(total: dict[str, int]) -> int:
    return total.get("ready", 0) + total.get("failed", 0) + total.get("running", 0)


def _left(total: dict[str, int], graph: Graph, unplanned: bool) -> str:
    """What an engine would find to do, empty where nothing."""
    work = _work(total)
    parts = [f"{counted(work, 'task')} could be begun"] if work else []
    if unplanned:
        parts.append("some items are still to be planned")
    sources = _open_sources(graph)
    if sources:
        parts.append(f"{counted(len(sources), 'import')} could watch")
    return " and ".join(parts)


def _set_aside(session: Session, total: dict[str, int]) -> str:
    number, refused = total.get("quarantined", 0), _refused(session)
    parts = [f"{counted(number, 'task')} quarantined" if number else "none quarantined"]
    parts += [refused] if refused else []
    for job in session.graph().jobs.values():
        late = _late(session, job)
        parts += [f"{job.label}: {late}"] if late else []
    return "; ".join(parts if number or len(parts) == 1 else parts[1:])


def _open_sources(graph: Graph) -> list[Job]:
    return [job for job in graph.jobs.values() if job.scope == "source" and not job.closed and job.state == "active"]


def _why_ready(graph: Graph, counts: dict[int, dict[str, int]], status: Status | None) -> str:
    for number in graph.order:
        ready = counts.get(number, {}).get("ready", 0)
        if ready:
            reason = _gate(graph.jobs[number], graph, counts) or _no_worker(graph.jobs[number], status)
            return f"{counted(ready, 'task')} of {graph.jobs[number].label} {_are(ready)} ready: {reason}"
    return "Nothing is ready."


def _gate(job: Job, graph: Graph, counts: dict[int, dict[str, int]]) -> str | None:
    """Why a job's ready tasks are not begun, where that is the job's own doing."""
    if job.state == "paused":
        return f"the job is paused; go on with vitreous resume J{job.id}"
    if job.state == "cancelled":
        return f"the job was cancelled; go on with vitreous resume J{job.id}"
    if job.broken:
        return f"the job can't run: {job.broken}"
    states = {number: frozenset(TaskState(state) for state in found) for number, found in counts.items()}
    finished = finished_jobs(graph, states, unsettled=False)
    waits = [graph.jobs[other].label for other in job.waits if other not in finished]
    if waits:
        return f"the job is to start only when {', '.join(waits)} has finished; change that with vitreous edit"
    if job.batch != 1 and job.scope == "item":
        size = "all items" if job.batch == 0 else f"{job.batch} items"
        return f"the job takes {size} together, and they are not there yet"
    return None


def _no_worker(job: Job, status: Status | None) -> str:
    if status is None:
        return "no engine runs; start it with vitreous run"
    fitting = [worker for worker in status.workers if worker.get("kind") == job.kind]
    if "workers" in status.conditions:
        return status.conditions["workers"]
    if not fitting:
        what = "with a GPU " if job.kind == "gpu" else ""
        return f"no worker {what}is there yet; look at vitreous profile show, and at the queue of the cluster"
    return f"all {counted(len(fitting), 'worker')} {_are(len(fitting))} busy; it is taken when one is free"


def explain_job(session: Session, job: Job) -> str:
    """What a job waits for."""
    graph, counts = session.graph(), task_counts(session.db)
    states, status = counts.get(job.id, {}), running(session)
    summary = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    start = f"{job.label} ({summary})" if summary else job.label
    if job.broken:
        return f"{start} can't run: {job.broken}"
    if job.scope == "source":
        return _explain_source(session, job, status)
    if status is not None and "disk" in status.conditions and states.get("ready"):
        return f"{start} waits: {status.conditions['disk']}."
    if states.get("ready"):
        return f"{start}: {_gate(job, graph, counts) or _no_worker(job, status)}."
    if states.get("running"):
        return f"{start} runs{'' if status else ', as far as the catalogue knows, but no engine does: start one'}."
    if states.get("failed"):
        text = "SELECT error, retry_at FROM task WHERE job = ? AND state = 'failed' ORDER BY retry_at LIMIT 1"
        row = session.db.connection.execute(text, (job.id,)).fetchone()
        return f"{start}: {_failure(row[0])}; it is tried again in {duration(max(0.0, row[1] - time.time()))}."
    if job.state != "active":
        return f"{start}: {_gate(job, graph, counts)}."
    if states.get("waiting"):
        return f"{start}: {_upstream(session, job)}"
    if states.get("quarantined"):
        return f"{start}: {_quarantined(session, job)}"
    if not states:
        return f"{start} has no item yet: {_upstream(session, job)}"
    late = _late(session, job)
    return f"{start}: {late}." if late else f"{start}: all that has come is done."


def _late(session: Session, job: Job) -> str:
    """How many items a set's newest result does not have yet, and when they are taken; empty where it has all."""
    if job.scope != "set" or job.state != "active":
        return ""
    number = members_to_come(session.db, job.id)
    if number <= 0:
        return ""
    names = " ".join(f"J{source.id}" for source in _open_sources(session.graph()))
    end = f"the import has ended (vitreous close {names})" if names else "all before it is done"
    when = f"after {job.batch - number:,} more or " if job.batch > number else ""
    return f"{counted(number, 'item')} came after its last run; it runs again {when}when {end}"


def _explain_source(session: Session, job: Job, status: Status | None) -> str:
    if job.closed:
        return f"{job.label} has ended: nothing more is taken; watch again with vitreous reopen J{job.id}."
    if job.state != "active":
        return f"{job.label} is {job.state}; go on with vitreous resume J{job.id}."
    if status is None:
        return f"{job.label}: no engine runs; start it with vitreous watch."
    return f"{job.label}: {status.conditions.get(f'J{job.id}') or 'it has just begun to look'}."


def _upstream(session: Session, job: Job) -> str:
    """What stands before a job whose items don't come."""
    text = "SELECT item FROM task WHERE job = ? AND state = 'waiting' ORDER BY item LIMIT 1"
    row = session.db.connection.execute(text, (job.id,)).fetchone()
    if row is not None and row[0]:
        return f"the first of them: {explain_item(session, row[0], job)}"
    graph = session.graph()
    if job.scope == "set":
        return "it runs when all items have come (or as many as its batch says); until then it waits."
    sources = ", ".join(graph.jobs[entry.source].label for entry in job.inputs)
    return f"nothing has come out of {sources}."


def _quarantined(session: Session, job: Job) -> str:
    text = """SELECT e.name, t.error FROM task t LEFT JOIN exposure e ON e.id = t.item
        WHERE t.job = ? AND t.state = 'quarantined' ORDER BY t.item LIMIT 1"""
    name, error = session.db.connection.execute(text, (job.id,)).fetchone()
    return f"{name or 'the set'} is quarantined: {_failure(error)}."


def _failure(text: str | None) -> str:
    error: dict[str, Any] = json.loads(text or "{}")
    return f"{error.get('message', 'it failed')}. {error.get('hint', '')}".rstrip(". ")


def explain_item(session: Session, number: int, job: Job | None = None) -> str:
    """What an item waits for (before one job, or wherever it stands first)."""
    graph, results = session.graph(), Results(session.db)
    item = item_facts(session.db, [number])[0]
    if item.excluded:
        return f"{item.name} is in TRASH, so nothing is done with it; take it back with vitreous restore."
    arrivals = settle(graph, item, results.find, session.decide).arrivals
    for candidate in [job.id] if job is not None else graph.order:
        task = item.tasks.get(candidate)
        if task is None or task.state in (TaskState.DONE, TaskState.EXCLUDED):
            continue
        return _explain_task(session, graph, item, graph.jobs[candidate], task.state, arrivals[candidate])
    left = [graph.jobs[n] for n, task in item.tasks.items() if task.state is TaskState.EXCLUDED]
    if left:
        blame = arrivals[left[0].id].blame
        by = f" by {graph.jobs[blame].label}" if blame is not None else ""
        return f"{item.name} is left out of {left[0].label}{by}; all else is done."
    return f"{item.name}: everything is done." if item.tasks else f"{item.name} has come; it is planned in a moment."


def _explain_task(
    session: Session, graph: Graph, item: ItemFacts, job: Job, state: TaskState, arrived: Standing
) -> str:
    start = f"{item.name}, {job.label}"
    row = session.db.connection.execute(
        "SELECT error, retry_at, started, tries FROM task WHERE job = ? AND item = ?", (job.id, item.item)
    ).fetchone()
    if state is TaskState.QUARANTINED:
        return f"{start} is quarantined: {_failure(row[0])}. Then: vitreous retry {item.name}"
    if state is TaskState.FAILED:
        pause = duration(max(0.0, row[1] - time.time()))
        return f"{start} failed {counted(row[3], 'time')}: {_failure(row[0])}; it is tried again in {pause}."
    status = running(session)
    if state is TaskState.RUNNING:
        if status is None:
            return f"{start} was begun, but no engine runs now: start one with vitreous run, which begins it again."
        return f"{start} has been running for {duration(time.time() - row[2])}."
    if job.broken:
        return f"{start} waits: the job can't run: {job.broken}"
    if state is TaskState.WAITING and arrived.state == "pending" and arrived.blame is not None:
        before = graph.jobs[arrived.blame]
        task = item.tasks.get(before.id)
        if task is None or task.state is TaskState.DONE:
            return f"{start} waits for {before.label}."
        told = _explain_task(session, graph, item, before, task.state, Standing("here"))
        return f"{start} waits for {before.label}: {told.removeprefix(f'{item.name}, ')}"
    if state is TaskState.CANCELLED:
        return f"{start} was cancelled with its job; go on with vitreous resume J{job.id}."
    if status is not None and "disk" in status.conditions:
        return f"{start} waits: {status.conditions['disk']}."
    ahead = session.db.connection.execute(
        "SELECT count(*) FROM task WHERE state = 'ready' AND item < ?", (item.item,)
    ).fetchone()[0]
    reason = _gate(job, graph, task_counts(session.db)) or _no_worker(job, status)
    return f"{start} is ready, with {counted(ahead, 'task')} before it: {reason}."


def _refused_file(session: Session, name: str) -> str | None:
    """Why a file of the camera has not become an item."""
    text = "SELECT path, state, error FROM source_file WHERE path = ? OR path LIKE '%/' || ? LIMIT 1"
    row = session.db.connection.execute(text, (name, name)).fetchone()
    if row is None or row[1] == "imported":
        return None
    if row[1] == "skipped":
        return f"{row[0]} was there before the import began, which leaves such files out (existing=skip)."
    word = {"settling": "is waited for", "duplicate": "was not taken", "quarantined": "is quarantined"}[row[1]]
    return f"{row[0]} {word}: {_failure(row[2]).removeprefix(f'{row[0]}: ')}."
