"""What a job and its tasks have said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.job_pages import known_job
from vitreous.project.session import Session
from vitreous.store.events import events

LOG_BYTES = 65536
"""Bytes of a task's log that are shown: its end."""
LOG_NAMES = ("script.log", "*.log")


def job_log(session: Session, name: str | int, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
    """The newest lines of a job's log after line ``after``, oldest first, with the names of their items."""
    number = known_job(session, name)
    lines = events(session.db, job=number, after=after, limit=limit)
    wanted = json.dumps(sorted({line.item for line in lines if line.item}))
    text = "SELECT id, name FROM exposure WHERE id IN (SELECT value FROM json_each(?))"
    names = dict(session.db.connection.execute(text, (wanted,)).fetchall())
    return [{**vars(line), "name": names.get(line.item)} for line in lines]


def task_log(session: Session, name: str | int, item: int) -> dict[str, Any]:
    """The end of what a task wrote to its log, and its last error.

    Raises:
        UsageError: the job has no task of that item.
    """
    number = known_job(session, name)
    text = """SELECT t.error, r.folder FROM task t LEFT JOIN result r ON r.identity = t.identity
        WHERE t.job = ? AND t.item = ?"""
    row = session.db.connection.execute(text, (number, item)).fetchone() if abs(item) < 2**62 else None
    if row is None:
        raise UsageError(f"J{number} has no task of item {item}", hint="Choose one of its items", missing=True)
    error = None if row[0] is None else json.loads(row[0])
    said = str(error.get("context", {}).get("log") or "") if error else ""
    report = session.folder / said if said.endswith(".log") and "\n" not in said else None
    path = report if report is not None else _log_file(session.folder / row[1]) if row[1] else None
    tail = _tail(session.folder, path) if path is not None else None
    shown = None if path is None or tail is None else str(path.relative_to(session.folder))
    return {"path": shown, "text": tail if tail is not None else said, "error": error}


def _log_file(folder: Path) -> Path | None:
    return next((path for pattern in LOG_NAMES for path in sorted(folder.glob(pattern))), None)


def _tail(root: Path, path: Path) -> str | None:
    """The end of a file inside the project, ``None`` where it can't be read."""
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return None
        with open(path, "rb") as handle:
            size = handle.seek(0, 2)
            handle.seek(max(0, size - LOG_BYTES))
            return handle.read().decode("utf-8", "replace")
    except OSError:
        return None
