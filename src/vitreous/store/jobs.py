"""Jobs in the catalogue: rows in, rows out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitreous.core.plain import to_json
from vitreous.store.database import Database
from vitreous.workflow.graph import Input, JobState


@dataclass(frozen=True)
class JobRow:
    """One job as the catalogue keeps it; see the table ``job``."""

    id: int
    type: str
    title: str
    note: str
    params: Mapping[str, Any]
    revision: int
    state: JobState
    priority: int
    serial: bool
    batch: int
    closed: bool
    continues: int | None
    created: float
    inputs: tuple[Input, ...]
    waits: tuple[int, ...]


COLUMNS = "id, type, title, note, params, revision, state, priority, serial, batch, closed, continues, created"


def job_rows(db: Database) -> list[JobRow]:
    """All jobs by number."""
    inputs: dict[int, list[Input]] = {}
    for job, source, output in db.connection.execute(
        "SELECT job, source, output FROM job_input ORDER BY job, position"
    ):
        inputs.setdefault(job, []).append(Input(source, output))
    waits: dict[int, list[int]] = {}
    for job, after in db.connection.execute("SELECT job, after FROM job_wait ORDER BY job, after"):
        waits.setdefault(job, []).append(after)
    rows = []
    for row in db.connection.execute(f"SELECT {COLUMNS} FROM job ORDER BY id"):
        values = dict(row)
        values["params"] = json.loads(values["params"])
        values["serial"], values["closed"] = bool(values["serial"]), bool(values["closed"])
        number = values["id"]
        rows.append(JobRow(**values, inputs=tuple(inputs.get(number, ())), waits=tuple(waits.get(number, ()))))
    return rows


def insert_job(
    db: Database,
    *,
    type: str,
    title: str,
    params: Mapping[str, Any],
    inputs: Sequence[Input],
    now: float,
    author: str,
    note: str = "",
    waits: Sequence[int] = (),
    priority: int = 0,
    serial: bool = False,
    batch: int = 1,
    continues: int | None = None,
) -> int:
    """Add a job and the first revision of its parameters; returns its number."""
    with db.transaction():
        cursor = db.connection.execute(
            "INSERT INTO job (type, title, note, params, priority, serial, batch, continues, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (type, title, note, to_json(params, indent=None), priority, int(serial), batch, continues, now),
        )
        number = cursor.lastrowid
        assert number is not None
        set_inputs(db, number, inputs)
        set_waits(db, number, waits)
        _insert_revision(db, number, 1, params, author, now, "")
    return number


def set_inputs(db: Database, job: int, inputs: Sequence[Input]) -> None:
    """Connect a job anew."""
    db.connection.execute("DELETE FROM job_input WHERE job = ?", (job,))
    rows = [(job, place, entry.source, entry.output) for place, entry in enumerate(inputs)]
    db.connection.executemany("INSERT INTO job_input (job, position, source, output) VALUES (?, ?, ?, ?)", rows)


def set_waits(db: Database, job: int, waits: Sequence[int]) -> None:
    """Make a job start only when others are finished."""
    db.connection.execute("DELETE FROM job_wait WHERE job = ?", (job,))
    db.connection.executemany("INSERT OR IGNORE INTO job_wait (job, after) VALUES (?, ?)", [(job, n) for n in waits])


def revise_params(db: Database, job: int, params: Mapping[str, Any], author: str, now: float, reason: str) -> int:
    """Give a job other parameters; the old ones stay as a revision. Returns the new revision."""
    with db.transaction():
        revision = int(
            db.connection.execute("SELECT max(revision) FROM job_revision WHERE job = ?", (job,)).fetchone()[0] or 0
        )
        revision += 1
        db.connection.execute(
            "UPDATE job SET params = ?, revision = ? WHERE id = ?", (to_json(params, indent=None), revision, job)
        )
        _insert_revision(db, job, revision, params, author, now, reason)
    return revision


def _insert_revision(
    db: Database, job: int, revision: int, params: Mapping[str, Any], author: str, now: float, reason: str
) -> None:
    db.connection.execute(
        "INSERT INTO job_revision (job, revision, params, author, time, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (job, revision, to_json(params, indent=None), author, now, reason),
    )


@dataclass(frozen=True)
class Revision:
    """One version of a job's parameters."""

    revision: int
    params: Mapping[str, Any]
    author: str
    time: float
    reason: str


def revisions(db: Database, job: int) -> list[Revision]:
    """All versions of a job's parameters, the first one first."""
    text = "SELECT revision, params, author, time, reason FROM job_revision WHERE job = ? ORDER BY revision"
    return [Revision(row[0], json.loads(row[1]), *row[2:]) for row in db.connection.execute(text, (job,))]


FIELDS = frozenset({"title", "note", "state", "priority", "serial", "batch", "closed"})


def update_job(db: Database, job: int, **values: Any) -> None:
    """Set fields of a job (of ``FIELDS``)."""
    assert values.keys() <= FIELDS
    names = ", ".join(f"{name} = ?" for name in values)
    with db.transaction():
        db.connection.execute(f"UPDATE job SET {names} WHERE id = ?", [*values.values(), job])


def delete_job(db: Database, job: int) -> None:
    """Remove a job that no other reads, with its tasks; its results stay, to be found again."""
    with db.transaction():
        for table in ("task", "member", "set_run", "job_input", "job_wait", "job_revision", "source_file"):
            db.connection.execute(f"DELETE FROM {table} WHERE job = ?", (job,))
        db.connection.execute("DELETE FROM job_wait WHERE after = ?", (job,))
        db.connection.execute("UPDATE job SET continues = NULL WHERE continues = ?", (job,))
        db.connection.execute("DELETE FROM job WHERE id = ?", (job,))
