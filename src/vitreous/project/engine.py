"""The engine: it takes in what arrives, plans, hands tasks to workers, and commits what comes back."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreous.core.errors import ResourceError, VitreousError
from vitreous.project import actions
from vitreous.project.dispatch import Speeds, choose, finished_jobs
from vitreous.project.outcomes import settle_lost, settle_outcomes
from vitreous.project.session import Session
from vitreous.project.sources import Sources
from vitreous.project.status import Status, lack_of_space, write_status
from vitreous.project.worker import clear_staging, run_work
from vitreous.store.events import log_event
from vitreous.store.inbox import Request, answer, take
from vitreous.store.ledger import (
    Results,
    apply_changes,
    apply_plans,
    due_again,
    item_facts,
    recover,
    set_facts,
    start_tasks,
    task_states,
    unsettled,
)
from vitreous.workflow.executor import Executor, Kind, Lost, Outcome, Work
from vitreous.workflow.planner import Plan, settle, settle_set
from vitreous.workflow.share import Registration
from vitreous.workflow.states import TaskState

Until = Literal["closed", "done"]
"""``closed``: until every source is closed and everything is done; ``done``: until nothing is left to do now."""


@dataclass
class UnderWay:
    """A submission that a worker has."""

    work: Work
    since: float
    cancelled: bool = False
    fraction: float = 0.0
    what: str = ""


@dataclass
class Engine:
    """Runs one project; only one engine opens a project at a time.

    Attributes:
        session: the project, open for writing.
        executor: the workers, or ``None`` until they are first needed.
        share: what of the machine this project may use beside others, ``None`` for all.
        tick: s between two looks at what nobody announces.
    """

    session: Session
    start_executor: Callable[[Callable[[str, float, str], None]], Executor]
    share: Registration | None = None
    tick: float = 0.2
    executor: Executor | None = None
    under_way: dict[str, UnderWay] = field(default_factory=dict)
    stopping: bool = False
    closing: bool = False
    speeds: Speeds = field(default_factory=Speeds)
    conditions: dict[str, str] = field(default_factory=dict)
    alone: bool = False
    parts: dict[Kind, int] = field(default_factory=dict)
    _events: queue.SimpleQueue[Callable[[], None]] = field(default_factory=queue.SimpleQueue)
    _sets_changed: bool = True
    _sets_pause: float = 0.5
    _due: dict[str, float] = field(default_factory=dict)
    _pending: list[tuple[Work, Sequence[Outcome] | Lost]] = field(default_factory=list)
    _replies: list[tuple[Request, Any]] = field(default_factory=list)
    patient: bool = True
    fault: Exception | None = None
    _sources: Sources | None = None
    _starting: Future[Executor] | None = None

    # --- what others call -------------------------------------------------------------------------------------------

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Have the engine's own thread call a function soon; from any thread."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self._events.put(run)
        return future

    def stop(self, now: bool = False) -> None:
        """End after the tasks that are under way, or at once; from any thread or signal handler."""
        self.stopping = True
        self.closing = self.closing or now
        self._events.put(lambda: None)

    def run(self, until: Until = "closed", watch: bool = True) -> None:
        """Work until there is nothing left to do, or until ``stop``.

        Raises:
            ResourceError: the workers can't be started (with ``closed``, that is tried again and again).
        """
        self.patient = until == "closed"
        self.prepare()
        self._sources = Sources(self, single_pass=until == "done") if watch else None
        try:
            while not self._is_over(until):
                self.step()
                self._wait()
        finally:
            self.finish()
        if self.fault is not None:
            raise self.fault

    # --- start and end ----------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Take up where the last engine stopped, however it stopped."""
        clear_staging(self.session.folder)
        self.session.cancel = self.cancel_task
        with self.session.db.transaction():
            again = recover(self.session.db)
            told = (
                f"the engine starts; {again} task(s) were under way when it last ended"
                if again
                else "the engine starts"
            )
            log_event(self.session.db, "engine", told, self.session.clock())

    def finish(self) -> None:
        """Stop sources and workers; tasks that are under way wait for the next engine."""
        if self._sources is not None:
            self._sources.stop()
        for entry in self.under_way.values():
            entry.cancelled = True
        if self._starting is not None:
            with contextlib.suppress(ResourceError):
                self.executor = self._starting.result()
        if self.executor is not None:
            self.executor.close()
            clear_staging(self.session.folder)
        self._drain()
        with contextlib.suppress(ResourceError):
            self._take_outcomes()
            recover(self.session.db)
            log_event(self.session.db, "engine", "the engine ends", self.session.clock())
        if self.share is not None:
            self.share.leave()
        write_status(self.session.folder, None)

    def _is_over(self, until: Until) -> bool:
        if self.closing or self.fault is not None or (self.stopping and not self.under_way and not self._pending):
            return True
        if self.under_way or self._pending or not self._events.empty() or self.stopping:
            return False
        if unsettled(self.session.db, 1) or self._sets_changed:
            return False
        graph = self.session.graph()
        try:
            if self._sources is not None and self._sources.busy(wait_closed=until == "closed"):
                return False
        except ResourceError as error:  # that an import has ended can't be written down
            self.conditions["disk"] = str(error)
            return False
        usable = [n for n, job in graph.jobs.items() if job.state == "active" and job.broken is None]
        alive = {TaskState.READY, TaskState.FAILED}
        return not any(states & alive for states in task_states(self.session.db, usable).values())

    # --- one round --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One round: requests, outcomes, planning, dispatch, housekeeping."""
        try:
            if self._is_due("requests", self.tick):
                self._take_requests()
        except ResourceError as error:  # replies wait; what else can be done is done
            self.conditions["disk"] = str(error)
        try:
            self._take_outcomes()
            if self._is_due("retries", 1.0):
                due_again(self.session.db, self.session.clock())
            self.settle_items()
            self._settle_sets()
            if self._sources is not None and self._is_due("sources", 1.0):
                self._sources.look_after()
            if not self.stopping and self._has_space():
                self._dispatch()
        except ResourceError as error:
            # The catalogue itself can't be written: nothing is lost, because outcomes stay in memory until it can.
            self.conditions["disk"] = str(error)
        if self._is_due("status", 1.0):
            write_status(self.session.folder, self.status())

    def _wait(self) -> None:
        busy = not self._events.empty() or self._pending or unsettled(self.session.db, 1)
        if busy and "disk" not in self.conditions:
            self._drain()
            return
        try:
            self._events.get(timeout=self.tick)()
        except queue.Empty:
            return
        self._drain()

    def _drain(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()()

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now - self._due.get(what, -seconds) < seconds:
            return False
        self._due[what] = now
        return True

    def _take_requests(self) -> None:
        self._answer()
        for request in take(self.session.folder):
            try:
                value = actions.perform(self.session, request.action, request.arguments, engine=self)
            except VitreousError as error:
                value = error
            self._replies.append((request, value))
            self._sets_changed = True
        self._answer()

    def _answer(self) -> None:
        """Send the replies that wait; one that a full disk keeps from being written is sent when there is space."""
        while self._replies:
            answer(*self._replies[0])
            self._replies.pop(0)

    # --- outcomes ---------------------------------------------------------------------------------------------------

    def _take_outcomes(self) -> None:
        while self._pending:
            work, outcome = self._pending[0]
            entry = self.under_way.get(work.key)
            wanted = self.stopping and self.closing if entry is None else entry.cancelled
            if isinstance(outcome, Lost):
                settle_lost(self.session, work, outcome, wanted, self._tries)
                # One of several has killed the worker: each is tried alone, until the one is known.
                self.alone = self.alone if wanted else len(work.chains) > 1
            else:
                if settle_outcomes(self.session, work, outcome, self._tries):
                    self.conditions["disk"] = "the disk is full"
                for step in outcome:
                    self.speeds.learn(step.job, step.seconds)
                self.speeds.learn_submission(sum(step.seconds for step in outcome))
            self._pending.pop(0)
            self.under_way.pop(work.key, None)
            self._sets_changed = True

    def _done(self, work: Work, outcome: Sequence[Outcome] | Lost) -> None:
        self._events.put(lambda: self._pending.append((work, outcome)))

    def _tries(self, job: int, item: int) -> int:
        row = self.session.db.connection.execute(
            "SELECT tries FROM task WHERE job = ? AND item = ?", (job, item)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _report(self, key: str, fraction: float, what: str) -> None:
        entry = self.under_way.get(key)
        if entry is not None:
            entry.fraction, entry.what = fraction, what

    # --- planning ---------------------------------------------------------------------------------------------------

    def settle_items(self, limit: int = 200) -> int:
        """Plan items whose facts have changed; returns how many were looked at."""
        # When everything is planned anew, what has just come does not wait for the end of that.
        items = unsettled(self.session.db, limit, newest=limit // 4)
        if not items:
            return 0
        graph, results = self.session.graph(), Results(self.session.db)
        facts = item_facts(self.session.db, items)
        results.load([t.identity for f in facts for t in f.tasks.values() if t.identity] + [f.identity for f in facts])
        plans = {entry.item: settle(graph, entry, results.find, self.session.decide) for entry in facts}
        for entry in facts:
            for change in plans[entry.item].changes:
                before = entry.tasks.get(change.job)
                if before is not None and before.state is TaskState.RUNNING:
                    self.cancel_task(change.job, entry.item)
        plans |= {item: Plan((), (), {}) for item in items if item not in plans}  # items that are gone
        apply_plans(self.session.db, plans, self.session.clock())
        self._sets_changed = True
        return len(items)

    def _settle_sets(self) -> None:
        if not self._sets_changed or unsettled(self.session.db, 1) or not self._is_due("sets", self._sets_pause):
            return
        began = time.monotonic()
        graph = self.session.graph()
        jobs = [graph.jobs[number] for number in graph.order if graph.jobs[number].scope == "set"]
        if not jobs:
            self._sets_changed = False
            return
        finished = finished_jobs(graph, task_states(self.session.db, graph.jobs), unsettled=False)
        find = Results(self.session.db).find
        for job in jobs:
            closed = all(entry.source in finished for entry in job.inputs)
            change = settle_set(job, set_facts(self.session.db, job.id, closed), find)
            if change is not None:
                self.cancel_task(job.id, 0)
                apply_changes(self.session.db, [change], self.session.clock())
        self._sets_changed = False
        # Looking at a set of a hundred thousand takes a while: at most a tenth of the engine's time.
        self._sets_pause = max(0.5, 10 * (time.monotonic() - began))

    # --- dispatch ---------------------------------------------------------------------------------------------------

    def _has_space(self) -> bool:
        """Whether the disk has the space that is to be kept free; else new work waits, and goes on by itself."""
        if not self._is_due("space", 1.0):
            return "disk" not in self.conditions
        lack = lack_of_space(self.session.folder, self.session.settings().get("disk_reserve"))
        if lack is None:
            self.conditions.pop("disk", None)
        else:
            self.conditions["disk"] = lack
        return "disk" not in self.conditions

    def _dispatch(self) -> None:
        graph = self.session.graph()
        if self.executor is None:
            if not any(TaskState.READY in states for states in task_states(self.session.db, graph.jobs).values()):
                return
            if not self._start_workers():
                return
        finished = finished_jobs(graph, task_states(self.session.db, graph.jobs), bool(unsettled(self.session.db, 1)))
        for kind, free in self._free_slots().items():
            if free <= 0:
                continue
            busy = frozenset(step.job for e in self.under_way.values() for c in e.work.chains for step in c.steps)
            newest = self.session.settings().get("order") == "newest"
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

    def _start_workers(self) -> bool:
        """Start the workers, beside everything else: it takes seconds, on a cluster hours.

        Where that fails, say so and try again later: a session must go on by itself. Only who waits for the end of a
        run is told at once.
        """
        if self._starting is None:
            if self._is_due("workers", 30.0):
                self.conditions["workers"] = "the workers are starting"
                self._starting = ThreadPoolExecutor(1, "workers").submit(self.start_executor, self._report)
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
            self.conditions["workers"] = f"no workers could be started: {error}"
            log_event(self.session.db, "workers", self.conditions["workers"], self.session.clock())
            return False
        self.conditions.pop("workers", None)
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
        if self._is_due(f"share {kind}", 1.0):
            text = "SELECT count(*) FROM (SELECT 1 FROM task WHERE state IN ('ready', 'running') LIMIT 1000)"
            self.share.demand(int(self.session.db.connection.execute(text).fetchone()[0]))
            self.parts[kind] = self.share.share(number)
        return self.parts[kind]

    def _submit(self, work: Work) -> None:
        now = self.session.clock()
        start_tasks(self.session.db, [step for chain in work.chains for step in chain.steps], now)
        self.under_way[work.key] = UnderWay(work, now)
        assert self.executor is not None
        self.executor.submit(run_work, work, self._done)

    def cancel_task(self, job: int, item: int) -> None:
        """Stop the submission that holds a task; the others of it are begun again."""
        for entry in self.under_way.values():
            if any(step.job == job and step.item == item for chain in entry.work.chains for step in chain.steps):
                entry.cancelled = True
                assert self.executor is not None
                self.executor.cancel(entry.work.key)

    # --- for people -------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What the engine is doing, for those who ask from outside."""
        running = [
            {
                "tasks": [[step.job, step.item] for chain in entry.work.chains for step in chain.steps][:20],
                "since": entry.since,
                "fraction": round(entry.fraction, 3),
                "what": entry.what,
            }
            for entry in self.under_way.values()
        ]
        workers = [] if self.executor is None else [vars(worker) for worker in self.executor.workers()]
        sources = {} if self._sources is None else self._sources.conditions()
        return Status(self.session.clock(), {**self.conditions, **sources}, running, workers)
