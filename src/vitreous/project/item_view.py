"""One item with everything that the project knows of it: values, tasks, files, decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.item_table import TableColumn, table_columns
from vitreous.project.session import Session
from vitreous.store.items import parameters_of
from vitreous.workflow.graph import Graph

DECISIONS = 50
"""Decisions that are told at most, the newest."""


@dataclass(frozen=True)
class ItemTask:
    """A task of an item: which job, how far, and why it failed (``{code, message, hint, context}``).

    Times in s since 1970, ``seconds`` is how long it took.
    """

    job: int
    title: str
    type: str
    state: str
    tries: int
    error: dict[str, Any] | None
    started: float | None
    finished: float | None
    seconds: float | None
    worker: str | None
    warnings: list[str]


@dataclass(frozen=True)
class ItemFile:
    """A file of an item: the slot it belongs to, what it is (such as ``png``), where it is in the project."""

    job: int
    slot: str
    name: str
    path: str


@dataclass(frozen=True)
class ItemDecision:
    """What a person decided about an item; ``time`` in s since 1970."""

    time: float
    author: str
    kind: str
    value: str | None
    job: int | None


@dataclass(frozen=True)
class ByHand:
    """A filter in which a person decided on the item: ``kept`` or ``refused``, and why."""

    job: int
    title: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class ItemView:
    """One item.

    Attributes:
        id, name, group, flag, comment, tags: what it is, and what people did to it.
        columns: those of the table.
        values: column → value.
        slots: slot → the job whose values the table shows.
        tasks: in the order of the jobs.
        files: of its results, and its movie.
        decisions: of people, the newest first.
        by_hand: filters in which somebody decided on it.
        parameters: of jobs, for this item alone: ``TYPE.name`` → value.
    """

    id: int
    name: str
    group: str
    flag: str | None
    comment: str | None
    tags: list[str]
    columns: list[TableColumn]
    values: dict[str, Any]
    slots: dict[str, int]
    tasks: list[ItemTask]
    files: list[ItemFile]
    decisions: list[ItemDecision]
    by_hand: list[ByHand]
    parameters: dict[str, Any]


def item_view(session: Session, number: int) -> ItemView:
    """Everything about one item.

    Raises:
        UsageError: there is no item of that number.
    """
    cursor = session.db.connection.execute("SELECT * FROM exposures WHERE id = ?", (number,))
    row = cursor.fetchone()
    if row is None:
        raise UsageError(f"there is no item #{number}", hint="Choose one of the table", missing=True, item=number)
    graph, columns = session.graph(), table_columns(session)
    values = {column.name: _value(column.kind, row[column.name]) for column in columns}
    slots = {
        column.name.removesuffix("_job"): int(row[column.name])
        for column in columns
        if column.name.endswith("_job") and row[column.name] is not None
    }
    tags = session.db.connection.execute("SELECT name FROM tag WHERE item = ? ORDER BY name", (number,))
    return ItemView(
        id=number,
        name=row["name"],
        group=row["group_name"],
        flag=row["flag"],
        comment=row["comment"],
        tags=[tag[0] for tag in tags],
        columns=columns,
        values=values,
        slots=slots,
        tasks=_tasks(session, graph, number),
        files=_files(session, graph, number, row["source_job"], row["path"]),
        decisions=_decisions(session, row["name"]),
        by_hand=_by_hand(graph, row["name"]),
        parameters=parameters_of(session.db, number),
    )


def _value(kind: str, value: Any) -> Any:
    return bool(value) if kind == "boolean" and value is not None else value


def _tasks(session: Session, graph: Graph, number: int) -> list[ItemTask]:
    text = """SELECT t.job, t.state, t.tries, t.error, t.started, t.finished, r.seconds, r.worker, r.warnings
        FROM task t LEFT JOIN result r ON r.identity = t.identity AND t.state = 'done' WHERE t.item = ?"""
    found = []
    for row in session.db.connection.execute(text, (number,)):
        job = graph.jobs.get(row["job"])
        if job is None:
            continue
        error = None if row["error"] is None else dict(json.loads(row["error"]))
        warnings = [str(text) for text in json.loads(row["warnings"] or "[]")]
        took = (row["started"], row["finished"], row["seconds"], row["worker"])
        found.append(ItemTask(job.id, job.title, job.type, row["state"], row["tries"], error, *took, warnings))
    return sorted(found, key=lambda task: graph.place[task.job])


def _files(session: Session, graph: Graph, number: int, source: int, path: str) -> list[ItemFile]:
    found = [ItemFile(source, "movie", "movie", path)] if path else []
    text = """SELECT t.job, r.slots FROM task t JOIN result r ON r.identity = t.identity
        WHERE t.item = ? AND t.state = 'done'"""
    for job, slots in sorted(session.db.connection.execute(text, (number,)).fetchall(), key=lambda row: int(row[0])):
        if job not in graph.jobs:
            continue
        for slot, value in json.loads(slots or "{}").items():
            found += _files_of(job, slot, value)
    return found


def _files_of(job: int, slot: str, value: Mapping[str, Any]) -> list[ItemFile]:
    main = [ItemFile(job, slot, "file", value["file"])] if value.get("file") else []
    return main + [ItemFile(job, slot, name, path) for name, path in (value.get("files") or {}).items()]


def _decisions(session: Session, name: str) -> list[ItemDecision]:
    text = """SELECT time, author, kind, value, job FROM decision WHERE instr(items, ?)
        AND EXISTS (SELECT 1 FROM json_each(items) WHERE value = ?) ORDER BY id DESC LIMIT ?"""
    quoted = json.dumps(name, ensure_ascii=False)
    rows = session.db.connection.execute(text, (quoted, name, DECISIONS))
    return [ItemDecision(row["time"], row["author"], row["kind"], row["value"], row["job"]) for row in rows]


def _by_hand(graph: Graph, name: str) -> list[ByHand]:
    found = []
    for job in graph.jobs.values():
        for kind, verdict in (("keep", "kept"), ("reject", "refused")):
            for entry in (job.params.get(kind) or ()) if job.type == "filter" else ():
                if entry["item"] == name:
                    found.append(ByHand(job.id, job.title, verdict, str(entry.get("reason", ""))))
    return found
