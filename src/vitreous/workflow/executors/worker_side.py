"""What happens inside a worker: it runs submissions, tells what it does, and stops when told to."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

from distributed import Status, Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from vitreous.core.errors import Cancelled
from vitreous.workflow.executor import Outcome, RunWork, Work
from vitreous.workflow.executors.children import kill_children, start_watch
from vitreous.workflow.executors.progress import Reporter, reporting

TOPIC = "vitreous"
PLUGIN = "vitreous"
PATIENCE = 1.0
"""s that cancelled work has to notice it; then the programs that it started are killed."""
LAST_PATIENCE = 1.5
"""s after that; then the worker itself ends, and its nanny starts another."""


class WorkerWatch(WorkerPlugin):
    """Knows what a worker runs and what is to stop.

    Args:
        log_folder: where the worker's own log goes, if it can be reached from its machine.
    """

    def __init__(self, log_folder: str) -> None:
        self.log_folder = log_folder
        self.running: str | None = None
        self.cancelled: set[str] = set()
        self.mark = ""
        self.pipe = -1

    def setup(self, worker: Worker) -> None:
        """Have leftovers killed if this worker dies, and send distributed's chatter into a file."""
        self.mark, self.pipe = start_watch()
        _log_into(Path(self.log_folder), str(worker.name))
        threading.Thread(target=_leave_in_time, args=(worker, self.mark), daemon=True, name="vitreous-leave").start()

    def teardown(self, worker: Worker) -> None:
        """Kill what was started: nothing is to outlive the worker."""
        kill_children(self.mark)


def _leave_in_time(worker: Worker, mark: str) -> None:
    """End a worker that has lost its scheduler; by itself it would wait half a minute for what it runs."""
    while worker.status not in (Status.closing, Status.closed, Status.failed):
        time.sleep(0.5)
    kill_children(mark)
    time.sleep(LAST_PATIENCE)
    os._exit(0)


def _log_into(folder: Path, name: str) -> None:
    logger = logging.getLogger("distributed")
    if not os.access(folder, os.W_OK):
        return
    handler = logging.FileHandler(folder / f"worker-{name}.log", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"))
    logger.handlers = [handler]
    logger.propagate = False


def perform(run: RunWork, work: Work, ticket: str) -> list[Outcome]:
    """Run one submission on this worker, whose ``ticket`` is unique to the attempt."""
    worker = get_worker()
    watch: Any = worker.plugins[PLUGIN]

    def report(key: str, fraction: float, what: str) -> None:
        event = {"event": "progress", "key": key, "ticket": ticket, "fraction": float(fraction), "what": str(what)}
        worker.log_event(TOPIC, event)

    watch.running = ticket
    try:
        if ticket in watch.cancelled:  # it was stopped while it was on its way into this thread
            raise Cancelled("it was cancelled before it began", hint="Begin it again with vitreous retry")
        begin = {"event": "begin", "key": work.key, "ticket": ticket, "worker": worker.address}
        worker.log_event(TOPIC, begin)
        with reporting(Reporter(report, lambda: ticket in watch.cancelled)):
            return run(work)
    finally:
        watch.running = None


async def stop(ticket: str, dask_worker: Worker) -> str:
    """Stop one submission on this worker: first ask, then kill its programs, then end the worker.

    Returns:
        ``idle`` where it does not run here, ``asked``, ``programs`` or ``worker``: what had to be stopped.
    """
    watch: Any = dask_worker.plugins[PLUGIN]
    watch.cancelled.add(ticket)
    if watch.running != ticket:
        return "idle"
    if await _ended(watch, ticket, PATIENCE):
        return "asked"
    kill_children(watch.mark)
    if await _ended(watch, ticket, LAST_PATIENCE):
        return "programs"
    asyncio.get_running_loop().call_later(0.1, os._exit, 1)
    return "worker"


async def _ended(watch: Any, ticket: str, patience: float) -> bool:
    stop_at = time.monotonic() + patience
    while watch.running == ticket and time.monotonic() < stop_at:
        await asyncio.sleep(0.02)
    return bool(watch.running != ticket)
