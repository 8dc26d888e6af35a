"""Tasks and results in the catalogue: facts out, changes in; files and rows become visible together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vitreous.core.plain import to_json
from vitreous.store.columns import set_many
from vitreous.store.database import Database
from vitreous.store.events import log_event
from vitreous.store.tables import register
from vitreous.workflow.executor import Outcome, Step
from vitreous.workflow.job_type import SlotValue
from vitreous.workflow.planner import (
    Change,
    ItemFacts,
    Membership,
    Plan,
    ResultFacts,
    SetFacts,
    TaskFacts,
    decided_outputs,
)
from vitreous.workflow.states import TaskState, check_transition

TRASH = 2
"""Number of the group TRASH."""


def slots_from_json(text: str) -> dict[str, SlotValue]:
    """Slots as the table ``result`` keeps them."""
    return {name: SlotValue(**value) for name, value in json.loads(text).items()}


def slots_to_json(slots: Mapping[str, SlotValue]) -> str:
    """Slots as JSON text."""
    return to_json({name: vars(value) for name, value in slots.items()}, indent=None)


class Results:
    """Committed results by identity, read from the catalogue once each while this object lives."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.known: dict[str, ResultFacts | None] = {}

    def find(self, identity: str) -> ResultFacts | None:
        """The result of that identity, ``None`` where there is none."""
        if identity not in self.known:
            text = "SELECT slots, outputs FROM result WHERE identity = ?"
            row = self.db.connection.execute(text, (identity,)).fetchone()
            self.known[identity] = None if row is None else _result(*row)
        return self.known[identity]

    def load(self, identities: Sequence[str]) -> None:
        """Read many at once."""
        wanted = [identity for identity in dict.fromkeys(identities) if identity not in self.known]
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            self.known |= dict.fromkeys(part)
            marks = ",".join("?" * len(part))
            text = f"SELECT identity, slots, outputs FROM result WHERE identity IN ({marks})"
            for identity, slots, outputs in self.db.connection.execute(text, part):
                self.known[identity] = _result(slots, outputs)


def _result(slots: str, outputs: str) -> ResultFacts:
    return ResultFacts(slots_from_json(slots), _outputs(outputs))


@lru_cache(maxsize=64)
def _outputs(text: str) -> frozenset[str]:
    """Outputs as the table ``result`` keeps them; there are few different ones."""
    return frozenset(json.loads(text))


def item_facts(db: Database, items: Sequence[int]) -> list[ItemFacts]:
    """Facts of items for planning, in the order of their numbers; items that are gone are left out."""
    found: list[ItemFacts] = []
    for start in range(0, len(items), 500):
        found += _facts(db, items[start : start + 500])
    return sorted(found, key=lambda facts: facts.item)


def _facts(db: Database, items: Sequence[int]) -> list[ItemFacts]:
    marks = ",".join("?" * len(items))
    tasks: dict[int, dict[int, TaskFacts]] = {}
    query = f"SELECT job, item, state, identity, tries FROM task WHERE item IN ({marks})"
    for job, item, state, identity, tries in db.connection.execute(query, items):
        tasks.setdefault(item, {})[job] = TaskFacts(TaskState(state), identity, tries)
    sets: dict[int, dict[int, str]] = {}
    query = f"SELECT job, item, used FROM member WHERE used IS NOT NULL AND item IN ({marks})"
    for job, item, used in db.connection.execute(query, items):
        sets.setdefault(item, {})[job] = used
    tags: dict[int, set[str]] = {}
    for item, name in db.connection.execute(f"SELECT item, name FROM tag WHERE item IN ({marks})", items):
        tags.setdefault(item, set()).add(name)
    query = f"""SELECT e.id, e.name, e.identity, e.source_job, e.group_id, g.name AS "group", e.flag, e.comment,
        e.imported, e.recorded, e.parameters FROM exposure e JOIN item_group g ON g.id = e.group_id
        WHERE e.id IN ({marks})"""
    found = []
    for row in db.connection.execute(query, items):
        values = {name: row[name] for name in ("name", "group", "flag", "comment", "imported", "recorded")}
        found.append(
            ItemFacts(
                row["id"],
                row["name"],
                row["identity"],
                row["source_job"],
                values,
                frozenset(tags.get(row["id"], ())),
                "it is in TRASH" if row["group_id"] == TRASH else None,
                json.loads(row["parameters"] or "{}"),
                tasks.get(row["id"], {}),
                sets.get(row["id"], {}),
            )
        )
    return found


def unsettle(db: Database, items: Iterable[int] | None) -> None:
    """Note items whose tasks must be planned anew (``None``: all), as part of the transaction that is open."""
    if items is None:
        db.connection.execute("INSERT OR IGNORE INTO unsettled SELECT id FROM exposure")
        return
    rows = [(item,) for item in set(items) if item]
    db.connection.executemany("INSERT OR IGNORE INTO unsettled VALUES (?)", rows)


def unsettled(db: Database, limit: int, newest: int = 0) -> list[int]:
    """Items whose tasks must be planned anew, by number: the first of them, and some of the newest beside those."""
    text = "SELECT item FROM unsettled ORDER BY item {} LIMIT ?"
    found = [row[0] for row in db.connection.execute(text.format(""), (limit,))]
    if newest and len(found) == limit:
        found += [row[0] for row in db.connection.execute(text.format("DESC"), (newest,))]
    return sorted(set(found))


def apply_plans(db: Database, plans: Mapping[int, Plan], now: float) -> int:
    """Write the plans of items, and that these items are settled; returns the number of changes.

    Raises:
        ComputeError: a change that the transition table does not know; nothing is written.
    """
    with db.transaction():
        changes = [change for plan in plans.values() for change in plan.changes]
        apply_changes(db, changes, now)
        members = [entry for plan in plans.values() for entry in plan.memberships]
        _write_members(db, members)
        db.connection.executemany("DELETE FROM unsettled WHERE item = ?", [(item,) for item in plans])
    return len(changes)


def _write_members(db: Database, members: Sequence[Membership]) -> None:
    there = [(entry.job, entry.item, entry.identity) for entry in members if entry.identity or entry.pending]
    gone = [(entry.job, entry.item) for entry in members if not entry.identity and not entry.pending]
    text = (
        "INSERT INTO member (job, item, identity) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET identity = excluded.identity"
    )
    db.connection.executemany(text, there)
    db.connection.executemany("DELETE FROM member WHERE job = ? AND item = ?", gone)


def apply_changes(db: Database, changes: Iterable[Change], now: float) -> None:
    """Write planned changes; results that were found again show in the exposure's columns.

    Raises:
        ComputeError: a change that the transition table does not know; nothing is written.
    """
    with db.transaction():
        rows, shown = [], []
        for change in changes:
            row = db.connection.execute(
                "SELECT state FROM task WHERE job = ? AND item = ?", (change.job, change.item)
            ).fetchone()
            error = None if change.error is None else to_json(change.error, indent=None)
            if row is not None:
                check_transition(TaskState(row[0]), change.state, f"J{change.job} of item {change.item}")
            finished = now if change.state is TaskState.DONE else None
            rows.append((change.job, change.item, change.state, change.identity, error, finished))
            if change.error is not None:
                message = str(change.error["message"])
                log_event(db, str(change.state), message, now, change.job, change.item, change.error)
            if change.result is not None and change.item:
                shown += _columns(change.job, change.item, change.result.slots)
        db.connection.executemany(
            "INSERT INTO task (job, item, state, identity, error, finished) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET state = excluded.state, identity = excluded.identity, error = excluded.error,"
            " finished = excluded.finished, tries = 0, retry_at = NULL, started = NULL",
            rows,
        )
        set_many(db, shown)


def show_slots(db: Database, job: int, item: int, slots: Mapping[str, SlotValue]) -> None:
    """Show the values of a result in the exposure's row."""
    set_many(db, _columns(job, item, slots))


def _columns(job: int, item: int, slots: Mapping[str, SlotValue]) -> list[tuple[int, str, int, Mapping[str, Any]]]:
    return [(item, name, job, slot.values) for name, slot in slots.items()]


def start_tasks(db: Database, steps: Iterable[Step], now: float) -> None:
    """Mark the tasks of steps as running, in one transaction."""
    with db.transaction():
        db.connection.executemany(
            "UPDATE task SET state = 'running', identity = ?, started = ?, error = NULL WHERE job = ? AND item = ?",
            [(step.identity, now, step.job, step.item) for step in steps],
        )


def commit_results(db: Database, outcomes: Sequence[Outcome], now: float) -> list[Outcome]:
    """Make results visible: row of the result, task, exposure and fragments in one transaction.

    Args:
        outcomes: without errors; their files are published under their final names already.

    Returns:
        Those whose task still wanted that result. The others were made for parameters that have changed meanwhile: they
        are kept as results, and are found again when the parameters come back.
    """
    accepted, shown = [], []
    with db.transaction():
        for outcome in outcomes:
            _insert_result(db, outcome, now)
            cursor = db.connection.execute(
                "UPDATE task SET state = 'done', error = NULL, retry_at = NULL, finished = ?, tries = tries + 1"
                " WHERE job = ? AND item = ? AND identity = ? AND state = 'running'",
                (now, outcome.job, outcome.item, outcome.identity),
            )
            if cursor.rowcount:
                accepted.append(outcome)
                if outcome.item:
                    shown += _columns(outcome.job, outcome.item, outcome.slots)
                data = {"identity": outcome.identity, "seconds": round(outcome.seconds, 3), "worker": outcome.worker}
                log_event(db, "done", "done", now, outcome.job, outcome.item, data)
                for warning in outcome.warnings:
                    log_event(db, "warning", warning, now, outcome.job, outcome.item)
        set_many(db, shown)
        unsettle(db, [outcome.item for outcome in outcomes])
    return accepted


def _insert_result(db: Database, outcome: Outcome, now: float) -> None:
    cursor = db.connection.execute(
        "INSERT OR IGNORE INTO result (identity, job, item, folder, slots, outputs, warnings, versions, seconds,"
        " worker, committed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            outcome.identity,
            outcome.job,
            outcome.item,
            outcome.folder,
            slots_to_json(outcome.slots),
            to_json(sorted(outcome.outputs), indent=None),
            to_json(outcome.warnings, indent=None) if outcome.warnings else None,
            to_json(outcome.versions, indent=None),
            outcome.seconds,
            outcome.worker,
            now,
        ),
    )
    if cursor.rowcount:
        for fragment in outcome.fragments:
            register(db, fragment, outcome.job, outcome.item, outcome.identity)


def insert_source_result(
    db: Database,
    identity: str,
    job: int,
    item: int,
    slots: Mapping[str, SlotValue],
    warnings: Sequence[str],
    now: float,
) -> None:
    """Keep what an import gave an item, under the identity of the file; part of an open transaction."""
    _insert_result(db, Outcome(job, item, identity, slots, warnings=tuple(warnings)), now)


@dataclass(frozen=True)
class Failure:
    """How a failed task goes on: tried again at ``retry_at`` (s since 1970), or not without a person."""

    job: int
    item: int
    identity: str
    error: Mapping[str, Any]
    retry_at: float | None
    counts: bool = True


def record_failures(db: Database, failures: Sequence[Failure], now: float) -> None:
    """Write down why tasks failed; with ``counts`` false the task is simply ready again (the machine's fault)."""
    with db.transaction():
        for failure in failures:
            state = TaskState.QUARANTINED if failure.retry_at is None else TaskState.FAILED
            if not failure.counts:
                state = TaskState.READY
            cursor = db.connection.execute(
                "UPDATE task SET state = ?, error = ?, retry_at = ?, finished = ?, tries = tries + ?"
                " WHERE job = ? AND item = ? AND identity = ? AND state = 'running'",
                (
                    state,
                    to_json(failure.error, indent=None),
                    failure.retry_at,
                    now,
                    int(failure.counts),
                    failure.job,
                    failure.item,
                    failure.identity,
                ),
            )
            if cursor.rowcount and failure.counts:
                log_event(db, str(state), str(failure.error["message"]), now, failure.job, failure.item, failure.error)
        unsettle(db, [failure.item for failure in failures])


def give_back(db: Database, tasks: Sequence[tuple[int, int]]) -> None:
    """Tasks that were handed out and never begun, or whose end nobody saw, wait again.

    Their items are noted, so that settling makes the tasks ready.
    """
    with db.transaction():
        db.connection.executemany(
            "UPDATE task SET state = 'waiting', started = NULL WHERE job = ? AND item = ? AND state = 'running'",
            list(tasks),
        )
        unsettle(db, [item for _, item in tasks])


def recover(db: Database) -> int:
    """After a crash: what was running waits again. Returns the number of tasks."""
    running = [tuple(row) for row in db.connection.execute("SELECT job, item FROM task WHERE state = 'running'")]
    give_back(db, running)
    return len(running)


def due_again(db: Database, now: float) -> int:
    """Make failed tasks ready whose pause is over, and have them planned anew; returns how many."""
    rows = db.connection.execute(
        "SELECT job, item FROM task WHERE state = 'failed' AND retry_at <= ?", (now,)
    ).fetchall()
    if rows:
        with db.transaction():
            db.connection.executemany(
                "UPDATE task SET state = 'ready', retry_at = NULL WHERE job = ? AND item = ?", [tuple(r) for r in rows]
            )
            unsettle(db, [row[1] for row in rows])
    return len(rows)


def retry_tasks(db: Database, jobs: Sequence[int] | None, items: Sequence[int] | None, now: float) -> int:
    """Take failed and quarantined tasks (of these jobs, of these items) back into the queue; returns how many."""
    where, values = ["state IN ('failed', 'quarantined')"], []
    for column, chosen in (("job", jobs), ("item", items)):
        if chosen is not None:
            where.append(f"{column} IN ({','.join('?' * len(chosen))})")
            values += list(chosen)
    with db.transaction():
        text = f"UPDATE task SET state = 'ready', tries = 0, retry_at = NULL WHERE {' AND '.join(where)}"
        count = db.connection.execute(text, values).rowcount
        if count:
            log_event(db, "retry", f"{count} task(s) tried again by hand", now)
    return count


def task_counts(db: Database, job: int | None = None) -> dict[int, dict[str, int]]:
    """Job → state → number of tasks, of all jobs or of one."""
    counts: dict[int, dict[str, int]] = {}
    chosen, values = ("", ()) if job is None else (" WHERE job = ?", (job,))
    rows = db.connection.execute(f"SELECT job, state, count(*) FROM task{chosen} GROUP BY job, state", values)
    for of, state, number in rows:
        counts.setdefault(of, {})[state] = number
    return counts


def set_facts(db: Database, job: int, closed: bool, behind_set: bool = False) -> SetFacts:
    """What a job on a set is to work on."""
    rows = db.connection.execute("SELECT item, identity FROM member WHERE job = ?", (job,)).fetchall()
    members = {item: identity for item, identity in rows if identity is not None}
    row = db.connection.execute("SELECT state, identity, tries FROM task WHERE job = ? AND item = 0", (job,)).fetchone()
    task = None if row is None else TaskFacts(TaskState(row[0]), row[1], row[2])
    used = db.connection.execute("SELECT members FROM set_run WHERE job = ?", (job,)).fetchone()
    return SetFacts(members, len(rows) - len(members), closed, task, 0 if used is None else used[0], behind_set)


def note_set_run(db: Database, job: int, members: int) -> None:
    """Write down how many members the newest run of a set began with."""
    with db.transaction():
        db.connection.execute(
            "INSERT INTO set_run (job, members) VALUES (?, ?) ON CONFLICT DO UPDATE SET members = excluded.members",
            (job, members),
        )


def note_set_result(db: Database, job: int, identity: str, job_identity: str, items: Sequence[int]) -> None:
    """Write down the newest result of a set and which items are in it; these are planned anew.

    Args:
        job: on the set.
        identity: of the result.
        job_identity: of the job as it was then.
        items: that are in the result.
    """
    with db.transaction():
        note_set_run(db, job, len(items))
        db.connection.execute(
            "UPDATE set_run SET identity = ?, job_identity = ? WHERE job = ?", (identity, job_identity, job)
        )
        rows = [(identity, job, item) for item in items]
        db.connection.executemany("UPDATE member SET used = ? WHERE job = ? AND item = ?", rows)
        if db.connection.execute("SELECT 1 FROM job_input WHERE source = ? LIMIT 1", (job,)).fetchone():
            unsettle(db, items)


def set_results(db: Database) -> dict[int, tuple[str, str]]:
    """Job on a set → identity of its newest result, and identity of the job when that was made."""
    text = "SELECT job, identity, job_identity FROM set_run WHERE identity IS NOT NULL"
    return {job: (identity, job_identity) for job, identity, job_identity in db.connection.execute(text)}


def task_states(db: Database, jobs: Iterable[int]) -> dict[int, frozenset[TaskState]]:
    """Job → states that some task of it is in; quick, however many tasks there are."""
    text = "SELECT EXISTS (SELECT 1 FROM task WHERE job = ? AND state = ?)"
    return {
        job: frozenset(state for state in TaskState if db.connection.execute(text, (job, state)).fetchone()[0])
        for job in jobs
    }


def count_in_state(db: Database, job: int, state: TaskState) -> int:
    """Number of a job's tasks in one state."""
    text = "SELECT count(*) FROM task WHERE job = ? AND state = ?"
    return int(db.connection.execute(text, (job, state)).fetchone()[0])


def leaving_counts(db: Database) -> dict[int, dict[str, int]]:
    """Decision job → output → number of items that leave by it."""
    counts: dict[int, dict[str, int]] = {}
    text = "SELECT job, identity, count(*) FROM task WHERE state = 'done' AND identity GLOB 'decided:*' GROUP BY 1, 2"
    for job, identity, number in db.connection.execute(text):
        for output in decided_outputs(identity) or ("none",):
            counts.setdefault(job, {})[output] = counts.get(job, {}).get(output, 0) + number
    return counts


def members_to_come(db: Database, job: int) -> int:
    """How many members of a set its newest result does not have yet; 0 where there is no result."""
    text = """SELECT (SELECT count(*) FROM member m WHERE m.job = r.job AND m.identity IS NOT NULL) - r.members
        FROM set_run r WHERE r.job = ?"""
    row = db.connection.execute(text, (job,)).fetchone()
    return 0 if row is None else int(row[0])
