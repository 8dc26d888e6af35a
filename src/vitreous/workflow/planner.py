"""What should be: from the graph and the facts of one item, the changes that bring its tasks up to date.

Planning is a pure function and says the same twice: after its changes are applied it asks for none. So whatever has
happened (an arrival, a result, a changed parameter, a crash), the engine asks for the items concerned to be settled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vitreous.core.errors import VitreousError
from vitreous.workflow.graph import Graph, Job, chosen_slot
from vitreous.workflow.identity import identity_of, set_identity, task_identity
from vitreous.workflow.job_type import DecisionInput, SlotValue
from vitreous.workflow.states import TaskState


@dataclass(frozen=True)
class TaskFacts:
    """A task as it stands."""

    state: TaskState
    identity: str | None = None
    tries: int = 0


@dataclass(frozen=True)
class ResultFacts:
    """A committed result: its slots, and the outputs by which the item goes on."""

    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset({"items"})


@dataclass(frozen=True)
class ItemFacts:
    """An item as it stands.

    Attributes:
        item, name: number and name.
        identity: of the imported file.
        source: the job that brought it.
        values: its own columns (group, flag, time, hole …).
        tags: its tags.
        excluded: why it takes no part (it is in TRASH), else ``None``.
        parameters: ``TYPE.NAME`` → value of that job type's parameter for this item alone.
        tasks: job → its task.
        sets: job on a set → identity of the newest result that the item is in.
    """

    item: int
    name: str
    identity: str
    source: int
    values: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    excluded: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tasks: Mapping[int, TaskFacts] = field(default_factory=dict)
    sets: Mapping[int, str] = field(default_factory=dict)

    def own(self, job_type: str) -> dict[str, Any]:
        """Parameters of a job type for this item alone."""
        start = f"{job_type}."
        return {name.removeprefix(start): v for name, v in self.parameters.items() if name.startswith(start)}


@dataclass(frozen=True)
class Change:
    """A task's new state.

    Attributes:
        result: where an equal result was found, or a decision was made.
        error: where a decision could not be made, ``{code, message, hint, context}``.
    """

    job: int
    item: int
    state: TaskState
    identity: str | None
    result: ResultFacts | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Standing:
    """How an item stands behind a job.

    Attributes:
        state: ``here``: it may go on; ``pending``: not yet; ``absent``: not by this way.
        outputs: the outputs by which it leaves.
        slots: slot → identity of what gave it.
        blame: the job that makes it wait or leaves it out, ``None`` where it is the item itself.
        by_input: before a job that wants slots of ``each`` input: these slots as each input has them.
    """

    state: Literal["here", "pending", "absent"]
    outputs: frozenset[str] = frozenset()
    slots: Mapping[str, str] = field(default_factory=dict)
    blame: int | None = None
    by_input: tuple[Mapping[str, str], ...] = ()


Find = Callable[[str], ResultFacts | None]
"""The committed result of that identity, if there is one."""

Decide = Callable[[Job, DecisionInput], frozenset[str]]
"""What a decision job says of an item."""


@dataclass(frozen=True)
class Membership:
    """Whether an item belongs to the set of a job: by ``identity``, perhaps later (``pending``), or not (``None``)."""

    job: int
    item: int
    identity: str | None
    pending: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to change for one item, and how the item stands before each job."""

    changes: tuple[Change, ...]
    memberships: tuple[Membership, ...]
    arrivals: Mapping[int, Standing]


def settle(graph: Graph, item: ItemFacts, find: Find, decide: Decide) -> Plan:
    """The changes that bring the tasks of one item up to date, in the order of the graph."""
    standings: dict[int, Standing] = {}
    arrivals: dict[int, Standing] = {}
    changes: list[Change] = []
    memberships: list[Membership] = []
    for number in graph.order:
        job = graph.jobs[number]
        if job.scope == "source":
            standings[number] = _at_source(job, item)
            continue
        arrived = arrivals[number] = arrival(job, standings)
        if job.scope == "set":
            memberships.append(_membership(job, item, arrived))
            standings[number] = _behind_set(job, item, arrived)
            continue
        task = item.tasks.get(number)
        identity = wanted_identity(job, arrived, item)
        change = _change(job, item, task, arrived, identity, find, decide, standings)
        if change is not None:
            changes.append(change)
            task = TaskFacts(change.state, change.identity)
        result = None if change is None else change.result
        standings[number] = _behind(job, arrived, task, identity, result, find)
    return Plan(tuple(changes), tuple(memberships), arrivals)


def _membership(job: Job, item: ItemFacts, arrived: Standing) -> Membership:
    if arrived.state == "absent":
        return Membership(job.id, item.item, None)
    if arrived.state == "pending":
        return Membership(job.id, item.item, None, pending=True)
    needed = {slot for need in job.needs if (slot := chosen_slot(need, arrived.slots)) is not None}
    slots = {name: identity for name, identity in arrived.slots.items() if name in needed or not job.needs}
    return Membership(job.id, item.item, task_identity("", {"": item.identity, **slots, **_numbered(arrived)}, {}))


def _behind_set(job: Job, item: ItemFacts, arrived: Standing) -> Standing:
    """An item goes on behind a set with what the set gives, once it is in the newest result."""
    if arrived.state != "here":
        return arrived
    if job.result is None or item.sets.get(job.id) != job.result:
        return Standing("pending", slots=arrived.slots, blame=job.id)
    slots = {**arrived.slots, **dict.fromkeys(job.gives, job.result)}
    return Standing("here", frozenset({"items"}), slots, job.id)


def _at_source(job: Job, item: ItemFacts) -> Standing:
    if item.source != job.id:
        return Standing("absent", blame=job.id)
    slots = dict.fromkeys(job.gives, item.identity)
    if item.excluded is not None:
        return Standing("absent", slots=slots)
    return Standing("here", frozenset({"items"}), slots)


def arrival(job: Job, standings: Mapping[int, Standing]) -> Standing:
    """How an item stands before a job: what its inputs together say.

    All inputs must have the item, for a union any; slots are taken from the first input that has them.
    """
    through: list[Standing] = []
    for entry in job.inputs:
        standing = standings.get(entry.source, Standing("absent", blame=entry.source))
        if standing.state == "here" and entry.output not in standing.outputs:
            standing = Standing("absent", slots=standing.slots, blame=entry.source)
        through.append(standing)
    slots: dict[str, str] = {}
    for standing in through:
        if standing.state != "absent":
            slots = {**standing.slots, **slots}
    # A union decides as soon as every input has said yes or no, so that its answer does not depend on who was first.
    for state in ("pending", "here") if job.any_input else ("absent", "pending"):
        for standing in through:
            if standing.state == state:
                outputs = standing.outputs if state == "here" else frozenset[str]()
                return Standing(standing.state, outputs, slots, standing.blame, _by_input(job, through))
    if job.any_input:
        return Standing("absent", blame=through[0].blame if through else None)
    return Standing("here", frozenset({"items"}), slots, by_input=_by_input(job, through))


def _by_input(job: Job, through: Sequence[Standing]) -> tuple[Mapping[str, str], ...]:
    if not job.each:
        return ()
    brought = [one.slots if one.state != "absent" or not job.any_input else {} for one in through]
    chosen = [[slot for need in job.each if (slot := chosen_slot(need, slots)) is not None] for slots in brought]
    return tuple({name: slots[name] for name in names} for slots, names in zip(brought, chosen, strict=True))


def _numbered(arrived: Standing) -> dict[str, str]:
    """Slots of each input under names of their own: ``picks 1``, ``picks 2``."""
    return {
        f"{slot} {number}": identity for number, own in enumerate(arrived.by_input, 1) for slot, identity in own.items()
    }


def wanted_identity(job: Job, arrived: Standing, item: ItemFacts) -> str | None:
    """Identity that the task's result will have; ``None`` where a needed slot is missing or unknown yet.

    Only needed slots count: a job that only reads the micrograph is not repeated when the CTF changes. A job that needs
    none may still look at the item itself, so the items' results differ.
    """
    if arrived.state == "absent" or job.broken is not None:
        return None
    inputs: dict[str, str] = {} if job.needs else {"": item.identity}
    for need in job.needs:
        slot = chosen_slot(need, arrived.slots)
        if slot is None:
            return None
        inputs[slot] = arrived.slots[slot]
    if any(chosen_slot(need, own) is None for own in arrived.by_input for need in job.each):
        return None
    inputs |= _numbered(arrived)
    if not frozenset(item.sets.values()).isdisjoint(inputs.values()):
        inputs[""] = item.identity  # a set gives the same to all items, but each makes its own of it
    if job.scope == "decision":
        inputs = {**arrived.slots}
    return task_identity(job.identity, inputs, item.own(job.type))


def _change(
    job: Job,
    item: ItemFacts,
    task: TaskFacts | None,
    arrived: Standing,
    identity: str | None,
    find: Find,
    decide: Decide,
    standings: Mapping[int, Standing],
) -> Change | None:
    if job.scope == "decision":
        return _decided(job, item, task, arrived, find, decide, standings)
    if arrived.state == "absent":
        return None if task is None else _moved(task, job, item, TaskState.EXCLUDED, task.identity)
    if task is not None and task.identity == identity and task.state in _kept(job):
        return None
    found = None if identity is None else find(identity)
    if found is not None and (arrived.state == "here" or task is not None):
        return Change(job.id, item.item, TaskState.DONE, identity, found)
    if job.state == "cancelled":
        return _moved(task, job, item, TaskState.CANCELLED, identity)
    state = TaskState.READY if arrived.state == "here" and identity is not None else TaskState.WAITING
    return _moved(task, job, item, state, identity)


def _kept(job: Job) -> frozenset[TaskState]:
    """States in which a task stays while its identity stays; what a cancelled job has under way is ended."""
    kept = {TaskState.DONE, TaskState.QUARANTINED}
    return frozenset(kept if job.state == "cancelled" else {*kept, TaskState.RUNNING, TaskState.FAILED})


def _moved(task: TaskFacts | None, job: Job, item: ItemFacts, state: TaskState, identity: str | None) -> Change | None:
    if task is not None and task.state is state and task.identity == identity:
        return None
    return Change(job.id, item.item, state, identity)


def _decided(
    job: Job,
    item: ItemFacts,
    task: TaskFacts | None,
    arrived: Standing,
    find: Find,
    decide: Decide,
    standings: Mapping[int, Standing],
) -> Change | None:
    """A decision is made anew at each settling; it is a change only where its answer is another one."""
    if arrived.state == "absent":
        return None if task is None else _moved(task, job, item, TaskState.EXCLUDED, None)
    if arrived.state == "pending" or job.broken is not None:
        return _moved(task, job, item, TaskState.WAITING, None)
    try:
        outputs = decide(job, decision_input(job, item, arrived, find, _came_by(job, standings)))
    except VitreousError as error:
        identity = identity_of("fault", job.identity, str(error))
        if task is not None and task.state is TaskState.QUARANTINED and task.identity == identity:
            return None
        return Change(job.id, item.item, TaskState.QUARANTINED, identity, error=error.to_dict())
    identity = "decided:" + ",".join(sorted(outputs))
    if task is not None and task.state is TaskState.DONE and task.identity == identity:
        return None
    return Change(job.id, item.item, TaskState.DONE, identity, ResultFacts(outputs=outputs))


def decision_input(
    job: Job, item: ItemFacts, arrived: Standing, find: Find, came_by: tuple[str | None, ...] = ()
) -> DecisionInput:
    """What a decision job may know of an item: its own values, and those of the slots that it has at this place."""
    values: dict[str, Any] = {}
    for name, origin in arrived.slots.items():
        found = find(origin)
        if found is not None and name in found.slots:
            values = {**found.slots[name].values, **values}
    return DecisionInput(item.name, item.item, {**item.values, **values}, item.tags, came_by)


def _came_by(job: Job, standings: Mapping[int, Standing]) -> tuple[str | None, ...]:
    found: list[str | None] = []
    for entry in job.inputs:
        standing = standings.get(entry.source)
        here = standing is not None and standing.state == "here" and entry.output in standing.outputs
        found.append(entry.output if here else None)
    return tuple(found)


def decided_outputs(identity: str | None) -> frozenset[str]:
    """The outputs that a decision's task names in its identity."""
    if identity is None or not identity.startswith("decided:"):
        return frozenset()
    return frozenset(name for name in identity.removeprefix("decided:").split(",") if name)


def _behind(
    job: Job,
    arrived: Standing,
    task: TaskFacts | None,
    identity: str | None,
    result: ResultFacts | None,
    find: Find,
) -> Standing:
    if arrived.state == "absent":
        return Standing("absent", blame=arrived.blame)
    slots = dict(arrived.slots)
    if identity is not None:
        slots |= dict.fromkeys(job.gives, identity)
    if arrived.state == "pending":
        return Standing("pending", slots=slots, blame=arrived.blame)
    if task is None or task.state is not TaskState.DONE:
        return Standing("pending", slots=slots, blame=job.id)
    if job.scope == "decision":
        return Standing("here", decided_outputs(task.identity), slots, job.id)
    known = result if result is not None or identity is None else find(identity)
    outputs = frozenset({"items"}) if known is None else known.outputs
    return Standing("here", outputs, slots, job.id)


@dataclass(frozen=True)
class SetFacts:
    """What a job on a set is to work on.

    Attributes:
        members: item → identity of what it brings, for the items that are here.
        pending: items that may still come.
        closed: no more items can come.
        task: the set's task, if there is one.
        used: number of members of the newest result, 0 where there is none.
        behind_set: every input is a job on a set.
    """

    members: Mapping[int, str]
    pending: int
    closed: bool
    task: TaskFacts | None
    used: int = 0
    behind_set: bool = False


def settle_set(job: Job, facts: SetFacts, find: Find) -> Change | None:
    """The change that brings the task of a set up to date.

    It is run when no more items can come, and before that each time ``batch`` further items are there (0: not before).
    Right behind another set it is run with each result of that one: then its members change all at once.
    """
    identity = set_identity(job.identity, list(facts.members.values()))
    task = facts.task
    whole = SetItem
    if job.broken is not None or not facts.members:
        return None if task is None else _moved(task, job, whole, TaskState.WAITING, task.identity)
    cancelled = job.state == "cancelled"
    kept = _kept(job) if cancelled else _kept(job) | {TaskState.READY}
    if task is not None and task.identity == identity and task.state in kept:
        return None
    if task is not None and task.state is TaskState.RUNNING and not cancelled:
        return None  # its result is of the set as it was; then the set is looked at again
    found = find(identity)
    if found is not None:
        return Change(job.id, 0, TaskState.DONE, identity, found)
    if cancelled:
        return _moved(task, job, whole, TaskState.CANCELLED, identity)
    complete = facts.closed and facts.pending == 0
    enough = facts.behind_set or (job.batch > 0 and len(facts.members) - facts.used >= job.batch)
    if complete or enough:
        return _moved(task, job, whole, TaskState.READY, identity)
    if task is not None and task.state is TaskState.DONE:
        return None
    return _moved(task, job, whole, TaskState.WAITING, None)


SetItem = ItemFacts(0, "all items", "", 0)
"""Stands for the set where a task needs an item."""
