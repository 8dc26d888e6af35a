"""A pool of no workers: each submission runs at once in the calling thread, for tests and for a debugger."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from vitreous.core.errors import Cancelled
from vitreous.workflow.executor import Done, Kind, Lost, Report, RunWork, Work, WorkerState
from vitreous.workflow.executors.progress import Reporter, reporting


class InlineExecutor:
    """Run submissions in the thread that submits them.

    Args:
        report: told the progress.
        gpu: whether GPU work is taken too.
    """

    def __init__(self, report: Report, *, gpu: bool = True) -> None:
        self._report = report
        self._gpu = gpu
        self._busy: str | None = None
        self._cancelled: set[str] = set()

    def capacity(self) -> Mapping[Kind, int]:
        """One submission of each kind that is taken; there is never more than one under way."""
        return {"cpu": 1, "gpu": 1 if self._gpu else 0}

    def submit(self, run: RunWork, work: Work, done: Done) -> None:
        """Run the work now; an exception that is no ``Cancelled`` is the caller's, so that a debugger sees it."""
        self._busy = work.key
        try:
            with reporting(Reporter(self._report, lambda: work.key in self._cancelled)):
                outcomes = run(work)
        except Cancelled:
            done(work, Lost("it was cancelled"))
        else:
            done(work, outcomes)
        finally:
            self._busy = None
            self._cancelled.discard(work.key)

    def cancel(self, key: str) -> None:
        """Have the running submission stop at its next progress; for other threads or its own callbacks."""
        if key == self._busy:
            self._cancelled.add(key)

    def workers(self) -> list[WorkerState]:
        """This process."""
        return [WorkerState(f"process {os.getpid()}", socket.gethostname(), "cpu", self._busy)]

    def close(self) -> None:
        """Nothing is to be stopped."""
