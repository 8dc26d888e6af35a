"""Failures in groups: messages that differ only in numbers and in the name of the image are one reason."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vitreous.store.database import Database

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?!\w)")
EXAMPLES = 5
"""Items that a group names."""


@dataclass(frozen=True)
class Example:
    """One task of a group: number and name of its item (``all items`` for a set)."""

    item: int
    name: str


@dataclass
class Reason:
    """Tasks of one job that failed in the same way.

    Attributes:
        job: its number.
        reason: what stands for the group: the message, with ``#`` for numbers and ``…`` for the item.
        code, message, hint: of the first of them.
        failed: tasks that are tried again by themselves; ``retry_at`` is when the first is (s since 1970).
        quarantined: tasks that are not.
        newest: when the newest failed, s since 1970.
        examples: the first few.
    """

    job: int
    reason: str
    code: str
    message: str
    hint: str
    failed: int
    quarantined: int
    retry_at: float | None
    newest: float | None
    examples: list[Example]


def reason_of(message: str, name: str) -> str:
    """The message without what differs from image to image."""
    return NUMBER.sub("#", message.replace(name, "…") if name else message)


def reasons(db: Database, jobs: Sequence[int] | None = None) -> list[Reason]:
    """The groups of failed and quarantined tasks (of some jobs), the largest first."""
    found: dict[tuple[int, str], Reason] = {}
    for job, item, state, error, retry_at, finished, name in _rows(db, jobs):
        told = json.loads(error) if error else {}
        message = str(told.get("message") or "it failed")
        key = (job, reason_of(message, name or ""))
        group = found.get(key)
        if group is None:
            code, hint = str(told.get("code", "")), str(told.get("hint", ""))
            group = found[key] = Reason(job, key[1], code, message, hint, 0, 0, None, None, [])
        if state == "failed":
            group.failed += 1
            group.retry_at = retry_at if group.retry_at is None else min(group.retry_at, retry_at or group.retry_at)
        else:
            group.quarantined += 1
        group.newest = finished if group.newest is None else max(group.newest, finished or group.newest)
        if len(group.examples) < EXAMPLES:
            group.examples.append(Example(item, name or "all items"))
    return sorted(found.values(), key=lambda group: (-group.failed - group.quarantined, group.job, group.reason))


def items_of_reason(db: Database, jobs: Sequence[int] | None, reason: str) -> list[int]:
    """Numbers of the items (0: a set) whose tasks failed for a reason, as ``reason_of`` writes it."""
    found = []
    for _, item, _, error, _, _, name in _rows(db, jobs):
        message = str((json.loads(error) if error else {}).get("message") or "it failed")
        if reason_of(message, name or "") == reason:
            found.append(item)
    return found


def _rows(db: Database, jobs: Sequence[int] | None) -> Any:
    # With the jobs named, the index of (job, state) finds the few rows; without, the whole table would be read.
    chosen = jobs if jobs is not None else [row[0] for row in db.connection.execute("SELECT id FROM job")]
    return db.connection.execute(
        """SELECT t.job, t.item, t.state, t.error, t.retry_at, t.finished, e.name
        FROM json_each(?) j JOIN task t ON t.job = j.value AND t.state IN ('failed', 'quarantined')
        LEFT JOIN exposure e ON e.id = t.item ORDER BY t.job, t.item""",
        (json.dumps(list(chosen)),),
    )
