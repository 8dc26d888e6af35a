"""Actions on tasks: try again, quarantine by hand, order by hand, take refused files again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.project.item_actions import choose_items
from vitreous.project.queue_order import place_items
from vitreous.project.reasons import items_of_reason
from vitreous.project.session import Session, job_number
from vitreous.store.events import log_event
from vitreous.store.ledger import retry_tasks, unsettle


def retry(
    session: Session,
    jobs: Sequence[str | int] | None = None,
    selection: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> int:
    """Try failed and quarantined tasks again (of these jobs, of these items); refused files are looked at again.

    Args:
        session: the project.
        jobs: of these jobs only.
        selection: of these items only.
        reason: only those that failed so, as the queue groups them (``#`` for numbers, ``…`` for the item).

    Returns:
        The number of tasks and files.
    """
    numbers = None if jobs is None else [job_number(session.graph(), name) for name in jobs]
    chosen = None if selection is None else choose_items(session, selection)
    if reason is not None:
        same = items_of_reason(session.db, numbers, reason)
        chosen = same if chosen is None else sorted({*same} & {*chosen})
    count = retry_tasks(session.db, numbers, chosen, session.clock())
    unsettle(session.db, chosen)
    if chosen is None:
        count += forget_refusals(session, [*session.graph().jobs] if numbers is None else numbers)
    return count


def forget_refusals(session: Session, jobs: Sequence[int]) -> int:
    """Have imports look again at the files that they have refused; returns how many there are."""
    count = 0
    for job in jobs:
        text = "DELETE FROM source_file WHERE state = 'quarantined' AND job = ? RETURNING path"
        paths = [row[0] for row in session.db.connection.execute(text, (job,))]
        session.look_again(job, paths)
        count += len(paths)
    return count


def quarantine(session: Session, job: str | int, selection: Mapping[str, Any], reason: str) -> int:
    """Set tasks aside by hand; returns how many."""
    number = job_number(session.graph(), job)
    if not reason.strip():
        raise UsageError("a quarantine needs a reason", hint="Say why, so that others understand")
    error = to_json(
        {"code": "usage", "message": reason, "hint": "Retry it to take it back", "context": {"by": session.author}}
    )
    count = 0
    for item in choose_items(session, selection):
        session.cancel(number, item)
        text = (
            "UPDATE task SET state = 'quarantined', error = ? WHERE job = ? AND item = ? AND identity IS NOT NULL"
            " AND state IN ('waiting', 'ready', 'running', 'failed', 'done')"
        )
        if session.db.connection.execute(text, (error, number, item)).rowcount:
            count += 1
            log_event(session.db, "quarantined", reason, session.clock(), number, item, {"by": session.author})
            unsettle(session.db, [item])
    return count


def order_items(session: Session, selection: Mapping[str, Any], place: Literal["first", "last", "normal"]) -> int:
    """Have items worked on first, last, or when it is their turn; returns how many."""
    text = "SELECT coalesce(min(rank), 0), coalesce(max(rank), 0) FROM task"
    low, high = session.db.connection.execute(text).fetchone()
    rank = {"first": min(low, 0) - 1, "last": max(high, 0) + 1, "normal": 0}[place]
    chosen = choose_items(session, selection)
    session.db.connection.executemany("UPDATE task SET rank = ? WHERE item = ?", [(rank, item) for item in chosen])
    return len(chosen)


ACTIONS = (retry, quarantine, order_items, place_items)
