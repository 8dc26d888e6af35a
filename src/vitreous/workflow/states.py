"""The states of a task, and which may follow which: the engine's rules as data."""

from __future__ import annotations

from enum import StrEnum

from vitreous.core.errors import ComputeError


class TaskState(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    """An input is not there yet."""
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It will be tried again by itself after a pause."""
    QUARANTINED = "quarantined"
    """It failed for a reason that trying again does not mend; a person may retry it."""
    CANCELLED = "cancelled"
    EXCLUDED = "excluded"
    """The item does not come here now: trashed, or left out by a filter."""


_S = TaskState
TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    _S.WAITING: frozenset({_S.READY, _S.RUNNING, _S.DONE, _S.QUARANTINED, _S.CANCELLED, _S.EXCLUDED}),
    _S.READY: frozenset({_S.WAITING, _S.RUNNING, _S.DONE, _S.QUARANTINED, _S.CANCELLED, _S.EXCLUDED}),
    _S.RUNNING: frozenset({_S.WAITING, _S.READY, _S.DONE, _S.FAILED, _S.QUARANTINED, _S.CANCELLED, _S.EXCLUDED}),
    _S.DONE: frozenset({_S.WAITING, _S.READY, _S.CANCELLED, _S.EXCLUDED, _S.QUARANTINED}),
    _S.FAILED: frozenset({_S.WAITING, _S.READY, _S.DONE, _S.QUARANTINED, _S.CANCELLED, _S.EXCLUDED}),
    _S.QUARANTINED: frozenset({_S.WAITING, _S.READY, _S.DONE, _S.CANCELLED, _S.EXCLUDED}),
    _S.CANCELLED: frozenset({_S.WAITING, _S.READY, _S.DONE, _S.EXCLUDED}),
    _S.EXCLUDED: frozenset({_S.WAITING, _S.READY, _S.DONE, _S.CANCELLED}),
}
"""State → the states that may follow it. A waiting task runs when it comes behind another in one chain."""

FINISHED = frozenset({_S.DONE, _S.QUARANTINED, _S.CANCELLED, _S.EXCLUDED})
"""States in which nothing more happens by itself."""


def check_transition(before: TaskState, after: TaskState, what: str) -> None:
    """Raise ``ComputeError`` where ``after`` may not follow ``before``: a fault of the engine, never of data."""
    if after is not before and after not in TRANSITIONS[before]:
        raise ComputeError(
            f"{what}: a {before} task can't become {after}", hint="This is a fault of Vitreous; report it", task=what
        )
