"""The engine: it takes in what arrives, plans, hands tasks to workers, and commits what comes back."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreous.core.errors import ResourceError, VitreousError
from vitreous.core.words import counted
from vitreous.project import actions
from vitreous.project.alarms.watch import AlarmWatch, Around
from vitreous.project.crew import Crew
from vitreous.project.dispatch import finished_jobs
from vitreous.project.gauges import SAMPLE_SECONDS, take_sample
from vitreous.project.outcomes import settle_lost, settle_outcomes
from vitreous.project.pace import Pace
from vitreous.project.session import Session
from vitreous.project.sources import Sources
from vitreous.project.status import Status, lack_of_space, write_status
from vitreous.project.worker import clear_staging
from vitreous.store.events import log_event
from vitreous.store.inbox import Request, answer, take
from vitreous.store.ledger import (
    Results,
    apply_changes,
    apply_plans,
    due_again,
    item_facts,
    note_set_result,
    recover,
    set_facts,
    task_states,
    unsettled,
)
from vitreous.workflow.executor import Executor, Lost, Outcome, Report, Work
from vitreous.workflow.planner import Plan, settle, settle_set
from vitreous.workflow.share import Registration
from vitreous.workflow.states import TaskState

Until = Literal["closed", "done", "stopped"]
"""``closed``: until every source is closed and everything is done; ``done``: until nothing is left to do now;
``stopped``: until it is stopped."""


ALARM_SECONDS = 5.0
"""s between two looks for alarms."""


@dataclass
class Engine:
    """Runs one project; only one engine opens a project at a time.

    Attributes:
        session: the project, open for writing.
        start_executor: starts the workers when the first task is ready; told where progress goes.
        share: what of the machine this project may use beside others, ``None`` for all.
        tick: s between two looks at what nobody announces.
        crew: the workers and what they have.
        alarms: what watches the session.
        conditions: what hinders the engine, a sentence each.
        stopping: no new task is begun; ``closing``: what is under way is given up too.
    """

    session: Session
    start_executor: Callable[[Report], Executor]
    share: Registration | None = None
    tick: float = 0.2
    conditions: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    closing: bool = False
    _events: queue.SimpleQueue[Callable[[], None]] = field(default_factory=queue.SimpleQueue)
    _pending: list[tuple[Work, Sequence[Outcome] | Lost]] = field(default_factory=list)
    _replies: list[tuple[Request, Any]] = field(default_factory=list)
    _pace: Pace = field(default_factory=Pace)
    _sources: Sources | None = None
    _sets_changed: bool = True
    _sets_pause: float = 0.5

    def __post_init__(self) -> None:
        self.crew = Crew(self.session, self.start_executor, self._done, self.share)
        self.alarms = AlarmWatch(self.session)

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
            ResourceError: the workers can't be started (unless ``done``, that is tried again and again).
        """
        self.crew.patient = until != "done"
        self.prepare()
        self._sources = Sources(self, single_pass=until == "done") if watch else None
        if self._sources is not None:
            self.session.look_again = self._sources.look_again
        try:
            while not self._is_over(until):
                self.step()
                self._wait()
        finally:
            self.finish()
        if self.crew.fault is not None:
            raise self.crew.fault

    def look_at_sets(self) -> None:
        """Have sets planned anew: something has changed that decides on them; in the engine's own thread."""
        self._sets_changed = True

    # --- start and end ----------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Take up where the last engine stopped, however it stopped."""
        clear_staging(self.session.folder)
        self.session.cancel = self.crew.cancel_task
        with self.session.db.transaction():
            again = recover(self.session.db)
            told = f"; {counted(again, 'task')} had not ended" if again else ""
            log_event(self.session.db, "engine", f"the engine starts{told}", self.session.clock())
            take_sample(self.session, 0, whatever=True)
        self._pace.is_due("gauges", SAMPLE_SECONDS)

    def finish(self) -> None:
        """Stop sources and workers; tasks that are under way wait for the next engine."""
        if self._sources is not None:
            self._sources.stop()
        if self.crew.close():
            clear_staging(self.session.folder)
        self._drain()
        with contextlib.suppress(ResourceError):
            self._take_outcomes()
            recover(self.session.db)
            self.alarms.close()
            take_sample(self.session, 0, whatever=True)
            log_event(self.session.db, "engine", "the engine ends", self.session.clock())
        write_status(self.session.folder, None)

    def _is_over(self, until: Until) -> bool:
        idle = not self.crew.under_way and not self._pending
        if self.closing or self.crew.fault is not None or (self.stopping and idle):
            return True
        if not idle or not self._events.empty() or self.stopping or until == "stopped":
            return False
        try:
            if self._sources is not None and self._sources.busy(wait_closed=until == "closed"):
                return False
        except ResourceError as error:  # that an import has ended can't be written down
            self.conditions["disk"] = str(error)
            return False
        # Asked after the sources: that the last of them has closed lets sets begin.
        if unsettled(self.session.db, 1) or self._sets_changed:
            return False
        graph = self.session.graph()
        usable = [n for n, job in graph.jobs.items() if job.state == "active" and job.broken is None]
        alive = {TaskState.READY, TaskState.FAILED}
        return not any(states & alive for states in task_states(self.session.db, usable).values())

    # --- one round --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One round: requests, outcomes, planning, dispatch, housekeeping."""
        try:
            if self._pace.is_due("requests", self.tick):
                self._take_requests()
        except ResourceError as error:  # replies wait; what else can be done is done
            self.conditions["disk"] = str(error)
        try:
            self._take_outcomes()
            if self._pace.is_due("retries", 1.0):
                due_again(self.session.db, self.session.clock())
            self.settle_items()
            self._settle_sets()
            if self._sources is not None and self._pace.is_due("sources", 1.0):
                self._sources.look_after()
            if not self.stopping and self._has_space():
                self.crew.dispatch()
            if self._pace.is_due("alarms", ALARM_SECONDS):
                self._look_for_alarms()
            if self._pace.is_due("gauges", SAMPLE_SECONDS):
                take_sample(self.session, len(self.crew.workers()))
        except ResourceError as error:
            # The catalogue itself can't be written: nothing is lost, because outcomes stay in memory until it can.
            self.conditions["disk"] = str(error)
        if self._pace.is_due("status", 1.0):
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
            if isinstance(outcome, Lost):
                settle_lost(self.session, work, outcome, self.crew.was_stopped(work), self._tries)
            elif settle_outcomes(self.session, work, outcome, self._tries):
                self.conditions["disk"] = "the disk is full"
            self._pending.pop(0)
            self.crew.ended(work, outcome)
            self._sets_changed = True

    def _done(self, work: Work, outcome: Sequence[Outcome] | Lost) -> None:
        self._events.put(lambda: self._pending.append((work, outcome)))

    def _tries(self, job: int, item: int) -> int:
        row = self.session.db.connection.execute(
            "SELECT tries FROM task WHERE job = ? AND item = ?", (job, item)
        ).fetchone()
        return 0 if row is None else int(row[0])

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
                    self.crew.cancel_task(change.job, entry.item)
        plans |= {item: Plan((), (), {}) for item in items if item not in plans}  # items that are gone
        apply_plans(self.session.db, plans, self.session.clock())
        self._sets_changed = True
        return len(items)

    def _settle_sets(self) -> None:
        if not self._sets_changed or unsettled(self.session.db, 1) or not self._pace.is_due("sets", self._sets_pause):
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
            behind_set = bool(job.inputs) and all(graph.jobs[entry.source].scope == "set" for entry in job.inputs)
            facts = set_facts(self.session.db, job.id, closed, behind_set)
            change = settle_set(job, facts, find)
            if change is not None:
                self.crew.cancel_task(job.id, 0)
                apply_changes(self.session.db, [change], self.session.clock())
                if change.result is not None and change.identity is not None:
                    note_set_result(self.session.db, job.id, change.identity, job.identity, list(facts.members))
        self._sets_changed = False
        # Looking at a set of a hundred thousand takes a while: at most a tenth of the engine's time.
        self._sets_pause = max(0.5, 10 * (time.monotonic() - began))

    # --- housekeeping -----------------------------------------------------------------------------------------------

    def _has_space(self) -> bool:
        """Whether the disk has the space that is to be kept free; else new work waits, and goes on by itself."""
        if not self._pace.is_due("space", 1.0):
            return "disk" not in self.conditions
        lack = lack_of_space(self.session.folder, self.session.settings().get("disk_reserve"))
        if lack is None:
            self.conditions.pop("disk", None)
        else:
            self.conditions["disk"] = lack
        return "disk" not in self.conditions

    def _look_for_alarms(self) -> None:
        """Look whether the session is well; a few milliseconds."""
        conditions = {**self.conditions, **({} if self.crew.condition is None else {"workers": self.crew.condition})}
        sources = self._sources
        around = Around(conditions)
        if sources is not None:
            around = Around(conditions, sources.watching(), sources.faults(), sources.hindered())
        self.alarms.look(around)
        self.conditions.pop("alarms", None)
        if self.alarms.fault is not None:
            self.conditions["alarms"] = self.alarms.fault

    # --- for people -------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What the engine is doing, for those who ask from outside."""
        sources = {} if self._sources is None else self._sources.conditions()
        conditions = {**self.conditions, **sources}
        if self.crew.condition is not None:
            conditions["workers"] = self.crew.condition
        return Status(self.session.clock(), conditions, self.crew.running(), self.crew.workers())
