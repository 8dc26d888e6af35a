"""Progress of a submission from wherever it runs, and the place where a running submission learns to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from vitreous.core.errors import Cancelled
from vitreous.core.progress import Progress, silent

INTERVAL = 0.5
"""s between two lines of one submission: more would load scheduler and page, and nobody reads faster."""


@dataclass(frozen=True)
class Reporter:
    """How the code of a submission speaks with the pool that runs it.

    Attributes:
        report: sends ``(key, fraction, what)`` to the engine.
        cancelled: says whether the submission is to stop.
    """

    report: Callable[[str, float, str], None]
    cancelled: Callable[[], bool]


_REPORTER: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


@contextmanager
def reporting(reporter: Reporter) -> Iterator[None]:
    """Let what runs inside report by ``reporter``; for executors."""
    token = _REPORTER.set(reporter)
    try:
        yield
    finally:
        _REPORTER.reset(token)


def worker_progress(key: str) -> Progress:
    """The progress function of submission ``key``, to be made inside the function that a worker runs.

    It tells the engine at most two lines a second, and raises ``Cancelled`` once the submission is to stop. It may be
    called from any thread of the worker. Outside any executor there is nobody to tell, and it is ``silent``.
    """
    reporter = _REPORTER.get()
    if reporter is None:
        return silent
    last = -INTERVAL

    def progress(fraction: float, what: str) -> None:
        nonlocal last
        if reporter.cancelled():
            raise Cancelled("the work was stopped", hint="Run it again when you want its result", key=key)
        now = time.monotonic()
        if now - last >= INTERVAL:
            last = now
            reporter.report(key, fraction, what)

    return progress
