"""A project in memory for tests of the planner: a graph, the facts of items, results that follow from identities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vitreous.workflow.graph import Graph, Input, Job
from vitreous.workflow.identity import job_identity
from vitreous.workflow.job_type import DecisionInput, SlotValue
from vitreous.workflow.planner import (
    Change,
    ItemFacts,
    Membership,
    Plan,
    ResultFacts,
    SetFacts,
    TaskFacts,
    settle,
    settle_set,
)
from vitreous.workflow.states import TaskState, check_transition

SOURCE = Job(1, "import", scope="source", gives=("movie",), identity="import")


def job(number: int, type: str, *inputs: int | tuple[int, str], **fields: Any) -> Job:
    """A job whose identity follows from its type and parameters."""
    edges = tuple(Input(*entry) if isinstance(entry, tuple) else Input(entry) for entry in inputs)
    made = Job(number, type, inputs=edges, **fields)
    return replace(made, identity=job_identity(type, 1, "", made.params))


def value_of(identity: str) -> int:
    """0..99, fixed by the identity: what a job computes in these tests."""
    return int(identity[:4], 16) % 100


def decide(which: Job, given: DecisionInput) -> frozenset[str]:
    """``filter``: values below a limit; ``union``, ``intersection`` (rejects the rest), ``join``: by their inputs."""
    if which.type == "filter":
        value = given.values.get(which.params["column"])
        if which.params["column"] == "flag":
            return frozenset({"items" if value == which.params["is"] else "rejected"})
        passes = value is not None and value < which.params["below"]
        return frozenset({"items" if passes else "rejected"})
    came = [output is not None for output in given.inputs]
    if which.type == "intersection":
        return frozenset({"items" if all(came) else "rejected"}) if any(came) else frozenset()
    return frozenset({"items"}) if (any if which.type == "union" else all)(came) else frozenset()


class World:
    """Items of one graph; every settling is checked for allowed transitions and for asking nothing the second time."""

    def __init__(self, *jobs: Job, items: int = 1) -> None:
        self.graph = Graph({1: SOURCE, **{entry.id: entry for entry in jobs}})
        self.items = {n: ItemFacts(n, f"m{n}", f"{n:032x}", 1) for n in range(1, items + 1)}
        self.results = {
            entry.identity: ResultFacts({"movie": SlotValue(values={"movie_x": n})}) for n, entry in self.items.items()
        }
        self.members: dict[tuple[int, int], Membership] = {}
        self.sets: dict[int, TaskFacts] = {}
        self.used: dict[int, int] = {}
        self.runs: list[tuple[int, int]] = []

    # --- facts ------------------------------------------------------------------------------------------------------

    def state(self, number: int, item: int = 1) -> str | None:
        task = self.items[item].tasks.get(number)
        return None if task is None else str(task.state)

    def states(self, item: int = 1) -> dict[int, str]:
        return {number: str(task.state) for number, task in sorted(self.items[item].tasks.items())}

    def edit(self, number: int, **params: Any) -> None:
        """Change parameters of a job."""
        before = self.graph.jobs[number]
        merged = {**before.params, **params}
        self.put(replace(before, params=merged, identity=job_identity(before.type, 1, "", merged)))

    def put(self, *jobs: Job) -> None:
        self.graph = Graph({**self.graph.jobs, **{entry.id: entry for entry in jobs}})

    def change(self, number: int, **fields: Any) -> None:
        self.put(replace(self.graph.jobs[number], **fields))

    def item(self, number: int = 1, **fields: Any) -> None:
        self.items[number] = replace(self.items[number], **fields)

    def mark(self, number: int, state: TaskState, item: int = 1) -> None:
        """What the engine or a person does to a task."""
        task = self.items[item].tasks[number]
        check_transition(task.state, state, "test")
        self._set(item, number, TaskFacts(state, task.identity))

    def _set(self, item: int, number: int, task: TaskFacts) -> None:
        self.items[item] = replace(self.items[item], tasks={**self.items[item].tasks, number: task})

    # --- planning and running ---------------------------------------------------------------------------------------

    def settle(self, item: int = 1) -> Plan:
        """Plan one item and apply the plan."""
        plan = self.plan(item)
        for change in plan.changes:
            before = self.items[item].tasks.get(change.job)
            if before is not None:
                check_transition(before.state, change.state, f"J{change.job}")
            self._set(item, change.job, TaskFacts(change.state, change.identity))
        for entry in plan.memberships:
            self.members[entry.job, item] = entry
        again = self.plan(item)
        assert again.changes == ()
        assert again.memberships == plan.memberships
        return plan

    def plan(self, item: int = 1) -> Plan:
        return settle(self.graph, self.items[item], self.results.get, decide)

    def settle_all(self) -> dict[int, list[Change]]:
        return {item: list(self.settle(item).changes) for item in self.items}

    def ready(self) -> list[tuple[int, int]]:
        return [(n, i) for i, entry in self.items.items() for n, t in entry.tasks.items() if t.state is TaskState.READY]

    def run(self, number: int, item: int = 1) -> None:
        """Begin a ready task, unless equal work has been done meanwhile; end it, and plan its item anew."""
        self.settle(item)
        if self.items[item].tasks[number].state is not TaskState.READY:
            return
        self.mark(number, TaskState.RUNNING, item)
        task = self.items[item].tasks[number]
        assert task.identity is not None
        assert task.identity not in self.results, "equal work was done twice"
        slots = {
            slot: SlotValue(values={f"{slot}_x": value_of(task.identity)}) for slot in self.graph.jobs[number].gives
        }
        self.results[task.identity] = ResultFacts(slots)
        self.runs.append((number, item))
        self.mark(number, TaskState.DONE, item)
        self.settle(item)

    def run_all(self, choose: Callable[[list[tuple[int, int]]], tuple[int, int]] = min) -> list[tuple[int, int]]:
        """Plan all items, and run whatever becomes ready; returns ``(job, item)`` in the order of running."""
        start = len(self.runs)
        self.settle_all()
        while ready := self.ready():
            self.run(*choose(ready))
        return self.runs[start:]

    # --- sets -------------------------------------------------------------------------------------------------------

    def set_facts(self, number: int, closed: bool = False) -> SetFacts:
        entries = [entry for (job, _), entry in self.members.items() if job == number]
        members = {entry.item: entry.identity for entry in entries if entry.identity is not None}
        pending = sum(entry.pending for entry in entries)
        return SetFacts(members, pending, closed, self.sets.get(number), self.used.get(number, 0))

    def settle_set(self, number: int, closed: bool = False) -> str | None:
        """Plan a set; returns the state of its task."""
        change = settle_set(self.graph.jobs[number], self.set_facts(number, closed), self.results.get)
        if change is not None:
            before = self.sets.get(number)
            if before is not None:
                check_transition(before.state, change.state, f"set J{number}")
            self.sets[number] = TaskFacts(change.state, change.identity)
            again = settle_set(self.graph.jobs[number], self.set_facts(number, closed), self.results.get)
            assert again is None
        return str(self.sets[number].state) if number in self.sets else None

    def run_set(self, number: int) -> None:
        task = self.sets[number]
        assert task.state is TaskState.READY
        assert task.identity is not None
        self.used[number] = len(self.set_facts(number).members)
        self.results[task.identity] = ResultFacts({})
        self.sets[number] = TaskFacts(TaskState.DONE, task.identity)
