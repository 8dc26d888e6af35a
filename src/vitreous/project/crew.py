"""The workers of an engine: started when they are needed, given work, watched, stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from vitreous.core.errors import ResourceError
from vitreous.project.dispatch import Speeds, choose, finished_jobs
from vitreous.project.pace import Pace
from vitreous.project.session import Session
from vitreous.project.worker import run_work
from vitreous.store.events import log_event
from vitreous.store.ledger import start_tasks, task_states, unsettled
from vitreous.workflow.executor import Done, Executor, Kind, Lost, Outcome, Report, Work
from vitreous.workflow.share import Registration
from vitreous.workflow.states import TaskState

AGAIN_SECONDS = 30.0
"""s after which workers that could not be started are tried again."""


@dataclass
class UnderWay:
    """A submission that a worker has."""

    work: Work
    since: float
    cancelled: bool = False
    fraction: float = 0.0
    what: str = ""


@dataclass
class Crew:
    """Hands ready tasks to workers.

    Attributes:
        session: the project.
        start_executor: starts the workers; told where progress goes.
        done: called for each submission that has ended, from any thread.
        share: what of the machine this project may use beside others, ``None`` for all.
        patient: workers that can't be started are tried again and again; else that is a ``fault``.
        executor: the workers, ``None`` until they are first needed.
        under_way: submissions that workers have, by key.
        speeds: how long tasks take.
        alone: a worker has died of one of several chains: they are tried one by one.
        condition: why there are no workers, ``None`` where there are or none is needed.
    """

    session: Session
    start_executor: Callable[[Report], Executor]
    done: Done
    share: Registration | None = None
    patient: bool = True
    executor: Executor | None = None
    under_way: dict[str, UnderWay] = field(default_factory=dict)
    speeds: Speeds = field(default_factory=Speeds)
    alone: bool = False
    condition: str | None = None
    fault: Exception | None = None
    parts: dict[Kind, int] = field(default_factory=dict)
    _pace: Pace = field(default_factory=Pace)
    _starting: Future[Executor] | None = None

    def dispatch(self) -> None:
        """Give the free workers what comes next."""
        db, graph = self.session.db, self.session.graph()
        states = task_states(db, graph.jobs)
        if self.executor is None and not (any(TaskState.READY in found for found in states.values()) and self._start()):
            return
        finished = finished_jobs(graph, states, bool(unsettled(db, 1)))
        newest = self.session.settings().get("order") == "newest"
        for kind, free in self._free_slots().items():
            if free <= 0:
                continue
            busy = frozenset(step.job for e in self.under_way.values() for c in e.work.chains for step in c.steps)
            for work in choose(
                self.session,
                graph,
                kind,
                free,
                finished=finished,
                newest_first=newest,
                speeds=self.speeds,
                alone=self.alone,
                busy=busy,
            ):
                self._submit(work)

    def _start(self) -> bool:
        """Start the workers, beside everything else: it takes seconds, on a cluster hours.

        Where that fails, say so and try again later: a session must go on by itself. Only who waits for the end of a
        run is told at once.
        """
        if self._starting is None:
            if self._pace.is_due("workers", AGAIN_SECONDS):
                self.condition = "the workers are starting"
                self._starting = ThreadPoolExecutor(1, "workers").submit(self.start_executor, self.report)
            return False
        if not self._starting.done():
            return False
        starting, self._starting = self._starting, None
        try:
            self.executor = starting.result()
        except (ResourceError, OSError) as error:
            if not self.patient:
                self.fault = error
                return False
            self.condition = f"no workers could be started: {error}"
            log_event(self.session.db, "workers", self.condition, self.session.clock())
            return False
        self.condition = None
        return True

    def _free_slots(self) -> dict[Kind, int]:
        assert self.executor is not None
        free: dict[Kind, int] = {}
        workers = [worker.kind for worker in self.executor.workers()]
        for kind, number in self.executor.capacity().items():
            if not self.speeds.worth_waiting():
                number = min(number, max(1, workers.count(kind)))
            if self.share is not None:
                number = min(number, self._part(kind, number))
            free[kind] = number - sum(entry.work.kind == kind for entry in self.under_way.values())
        return free

    def _part(self, kind: Kind, number: int) -> int:
        """This project's part of the machine's slots, beside the other projects that run on it."""
        assert self.share is not None
        if self._pace.is_due(f"share {kind}", 1.0):
            text = "SELECT count(*) FROM (SELECT 1 FROM task WHERE state IN ('ready', 'running') LIMIT 1000)"
            self.share.demand(int(self.session.db.connection.execute(text).fetchone()[0]))
            self.parts[kind] = self.share.share(number)
        return self.parts[kind]

    def _submit(self, work: Work) -> None:
        now = self.session.clock()
        start_tasks(self.session.db, [step for chain in work.chains for step in chain.steps], now)
        self.under_way[work.key] = UnderWay(work, now)
        assert self.executor is not None
        self.executor.submit(run_work, work, self.done)

    def report(self, key: str, fraction: float, what: str) -> None:
        """Take note of progress; from any thread."""
        entry = self.under_way.get(key)
        if entry is not None:
            entry.fraction, entry.what = fraction, what

    def ended(self, work: Work, outcome: Sequence[Outcome] | Lost) -> None:
        """Learn from a submission whose end has been written down."""
        entry = self.under_way.pop(work.key, None)
        if isinstance(outcome, Lost):
            # One of several has killed the worker: each is tried alone, until the one is known.
            wanted = entry is not None and entry.cancelled
            self.alone = self.alone if wanted else len(work.chains) > 1
            return
        for step in outcome:
            self.speeds.learn(step.job, step.seconds)
        self.speeds.learn_submission(sum(step.seconds for step in outcome))

    def was_stopped(self, work: Work) -> bool:
        """Whether a submission was to end without a result."""
        entry = self.under_way.get(work.key)
        return entry is not None and entry.cancelled

    def cancel_task(self, job: int, item: int) -> None:
        """Stop the submission that holds a task; the others of it are begun again."""
        for entry in self.under_way.values():
            if any(step.job == job and step.item == item for chain in entry.work.chains for step in chain.steps):
                entry.cancelled = True
                assert self.executor is not None
                self.executor.cancel(entry.work.key)

    def close(self) -> bool:
        """Stop the workers; returns whether there were any."""
        for entry in self.under_way.values():
            entry.cancelled = True
        if self._starting is not None:
            with contextlib.suppress(ResourceError, OSError):
                self.executor = self._starting.result()
        if self.share is not None:
            self.share.leave()
        if self.executor is None:
            return False
        self.executor.close()
        return True

    def running(self) -> list[Mapping[str, Any]]:
        """The submissions under way, for people; ``key`` is what the worker that has one is ``busy`` with."""
        return [
            {
                "key": entry.work.key,
                "tasks": [[step.job, step.item] for chain in entry.work.chains for step in chain.steps][:20],
                "since": entry.since,
                "fraction": round(entry.fraction, 3),
                "what": entry.what,
            }
            for entry in self.under_way.values()
        ]

    def workers(self) -> list[Mapping[str, Any]]:
        """The workers, for people."""
        return [] if self.executor is None else [vars(worker) for worker in self.executor.workers()]
