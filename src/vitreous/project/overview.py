"""What a project is and how far it is, in one table: for the commands that show it, and for pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.preflight import newest_report
from vitreous.project.session import Session, job_number
from vitreous.project.status import Status, read_status
from vitreous.store.database import Database, open_database, read_meta
from vitreous.store.groups import groups
from vitreous.store.ledger import leaving_counts, task_counts
from vitreous.store.lock import LockState, read_lock
from vitreous.workflow.graph import Graph, Input, Job


def open_for_reading(folder: Path) -> Session:
    """A project that is only looked at; close its ``db`` at the end.

    Raises:
        UsageError: there is no project in the folder.
    """
    return Session(folder, open_database(folder, write=False))


def find_job(graph: Graph, name: str | int) -> int:
    """The number of a job by its number, its title, or its job type (a script's too) where only one job is of it.

    Raises:
        UsageError: there is no such job, or there are several.
    """
    of_type = [job.id for job in graph.jobs.values() if job.type in (name, f"script:{name}")]
    if len(of_type) == 1:
        return of_type[0]
    try:
        return job_number(graph, name)
    except UsageError:
        if not of_type:
            raise
    numbers = ", ".join(f"J{number}" for number in of_type)
    raise UsageError(f"several jobs are of the type {name}: {numbers}", hint="Give the number of one", job=name)


def overview(session: Session, *, measure_disk: bool = False) -> dict[str, Any]:
    """Mode, settings, jobs, items, disk, holder and conditions of a project; JSON-able.

    Args:
        session: the project.
        measure_disk: add up the sizes of all its files, which takes a while where there are many.
    """
    meta, held = read_meta(session.db), read_lock(session.folder)
    status = read_status(session.folder) if held.held else None
    return {
        "folder": str(session.folder),
        "title": meta.get("title"),
        "mode": meta.get("mode"),
        "made_by": meta.get("vitreous"),
        "created": float(meta["created"]) if "created" in meta else None,
        "note": session.db.note,
        "settings": session.settings_with_origin(),
        "jobs": job_records(session),
        "items": item_counts(session.db),
        "files": file_counts(session.db),
        "disk": _disk(session.folder, measure_disk),
        "holder": holder_record(held),
        "conditions": dict(status.conditions) if status is not None else {},
        "preflight": preflight_faults(session),
        "workers": len(status.workers) if status is not None else 0,
        "running": len(status.running) if status is not None else 0,
    }


def preflight_faults(session: Session) -> list[str]:
    """What the check of the first movies doubts, with what it proposes where the project is not set so yet."""
    report, settings = newest_report(session), session.settings()
    faults = []
    for finding in () if report is None else report["findings"]:
        missing = {name: value for name, value in finding["proposal"].items() if settings.get(name) != value}
        if finding["ok"] is not True and (missing or not finding["proposal"]):
            told = ", ".join(f"{name} = {value}" for name, value in missing.items())
            faults.append(finding["message"] + (f"; proposed: {told}" if told else ""))
    return faults


def job_records(session: Session) -> list[dict[str, Any]]:
    """All jobs in the order of the graph, with the number of their tasks in each state; JSON-able.

    Those that decide also say how many items leave by which of their outputs (``leaving``).
    """
    graph, counts, files = session.graph(), task_counts(session.db), import_counts(session.db)
    leaving = leaving_counts(session.db)
    return [
        {**job_record(graph.jobs[n], counts.get(n, {}), files.get(n, {})), "leaving": leaving.get(n, {})}
        for n in graph.order
    ]


def job_record(job: Job, counts: Mapping[str, int], files: Mapping[str, int]) -> dict[str, Any]:
    """One job; JSON-able.

    Args:
        job: which.
        counts: task state → number.
        files: of an import: state of the camera's files → number.
    """
    return {
        "id": job.id,
        "type": job.type,
        "title": job.title,
        "note": job.note,
        "state": "broken" if job.broken else "closed" if job.closed else job.state,
        "broken": job.broken,
        "revision": job.revision,
        "params": dict(job.params),
        "inputs": [input_text(entry) for entry in job.inputs],
        "waits": [f"J{number}" for number in job.waits],
        "priority": job.priority,
        "serial": job.serial,
        "batch": job.batch,
        "continues": job.continues,
        "counts": dict(counts),
        "files": dict(files),
    }


def input_text(entry: Input) -> str:
    """``J2``, or ``J2:rejected`` for another output than the usual one."""
    return f"J{entry.source}" + ("" if entry.output == "items" else f":{entry.output}")


def item_counts(db: Database) -> dict[str, Any]:
    """How many items there are: in all, in each group, of each flag; those in TRASH have no part in the flags."""
    found = {group.name: group.count for group in groups(db)}
    rows = db.connection.execute(
        "SELECT flag, count(*) FROM exposures WHERE flag IS NOT NULL AND group_name <> 'TRASH' GROUP BY flag"
    )
    return {"total": sum(found.values()), "groups": found, "flags": {row[0]: row[1] for row in rows}}


def file_counts(db: Database) -> dict[str, int]:
    """What became of the camera's files: imported, settling, duplicate, quarantined, skipped."""
    total: dict[str, int] = {}
    for states in import_counts(db).values():
        for state, number in states.items():
            total[state] = total.get(state, 0) + number
    return total


def import_counts(db: Database) -> dict[int, dict[str, int]]:
    """The same for each import."""
    found: dict[int, dict[str, int]] = {}
    for job, state, number in db.connection.execute("SELECT job, state, count(*) FROM source_file GROUP BY job, state"):
        found.setdefault(job, {})[state] = number
    return found


def holder_record(state: LockState) -> dict[str, Any]:
    """Who holds the project; JSON-able."""
    return {
        "state": state.state,
        "reason": state.reason,
        "owner": None if state.owner is None else str(state.owner),
        "since": None if state.owner is None else state.owner.since,
        "age": state.age,
    }


def _disk(folder: Path, measure: bool) -> dict[str, int | None]:
    usage = shutil.disk_usage(folder)
    return {"free": usage.free, "total": usage.total, "project": _size(folder) if measure else None}


def _size(folder: Path) -> int:
    """Bytes of all files in a folder; what vanishes meanwhile, and links, count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                facts = os.lstat(os.path.join(place, name))
            except OSError:
                continue
            total += facts.st_size
    return total


def dependent_tasks(session: Session, job: int) -> int:
    """Tasks that are done of a job and of everything behind it: what a change of the job may have computed again."""
    counts = task_counts(session.db)
    behind = session.graph().descendants([job])
    return sum(counts.get(number, {}).get("done", 0) for number in behind)


def engine_status(folder: Path) -> tuple[LockState, Status | None]:
    """Who holds the project, and what its engine last said (``None`` where none runs)."""
    held = read_lock(folder)
    return held, read_status(folder) if held.held else None
