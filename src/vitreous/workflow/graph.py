"""The graph of jobs: who reads whose output, and in which order things can happen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from vitreous.core.errors import UsageError
from vitreous.workflow.executor import Kind
from vitreous.workflow.job_type import Scope

JobState = Literal["active", "paused", "cancelled"]


@dataclass(frozen=True)
class Input:
    """An edge: the items that leave job ``source`` by ``output``."""

    source: int
    output: str = "items"


@dataclass(frozen=True)
class Job:
    """One node: a job type with parameters and inputs.

    Attributes:
        id: number in the project; people write ``J3``.
        type, title, note: for people.
        params: parameters as set.
        revision: counts the changes of the parameters.
        inputs: in order.
        waits: jobs that must be finished before this one starts.
        state, priority, serial, batch, closed, continues: as the catalogue explains them.
        scope, needs, each, gives, outputs, any_input: of the job type.
        identity: what type, version and parameters contribute to the identity of results.
        kind: the resource that a task occupies.
        result: for scope ``set``: identity of its newest result with these parameters, ``None`` before there is one.
        broken: why the job type can't be used, else ``None``.
    """

    id: int
    type: str
    title: str = ""
    note: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 1
    inputs: tuple[Input, ...] = ()
    waits: tuple[int, ...] = ()
    state: JobState = "active"
    priority: int = 0
    serial: bool = False
    batch: int = 1
    closed: bool = False
    continues: int | None = None
    scope: Scope = "item"
    needs: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("items",)
    any_input: bool = False
    identity: str = ""
    kind: Kind = "cpu"
    result: str | None = None
    broken: str | None = None

    @property
    def label(self) -> str:
        """``J3 motion``."""
        return f"J{self.id} {self.title or self.type}"


@dataclass(frozen=True)
class Graph:
    """All jobs of a project by number."""

    jobs: Mapping[int, Job]

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Jobs in an order in which each comes after its inputs; ties by number.

        Raises:
            UsageError: the jobs run in a circle.
        """
        open_inputs = {job.id: {entry.source for entry in job.inputs} for job in self.jobs.values()}
        ordered: list[int] = []
        while open_inputs:
            free = sorted(number for number, sources in open_inputs.items() if not sources)
            if not free:
                circle = ", ".join(f"J{number}" for number in sorted(open_inputs))
                raise UsageError(
                    f"{circle} wait for each other in a circle", hint="Give one of them another input", jobs=circle
                )
            ordered += free
            for number in free:
                del open_inputs[number]
            for sources in open_inputs.values():
                sources.difference_update(free)
        return tuple(ordered)

    @cached_property
    def place(self) -> Mapping[int, int]:
        """Job → its place in ``order``."""
        return {number: place for place, number in enumerate(self.order)}

    @cached_property
    def children(self) -> Mapping[int, tuple[int, ...]]:
        """Job → the jobs that read one of its outputs."""
        found: dict[int, list[int]] = {number: [] for number in self.jobs}
        for job in self.jobs.values():
            for source in dict.fromkeys(entry.source for entry in job.inputs):
                found[source].append(job.id)
        return {number: tuple(sorted(ids)) for number, ids in found.items()}

    def descendants(self, numbers: Iterable[int]) -> frozenset[int]:
        """The jobs and everything behind them."""
        found: set[int] = set()
        todo = list(numbers)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                todo += self.children[number]
        return frozenset(found)

    def ancestors(self, number: int) -> frozenset[int]:
        """Everything before a job, itself excepted."""
        found: set[int] = set()
        todo = [entry.source for entry in self.jobs[number].inputs]
        while todo:
            source = todo.pop()
            if source not in found:
                found.add(source)
                todo += [entry.source for entry in self.jobs[source].inputs]
        return frozenset(found)

    def slots_behind(self, number: int) -> frozenset[str]:
        """Slots that an item may have when it leaves a job."""
        numbers = self.ancestors(number) | {number}
        return frozenset(slot for n in numbers for slot in self.jobs[n].gives)


def chosen_slot(need: str, slots: Iterable[str]) -> str | None:
    """The first of the alternatives ``micrograph|movie`` that is there, else ``None``."""
    there = frozenset(slots)
    return next((name for name in need.split("|") if name in there), None)
