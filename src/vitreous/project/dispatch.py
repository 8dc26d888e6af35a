"""What to do next: chains of tasks for the workers that are free."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vitreous.project.session import Session
from vitreous.store.ledger import Results, count_in_state, item_facts, unsettle
from vitreous.store.ready import ReadyTask, ready_tasks
from vitreous.workflow.executor import Chain, Kind, Step, Work
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.identity import set_identity
from vitreous.workflow.job_type import ItemInput, SlotValue
from vitreous.workflow.planner import ItemFacts, Plan, settle, wanted_identity
from vitreous.workflow.states import FINISHED, TaskState

GOAL_SECONDS = 0.5
"""s of work that one submission should carry, so that handing it out costs little."""
MOST_CHAINS = 64
SCRATCH = ".work"
"""Begin of the names of folders, beside a job's results, in which what must survive a kill is kept."""
LONG_SECONDS = 1.0
"""s of work from which a submission need not wait at a busy worker: fetching it then costs next to nothing."""


@dataclass
class Speeds:
    """How long the tasks of each job take, learned on the way."""

    seconds: dict[int, float] = field(default_factory=dict)
    submission: float = LONG_SECONDS

    def learn(self, job: int, seconds: float) -> None:
        """Take one task into account, the newest the most."""
        before = self.seconds.get(job)
        self.seconds[job] = seconds if before is None else 0.7 * before + 0.3 * seconds

    def learn_submission(self, seconds: float) -> None:
        """Take the work of one submission into account, the newest the most."""
        self.submission = 0.7 * self.submission + 0.3 * seconds

    def worth_waiting(self) -> bool:
        """Whether submissions are so short that the next should wait at the worker already.

        Long ones should not: what waits there has its place in the order, though something newer may come, and would
        still begin after its job was paused.
        """
        return self.submission < LONG_SECONDS

    def group(self, job: int) -> int:
        """How many items to hand out together."""
        return max(1, min(MOST_CHAINS, int(GOAL_SECONDS / max(self.seconds.get(job, GOAL_SECONDS), 1e-4))))


def finished_jobs(graph: Graph, states: Mapping[int, frozenset[TaskState]], unsettled: bool) -> frozenset[int]:
    """Jobs to which nothing more will happen: closed before them, and no task of theirs open.

    Args:
        graph: of the project.
        states: job → states that its tasks are in.
        unsettled: whether items wait to be planned.
    """
    done: set[int] = set()
    for number in graph.order:
        job = graph.jobs[number]
        if job.scope == "source":
            if job.closed:
                done.add(number)
            continue
        idle = states.get(number, frozenset()) <= FINISHED
        fed = all(entry.source in done for entry in job.inputs)
        if idle and fed and not unsettled and (job.scope != "set" or states.get(number)):
            done.add(number)
    return frozenset(done)


def startable(graph: Graph, finished: frozenset[int]) -> list[int]:
    """Jobs whose ready tasks may be handed out, in the order of the graph."""
    return [
        number
        for number in graph.order
        if (job := graph.jobs[number]).state == "active"
        and job.broken is None
        and job.scope in ("item", "set")
        and all(other in finished for other in job.waits)
    ]


def choose(
    session: Session,
    graph: Graph,
    kind: Kind,
    slots: int,
    *,
    finished: frozenset[int],
    newest_first: bool,
    speeds: Speeds,
    alone: bool = False,
    busy: frozenset[int] = frozenset(),
) -> list[Work]:
    """Up to ``slots`` submissions for the free workers of one kind.

    Args:
        session, graph: of the project.
        kind: of the workers.
        slots: how many submissions they can take.
        finished: jobs to which nothing more happens.
        newest_first: the newest item goes first, else the first that came.
        speeds: how long tasks take.
        alone: submissions carry one chain each, because a worker has died of one that is not known yet.
        busy: serial jobs that have a task under way.
    """
    allowed = startable(graph, finished)
    ofkind = [number for number in allowed if graph.jobs[number].kind == kind]
    free = [n for n in ofkind if not graph.jobs[n].serial and _batch_is_full(session, graph, n, finished)]
    group = max((speeds.group(number) for number in free), default=1)
    group = max([group, *(graph.jobs[n].batch or 1_000_000 for n in free if graph.jobs[n].batch != 1)])
    picked = ready_tasks(session.db, free, newest_first, slots * group)
    for number in ofkind:
        if graph.jobs[number].serial and number not in busy:
            picked += _next_of_serial(session, number)
    chains = build_chains(session, graph, picked, allowed, kind, finished)
    return list(_grouped(session, graph, chains, kind, slots, speeds, alone))


def _batch_is_full(session: Session, graph: Graph, number: int, finished: frozenset[int]) -> bool:
    """Whether a job that works by batches has one together, or gets no more."""
    job = graph.jobs[number]
    if job.batch == 1 or job.scope == "set":
        return True
    fed = all(entry.source in finished for entry in job.inputs)
    if fed and not count_in_state(session.db, number, TaskState.WAITING):
        return True
    return job.batch > 0 and count_in_state(session.db, number, TaskState.READY) >= job.batch


def _next_of_serial(session: Session, number: int) -> list[ReadyTask]:
    """The task of the first item that is not finished, if it is ready: such a job takes items in their order."""
    marks = ",".join(f"'{state}'" for state in TaskState if state not in FINISHED)
    row = session.db.connection.execute(
        f"SELECT job, item, identity, state FROM task WHERE job = ? AND state IN ({marks}) ORDER BY item LIMIT 1",
        (number,),
    ).fetchone()
    return [ReadyTask(*row[:3])] if row is not None and row[3] == TaskState.READY else []


def build_chains(
    session: Session,
    graph: Graph,
    picked: Sequence[ReadyTask],
    allowed: Sequence[int],
    kind: Kind,
    finished: frozenset[int] = frozenset(),
) -> list[Chain]:
    """A chain for each picked task: the task, and what the same worker can do for the item right after it."""
    results = Results(session.db)
    facts = {entry.item: entry for entry in item_facts(session.db, [task.item for task in picked if task.item])}
    results.load([t.identity for f in facts.values() for t in f.tasks.values() if t.identity])
    settings = session.settings()
    taken: set[tuple[int, int]] = set()
    chains = []
    for task in picked:
        if (task.job, task.item) in taken:
            continue
        if task.item == 0:
            chains.append(_set_chain(session, graph, task, settings, results, finished))
            continue
        item = facts.get(task.item)
        if item is None:
            continue
        plan = settle(graph, item, results.find, session.decide)
        if plan.changes:
            unsettle(session.db, [task.item])  # something has changed since it became ready: that is planned first
            continue
        numbers = _following(graph, item, task.job, allowed, kind, plan)
        taken |= {(number, task.item) for number in numbers}
        steps = tuple(_step(graph.jobs[number], item, plan, settings) for number in numbers)
        chains.append(Chain(_input(item, plan, numbers, results), steps))
    return chains


def _following(graph: Graph, item: ItemFacts, first: int, allowed: Sequence[int], kind: Kind, plan: Plan) -> list[int]:
    """The picked job and those whose inputs are done, or are in the chain already, for workers of the same kind.

    Jobs of lower priority are left for when it is their turn.
    """
    chain = [first]
    if graph.jobs[first].serial or graph.jobs[first].batch != 1:
        return chain
    for number in allowed:
        job, task = graph.jobs[number], item.tasks.get(number)
        if number == first or job.kind != kind or job.scope != "item" or job.serial or job.batch != 1 or job.each:
            continue
        if job.priority < graph.jobs[first].priority:
            continue
        if task is None or task.state not in (TaskState.READY, TaskState.WAITING) or task.identity is None:
            continue
        ready = task.state is TaskState.READY or all(_comes(graph, item, entry.source, chain) for entry in job.inputs)
        if ready and _sees_its_own(graph, item, plan, [*chain, number]):
            chain.append(number)
    return chain


def _sees_its_own(graph: Graph, item: ItemFacts, plan: Plan, chain: Sequence[int]) -> bool:
    """Whether each job of a chain finds the slots that it would find alone, none of a branch beside its own."""
    slots: dict[str, str] = {}
    for number in chain:
        slots = {**plan.arrivals[number].slots, **slots}
    made = {graph.jobs[number].id: item.tasks[number].identity for number in chain}
    given = {slot for number in chain for slot in graph.jobs[number].gives}
    before = {name: identity for name, identity in slots.items() if name not in given or identity not in made.values()}
    for number in chain:
        job, own = graph.jobs[number], plan.arrivals[number].slots
        if any(before.get(name) != own.get(name) for need in job.needs for name in need.split("|")):
            return False
        before |= dict.fromkeys(job.gives, made[number] or "")
    return True


def _comes(graph: Graph, item: ItemFacts, source: int, chain: Sequence[int]) -> bool:
    if source in chain or graph.jobs[source].scope == "source":
        return True
    task = item.tasks.get(source)
    return graph.jobs[source].scope == "item" and task is not None and task.state is TaskState.DONE


def _step(job: Job, item: ItemFacts, plan: Plan, settings: Mapping[str, Any]) -> Step:
    identity = wanted_identity(job, plan.arrivals[job.id], item)
    assert identity is not None
    params = {**job.params, **item.own(job.type)}
    return Step(job.id, item.item, job.type, params, settings, identity, result_folder(job, item.name, identity))


def result_folder(job: Job, name: str, identity: str) -> str:
    """Where a result's files lie, relative to the project: by job, item and identity, so that no two share one."""
    return f"jobs/J{job.id}-{job.type.removeprefix('script:')}/{name}-{identity[:8]}"


def _input(item: ItemFacts, plan: Plan, numbers: Sequence[int], results: Results) -> ItemInput:
    """The item with the slots that it has before the chain begins; those of the chain's own steps come on the way."""
    slots: dict[str, SlotValue] = {}
    for number in numbers:
        for name, identity in plan.arrivals[number].slots.items():
            found = results.find(identity)
            if found is not None and name in found.slots:
                slots.setdefault(name, found.slots[name])
    by_input = tuple(_found_slots(own, results) for own in plan.arrivals[next(iter(numbers))].by_input)
    return ItemInput(item.name, item.values, slots, by_input)


def _found_slots(identities: Mapping[str, str], results: Results) -> dict[str, SlotValue]:
    """Slots of one input, for a job that wants those of each; it is never done in a chain behind another."""
    found = {name: results.find(identity) for name, identity in identities.items()}
    return {name: result.slots[name] for name, result in found.items() if result is not None and name in result.slots}


def _set_chain(
    session: Session,
    graph: Graph,
    task: ReadyTask,
    settings: Mapping[str, Any],
    results: Results,
    finished: frozenset[int],
) -> Chain:
    """The whole set as it is now; it may have grown since the task became ready."""
    job = graph.jobs[task.job]
    text = "SELECT item, identity FROM member WHERE job = ? ORDER BY item"
    everything = session.db.connection.execute(text, (task.job,)).fetchall()
    rows = [row for row in everything if row[1] is not None]
    complete = len(rows) == len(everything) and all(entry.source in finished for entry in job.inputs)
    identity = set_identity(job.identity, [row[1] for row in rows])
    members = []
    for item in item_facts(session.db, [row[0] for row in rows]):
        plan = settle(graph, item, results.find, session.decide)
        members.append(_input(item, plan, [task.job], results))
    step = Step(
        job.id,
        0,
        job.type,
        job.params,
        settings,
        identity,
        result_folder(job, "set", identity),
        scratch=result_folder(job, SCRATCH, identity),
        previous=_folder_of(session, job.result),
        complete=complete,
    )
    return Chain(ItemInput("set"), (step,), tuple(members), tuple(row[0] for row in rows), job.identity)


def _folder_of(session: Session, identity: str | None) -> str | None:
    """Folder of a result that wrote files."""
    text = "SELECT folder FROM result WHERE identity = ?"
    row = session.db.connection.execute(text, (identity,)).fetchone()
    return None if row is None else row[0]


def _grouped(
    session: Session,
    graph: Graph,
    chains: Sequence[Chain],
    kind: Kind,
    slots: int,
    speeds: Speeds,
    alone: bool,
) -> Iterable[Work]:
    """Submissions of one chain, or of several where their tasks are short."""
    waiting: list[Chain] = []
    given = 0
    for chain in chains:
        if given == slots:
            return
        first = graph.jobs[chain.steps[0].job]
        size = _size(first, len(chains), speeds, alone)
        waiting.append(chain)
        if len(waiting) >= size:
            yield _work(session, kind, waiting)
            waiting, given = [], given + 1
    if waiting and given < slots:
        yield _work(session, kind, waiting)


def _size(job: Job, all_of_them: int, speeds: Speeds, alone: bool) -> int:
    if job.batch != 1:
        return job.batch or all_of_them
    return 1 if alone else speeds.group(job.id)


def _work(session: Session, kind: Kind, chains: Sequence[Chain]) -> Work:
    return Work(uuid.uuid4().hex[:12], str(session.folder.resolve()), kind, tuple(chains))
