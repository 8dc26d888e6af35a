"""How a project stands, in a few numbers: for status bars and lists of projects, made often."""

from __future__ import annotations

import shutil
from typing import Any

from vitreous.project.overview import engine_status, file_counts, holder_record, item_counts
from vitreous.project.session import Session
from vitreous.store.database import read_meta
from vitreous.store.ledger import task_counts


def brief(session: Session) -> dict[str, Any]:
    """Engine, tasks, items, disk and conditions; JSON-able.

    ``tasks`` counts tasks of all jobs by state; ``graph`` changes when jobs or settings do; ``last_import`` is s since
    1970; ``disk`` in bytes.
    """
    held, status = engine_status(session.folder)
    tasks: dict[str, int] = {}
    for states in task_counts(session.db).values():
        for state, number in states.items():
            tasks[state] = tasks.get(state, 0) + number
    meta = read_meta(session.db)
    usage = shutil.disk_usage(session.folder)
    newest = session.db.connection.execute("SELECT max(imported) FROM exposure").fetchone()[0]
    return {
        "title": meta.get("title"),
        "mode": meta.get("mode"),
        "graph": meta.get("graph"),
        "engine": holder_record(held)["state"] if status is None else "running",
        "holder": holder_record(held)["owner"],
        "workers": [] if status is None else list(status.workers),
        "running": [] if status is None else list(status.running),
        "conditions": {} if status is None else dict(status.conditions),
        "tasks": tasks,
        "items": item_counts(session.db),
        "files": file_counts(session.db),
        "disk": {"free": usage.free, "total": usage.total},
        "last_import": newest,
    }
