"""What becomes of tasks that have ended: committed, tried again, or quarantined with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vitreous.core.errors import Cancelled
from vitreous.project.faults import is_disk_full
from vitreous.project.session import Session
from vitreous.store.ledger import Failure, commit_results, give_back, note_set_result, note_set_run, record_failures
from vitreous.workflow.executor import Lost, Outcome, Work

TRIES = 3
"""How often a task is begun whose failure may be the machine's."""
PAUSE = 5.0
"""s before the second try; four times as long before the third."""
FINAL_CODES = frozenset({"usage", "data", "compute"})
"""Errors that come again however often the task is tried."""


def settle_outcomes(
    session: Session, work: Work, outcomes: Sequence[Outcome], tries: Callable[[int, int], int]
) -> bool:
    """Write down what became of a submission's tasks.

    Args:
        session: of the project.
        work: the submission; tasks of it that have no outcome were not begun.
        outcomes: as they came from the worker.
        tries: how often task ``(job, item)`` was tried before.

    Returns:
        Whether the disk was full: then those tasks are ready again and are no failures.
    """
    now = session.clock()
    commit_results(session.db, [outcome for outcome in outcomes if outcome.error is None], now)
    failures, full, stopped = [], False, []
    for outcome in outcomes:
        if outcome.error is None:
            continue
        if outcome.error["code"] == Cancelled.code:
            stopped.append((outcome.job, outcome.item))
        elif is_disk_full(dict(outcome.error)):
            full = True
            failures.append(Failure(outcome.job, outcome.item, outcome.identity, outcome.error, None, counts=False))
        else:
            failures.append(_failure(outcome, tries(outcome.job, outcome.item), now))
    record_failures(session.db, failures, now)
    ended = {(outcome.job, outcome.item) for outcome in outcomes}
    done = {(outcome.job, outcome.identity) for outcome in outcomes if outcome.error is None}
    for chain in work.chains:
        step = chain.steps[0]
        if not chain.members or (step.job, 0) not in ended:
            continue
        note_set_run(session.db, step.job, len(chain.members))
        if (step.job, step.identity) in done:
            note_set_result(session.db, step.job, step.identity, chain.job_identity, chain.numbers)
    tasks = [(step.job, step.item) for chain in work.chains for step in chain.steps]
    give_back(session.db, [*stopped, *(task for task in tasks if task not in ended)])
    return full


def _failure(outcome: Outcome, tries: int, now: float) -> Failure:
    assert outcome.error is not None
    again = outcome.error["code"] not in FINAL_CODES and tries + 1 < TRIES
    retry_at = now + PAUSE * 4**tries if again else None
    return Failure(outcome.job, outcome.item, outcome.identity, outcome.error, retry_at)


def settle_lost(session: Session, work: Work, lost: Lost, wanted: bool, tries: Callable[[int, int], int]) -> None:
    """Write down that a submission came to no end.

    Where it was wanted (a cancellation, the end of the engine), its tasks wait again. Else its worker died: if it
    carried one chain, that one's first task has failed (for good if it has killed as many workers as it may have); of
    several nobody knows which it was, so each is tried alone.
    """
    tasks = [(step.job, step.item) for chain in work.chains for step in chain.steps]
    if wanted or len(work.chains) > 1:
        give_back(session.db, tasks)
        return
    step = work.chains[0].steps[0]
    error = {
        "code": "resource",
        "message": f"the work was lost: {lost.reason}",
        "hint": "Look at the memory that the worker had; run with fewer workers, or retry the item",
        "context": {"worker": lost.reason},
    }
    outcome = Outcome(step.job, step.item, step.identity, error=error)
    done = TRIES - 1 if lost.final else tries(step.job, step.item)
    record_failures(session.db, [_failure(outcome, done, session.clock())], session.clock())
    give_back(session.db, tasks[1:])
