"""Jobs as a page shows them: the whole graph in short, and one job with all that is known of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vitreous.core.errors import UsageError, VitreousError
from vitreous.core.plain import plain
from vitreous.model.columns import find_column
from vitreous.project.filters import diff_revisions
from vitreous.project.overview import import_counts, input_text, job_record
from vitreous.project.scripts import script_columns
from vitreous.project.session import Session, job_number
from vitreous.project.status import read_status
from vitreous.project.types import find_type
from vitreous.project.views import output_text, parameter_origins
from vitreous.project.why import explain_job
from vitreous.store import library
from vitreous.store.columns import exposure_columns
from vitreous.store.jobs import revisions
from vitreous.store.ledger import Results, item_facts, task_counts, unsettled
from vitreous.store.lock import read_lock
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.job_type import JobType
from vitreous.workflow.planner import decided_outputs, settle
from vitreous.workflow.states import TaskState

SAMPLE = 200
"""Results that are looked at for versions, times and warnings."""
LOOKED_AT = 3
"""Items at either end of those still to be planned that are asked which results are no longer wanted."""
AGAIN = (TaskState.WAITING, TaskState.READY)


def job_lines(session: Session) -> dict[str, Any]:
    """All jobs in the order of the graph with state, counts, edges; JSON-able, kept until the data change.

    Returns:
        ``{"engine", "jobs"}``; a job's ``given`` is how many items leave by each of its outputs, ``slots`` what items
        behind it have.
    """
    engine = read_lock(session.folder).held and read_status(session.folder) is not None
    graph = session.graph()
    key = ("job lines", id(graph), engine)  # the graph is kept beside the lines, so that no other one gets its id
    _, lines = library.cached(session.db, key, lambda: (graph, _lines(session, graph, engine)))
    return {"engine": engine, "jobs": lines}


def _lines(session: Session, graph: Graph, engine: bool) -> list[dict[str, Any]]:
    counts, files = task_counts(session.db), import_counts(session.db)
    changed = changed_jobs(session, graph)
    slots: dict[int, frozenset[str]] = {}
    types = {name: find_type(session.folder, name) for name in {job.type for job in graph.jobs.values()}}
    lines = []
    for number in graph.order:
        job, found = graph.jobs[number], counts.get(number, {})
        slots[number] = frozenset(job.gives).union(*(slots[entry.source] for entry in job.inputs))
        given = _given(session, job, found)
        record = job_record(job, found, files.get(number, {}))
        del record["params"]
        kind = types[job.type]
        lines.append(
            {
                **record,
                "state": state_word(job, found, changed.get(number), engine),
                "category": kind.category if isinstance(kind, JobType) else "",
                "type_title": kind.title if isinstance(kind, JobType) else job.type,
                "scope": job.scope,
                "needs": list(job.needs),
                "gives": list(job.gives),
                "outputs": [name for name in job.outputs if _is_used(job, name)],
                "slots": sorted(slots[number]),
                "given": given,
                "total": sum(found.values()) - found.get("excluded", 0),
                "bad": found.get("failed", 0) + found.get("quarantined", 0),
                "last_item": _last_item(session, job, found),
            }
        )
    return lines


def _is_used(job: Job, output: str) -> bool:
    """Whether an output can give something: a split has sixteen, of which it uses as many as it has parts."""
    return job.type != "split" or int(output.removeprefix("part_")) <= int(job.params.get("parts", 2))


def _given(session: Session, job: Job, counts: Mapping[str, int]) -> dict[str, int]:
    """Items that leave by each output."""
    connection = session.db.connection
    if job.scope == "source":
        row = connection.execute("SELECT count(*) FROM exposure WHERE source_job = ?", (job.id,)).fetchone()
        return {"items": int(row[0])}
    if job.scope != "decision":
        return {"items": counts.get("done", 0)}
    if not counts.get("done"):
        return {}
    given: dict[str, int] = {}
    text = "SELECT identity, count(*) FROM task WHERE job = ? AND state = 'done' GROUP BY identity"
    for identity, number in connection.execute(text, (job.id,)):
        for output in decided_outputs(identity):
            given[output] = given.get(output, 0) + number
    return given


def _last_item(session: Session, job: Job, counts: Mapping[str, int]) -> int | None:
    """The newest item with a result of a job that gives something to look at."""
    if not job.gives or job.scope != "item" or not counts.get("done"):
        return None
    text = "SELECT max(item) FROM task WHERE job = ? AND state = 'done'"
    row = session.db.connection.execute(text, (job.id,)).fetchone()
    return None if row is None else row[0]


def state_word(job: Job, counts: Mapping[str, int], changed: str | None, engine: bool) -> str:
    """How a job stands, in one word; ``changed`` is ``draft`` or ``stale`` where its results are no longer wanted."""
    if job.broken or job.state != "active":
        return "broken" if job.broken else job.state
    if job.scope == "source":
        return "closed" if job.closed else "active" if engine else "stopped"
    if counts.get("running") and engine:
        return "running"
    if changed:
        return changed
    for state in ("ready", "waiting", "running", "failed"):
        if counts.get(state):
            return "waiting" if state == "running" else state
    if counts.get("done"):
        return "done"
    if counts.get("quarantined"):
        return "failed"
    return "waiting" if engine or counts else "draft"


def changed_jobs(session: Session, graph: Graph) -> dict[int, str]:
    """Jobs whose results are no longer wanted, or are not planned yet: ``draft`` by their own change, or ``stale``.

    The engine plans what has changed at once; where none runs, some of the items that wait for that are asked.
    """
    first = unsettled(session.db, LOOKED_AT, newest=LOOKED_AT)
    if not first:
        return {}
    results, pending, planned = Results(session.db), set(), set()
    for item in item_facts(session.db, first):
        plan = settle(graph, item, results.find, session.decide)
        for change in plan.changes:
            task = item.tasks.get(change.job)
            if task is None:
                planned.add(change.job)
            elif task.state is TaskState.DONE and change.state in AGAIN:
                pending.add(change.job)
    found = {}
    for number in sorted(pending | planned, key=lambda n: graph.place[n]):
        before = {entry.source for entry in graph.jobs[number].inputs}
        own = number in planned - pending or not before & pending
        found[number] = "draft" if own else "stale"
    return found


# --- one job --------------------------------------------------------------------------------------------------------


def job_page(session: Session, name: str | int) -> dict[str, Any]:
    """All that is known of one job; JSON-able.

    Raises:
        UsageError: there is no such job.
    """
    number = known_job(session, name)
    graph = session.graph()
    job = graph.jobs[number]
    line = next(entry for entry in job_lines(session)["jobs"] if entry["id"] == number)
    found = find_type(session.folder, job.type)
    recent = _recent_results(session, job)
    return {
        **line,
        "params": dict(job.params),
        "output": output_text(session, job, line["counts"]),
        "why": explain_job(session, job),
        "parameters": _origins(session, job),
        "revisions": [vars(entry) for entry in revisions(session.db, number)],
        "sources": [_edge(graph, entry.source, entry.output, session) for entry in job.inputs],
        "targets": [graph.jobs[child].id for child in graph.children[number]],
        "columns": columns_given(session, found) if isinstance(found, JobType) else [],
        "methods": _methods(session, found, job),
        "citations": list(found.citations) if isinstance(found, JobType) else [],
        "summary": found.summary if isinstance(found, JobType) else "",
        "command": command_text(job),
        "seeds": {name: value for name, value in job.params.items() if name == "seed"},
        "versions": _distinct(row["versions"] for row in recent),
        "workers": _distinct([row["worker"] or "" for row in recent]),
        "folder": f"jobs/{_folder_of(recent)}" if _folder_of(recent) else None,
        "warnings": _warnings(recent),
        "timing": timing(session, job, line["counts"], recent),
        "behind": sum(task_counts(session.db, n).get(n, {}).get("done", 0) for n in graph.descendants([number])),
    }


def known_job(session: Session, name: str | int) -> int:
    """Number of a job; where there is none, an error that says so as missing."""
    try:
        return job_number(session.graph(), name)
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint, missing=True) from error


def _edge(graph: Graph, source: int, output: str, session: Session) -> dict[str, Any]:
    lines = {entry["id"]: entry for entry in job_lines(session)["jobs"]}
    return {
        "job": source,
        "output": output,
        "title": graph.jobs[source].title,
        "count": lines[source]["given"].get(output),
    }


def _origins(session: Session, job: Job) -> list[dict[str, Any]]:
    """Every parameter with its value and where that comes from; empty where the job type can't be used."""
    if job.broken:
        return []
    found = parameter_origins(session, job.id)
    return [{"name": name, "value": plain(entry.value), "origin": entry.origin} for name, entry in found.items()]


def columns_given(session: Session, job_type: JobType) -> list[dict[str, Any]]:
    """The columns that a job type adds to the table, with kind, unit, meaning, and whether the table has them."""
    there, own = exposure_columns(session.db, "exposure"), script_columns(job_type)
    found = []
    for slot in job_type.gives:
        for name in slot.columns:
            known = find_column(name)
            kind = own[name][0] if name in own else known.kind if known is not None else "text"
            found.append(
                {
                    "name": name,
                    "slot": slot.name,
                    "kind": kind,
                    "unit": None if known is None else known.unit,
                    "meaning": "" if known is None else known.meaning,
                    "there": name in there,
                }
            )
    return found


def job_columns(session: Session, name: str | int) -> list[dict[str, Any]]:
    """The columns that a job adds to the table; see ``columns_given``."""
    found = find_type(session.folder, session.graph().jobs[known_job(session, name)].type)
    return columns_given(session, found) if isinstance(found, JobType) else []


def _methods(session: Session, found: Any, job: Job) -> str:
    """The sentence for a paper with this job's values, or as much of it as can be said."""
    from vitreous.project.schemas import methods_text
    from vitreous.workflow.parameters import checked

    if not isinstance(found, JobType) or not found.methods:
        return ""
    try:
        values = {name: entry.value for name, entry in parameter_origins(session, job.id).items()}
        return methods_text(found, checked(found, values, job.label))
    except VitreousError:
        return found.methods


def command_text(job: Job) -> str:
    """The command that adds such a job."""
    words = ["vitreous add", job.type]
    words += [f"--after {input_text(entry)}" for entry in job.inputs]
    for name, value in job.params.items():
        text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
        words.append(f"{name}={text}" if text and not set(text) & set(" <>|&;()'\"*?[]{}$") else f"{name}='{text}'")
    return " ".join(words)


def _recent_results(session: Session, job: Job) -> Sequence[Mapping[str, Any]]:
    text = """SELECT t.item, t.started, t.finished, r.folder, r.warnings, r.versions, r.seconds, r.worker
        FROM task t JOIN result r ON r.identity = t.identity
        WHERE t.job = ? AND t.state = 'done' ORDER BY t.item DESC LIMIT ?"""
    return [dict(row) for row in session.db.connection.execute(text, (job.id, SAMPLE))]


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value and value != "{}"})


def _folder_of(recent: Sequence[Mapping[str, Any]]) -> str | None:
    parts: list[str] = next((row["folder"].split("/") for row in recent if row["folder"]), [])
    return parts[1] if len(parts) > 1 else None


def _warnings(recent: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Warnings of the newest results, each once with how often."""
    found: dict[str, int] = {}
    for row in recent:
        for text in json.loads(row["warnings"] or "[]"):
            found[text] = found.get(text, 0) + 1
    return [{"text": text, "count": count} for text, count in sorted(found.items(), key=lambda pair: -pair[1])]


def timing(
    session: Session, job: Job, counts: Mapping[str, int], recent: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Pace of a job: items done within the last hour, s of one item, s until all that has come is done."""
    now = time.time()
    text = "SELECT count(*), min(finished) FROM task WHERE job = ? AND state = 'done' AND finished > ?"
    done, first = session.db.connection.execute(text, (job.id, now - 3600)).fetchone()
    seconds = sorted(row["seconds"] for row in recent if row["seconds"] is not None)
    left = sum(counts.get(state, 0) for state in ("waiting", "ready", "running", "failed"))
    span = now - first if done and first is not None else None
    pace = done / max(span, 1.0) if span and done > 1 else None
    running = session.db.connection.execute(
        "SELECT item, started FROM task WHERE job = ? AND state = 'running' ORDER BY started LIMIT 1", (job.id,)
    ).fetchone()
    return {
        "done_last_hour": int(done),
        "seconds": seconds[len(seconds) // 2] if seconds else None,
        "seconds_slow": seconds[int(len(seconds) * 0.95)] if seconds else None,
        "left": left,
        "seconds_left": left / pace if pace and left else None,
        "running_since": None if running is None else running[1],
        "finished": max((row["finished"] for row in recent if row["finished"] is not None), default=None),
    }


def revision_diff(session: Session, name: str | int, before: int, after: int | None = None) -> dict[str, Any]:
    """Which parameters two revisions of a job differ in; of a filter also which items entered and left.

    Raises:
        UsageError: there is no such job or revision.
    """
    number = known_job(session, name)
    known = {entry.revision: entry for entry in revisions(session.db, number)}
    last = max(known) if after is None else after
    for revision in (before, last):
        if revision not in known:
            hint = f"It has revisions {min(known)} to {max(known)}"
            raise UsageError(f"J{number} has no revision {revision}", hint=hint, missing=True)
    old, new = known[before].params, known[last].params
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    found: dict[str, Any] = {
        "before": before,
        "after": last,
        "changes": [{"name": name, "before": old.get(name), "after": new.get(name)} for name in names],
        "entered": None,
        "left": None,
    }
    if session.graph().jobs[number].type == "filter":
        items = diff_revisions(session, number, before, last)
        found |= {"entered": list(items.entered), "left": list(items.left)}
    return found
