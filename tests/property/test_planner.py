"""The planner on random graphs and random histories: it says a thing once, and where it ends does not depend on how."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from planner_world import World, job

from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.identity import set_identity
from vitreous.workflow.planner import ItemFacts
from vitreous.workflow.states import TRANSITIONS, TaskState

DECISIONS = ("filter", "union", "intersection", "join")
ITEMS = 3


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Job, ...]:
    """Up to seven jobs behind the import: item jobs, decisions of all kinds, sets."""
    made: dict[int, Job] = {1: World().graph.jobs[1]}
    for number in range(2, draw(st.integers(3, 8)) + 1):
        sources = [n for n, entry in made.items() if entry.scope != "set"]
        chosen = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3, unique=True))
        inputs = [(n, draw(st.sampled_from(made[n].outputs))) for n in chosen]
        kind = draw(st.sampled_from(("item", "item", "item", "set", *DECISIONS)))
        slots = sorted(set().union(*(Graph(made).slots_behind(n) for n in chosen)))
        made[number] = _job(draw, number, kind, inputs, slots)
    return tuple(entry for number, entry in made.items() if number > 1)


def _job(draw: st.DrawFn, number: int, kind: str, inputs: list[Any], slots: list[str]) -> Job:
    if kind in DECISIONS:
        params = {"column": f"{draw(st.sampled_from(slots))}_x", "below": 50} if kind == "filter" else {}
        outputs = ("items", "rejected") if kind in ("filter", "intersection") else ("items",)
        any_input = kind in ("union", "intersection")
        return job(number, kind, *inputs, scope="decision", outputs=outputs, any_input=any_input, params=params)
    needs = tuple(draw(st.lists(st.sampled_from(slots), min_size=0, max_size=2, unique=True)))
    if kind == "set":
        return job(number, "collect", *inputs, scope="set", needs=needs, params={"p": 0}, batch=draw(st.integers(0, 2)))
    gives = tuple(draw(st.lists(st.sampled_from("abcd"), max_size=2, unique=True)))
    type = draw(st.sampled_from(("align", "measure")))
    return job(number, f"{type}{''.join(gives)}", *inputs, needs=needs, gives=gives, params={"p": number})


EVENTS = ("edit", "back", "trash", "restore", "own", "cancel", "resume", "pause", "fail", "quarantine", "retry", "run")


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """What happens: event, and two numbers that choose the job and the item."""
    return draw(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 99), st.integers(1, ITEMS)), max_size=14))


def happen(world: World, event: str, number: int, item: int) -> None:
    """One thing that the engine or a person does; what does not apply is left."""
    numbers = [n for n in world.graph.order if n != 1]
    which = numbers[number % len(numbers)]
    task = world.items[item].tasks.get(which)
    state = None if task is None else task.state
    if event in ("edit", "back"):
        filtered = world.graph.jobs[which].type == "filter"
        value = (number if event == "edit" else 50) if filtered else (number if event == "edit" else which)
        world.edit(which, **{"below" if filtered else "p": value})
    elif event in ("trash", "restore"):
        world.item(item, excluded="it is in TRASH" if event == "trash" else None)
    elif event == "own":
        world.item(item, parameters={f"{world.graph.jobs[which].type}.p": number} if number % 2 else {})
    elif event in ("cancel", "resume", "pause"):
        state_of_job = {"cancel": "cancelled", "resume": "active", "pause": "paused"}[event]
        world.change(which, state=state_of_job)
    elif event in ("fail", "quarantine"):
        if state is TaskState.READY and world.graph.jobs[which].scope == "item":
            world.mark(which, TaskState.RUNNING, item)
            world.mark(which, TaskState.FAILED if event == "fail" else TaskState.QUARANTINED, item)
    elif event == "retry":
        if state in (TaskState.FAILED, TaskState.QUARANTINED):
            world.mark(which, TaskState.READY, item)
    else:
        ready = [entry for entry in world.ready() if world.graph.jobs[entry[0]].state == "active"]
        if ready:
            world.run(*ready[number % len(ready)])
    world.settle_all()
    for number in numbers:
        if world.graph.jobs[number].scope == "set":
            world.settle_set(number)


def calm(world: World) -> None:
    """No job is held back, nothing has failed."""
    world.put(*(replace(entry, state="active") for entry in world.graph.jobs.values()))
    world.settle_all()
    for item, entry in world.items.items():
        for number, task in entry.tasks.items():
            if task.state in (TaskState.FAILED, TaskState.QUARANTINED):
                world.mark(number, TaskState.READY, item)


def ends(world: World) -> dict[Any, Any]:
    """What is done, with which identity, and what each set would be of."""
    found: dict[Any, Any] = {
        (number, item): (task.state, task.identity)
        for item, entry in world.items.items()
        for number, task in entry.tasks.items()
        if task.state is not TaskState.EXCLUDED
    }
    for number, entry in world.graph.jobs.items():
        if entry.scope == "set":
            found[number] = set_identity(entry.identity, list(world.set_facts(number).members.values()))
    return found


@given(graphs(), histories(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_where_it_ends_follows_from_the_facts_whatever_has_happened(
    jobs: tuple[Job, ...], history: list[tuple[str, int, int]], chance: random.Random
) -> None:
    """``World.settle`` checks at every step that transitions are allowed and that a second plan is empty."""
    world = World(*jobs, items=ITEMS)
    world.settle_all()
    for event in history:
        happen(world, *event)
    calm(world)
    world.run_all(chance.choice)
    fresh = World(*(entry for number, entry in world.graph.jobs.items() if number != 1), items=ITEMS)
    for item, entry in world.items.items():
        fresh.item(item, excluded=entry.excluded, parameters=entry.parameters, values=entry.values)
    fresh.run_all()
    assert ends(world) == ends(fresh)


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_nothing_is_left_to_do_and_a_second_pass_runs_nothing(jobs: tuple[Job, ...], chance: random.Random) -> None:
    world = World(*jobs, items=ITEMS)
    world.run_all(chance.choice)
    open_states = {str(task.state) for entry in world.items.values() for task in entry.tasks.values()} - {
        "done",
        "excluded",
    }
    stuck = [n for n, entry in world.graph.jobs.items() if _needs_unmet(world, entry)]
    assert not open_states or stuck
    assert world.run_all() == []


def _needs_unmet(world: World, entry: Job) -> bool:
    """Whether some item stands before a job without a slot that it needs: it came by a branch that does not give it."""
    return any(task.state is TaskState.WAITING for i in world.items.values() if (task := i.tasks.get(entry.id)))


@given(graphs(), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_changed_parameter_and_its_return_run_nothing_the_second_time(jobs: tuple[Job, ...], number: int) -> None:
    world = World(*jobs, items=ITEMS)
    world.run_all()
    before = ends(world)
    items = [entry for entry in jobs if entry.scope == "item"]
    if not items:
        return
    changed = items[number % len(items)]
    world.edit(changed.id, p=1000)
    again = {number for number, _ in world.run_all()}
    assert again <= world.graph.descendants([changed.id])
    world.edit(changed.id, p=changed.params["p"])
    assert world.run_all() == []
    assert ends(world) == before


@given(graphs())
@settings(max_examples=15, deadline=None)
def test_an_item_does_not_bear_on_another(jobs: tuple[Job, ...]) -> None:
    together, alone = World(*jobs, items=ITEMS), World(*jobs, items=ITEMS)
    together.run_all(max)
    kept: ItemFacts = alone.items[2]
    alone.items = {2: kept}
    alone.run_all()
    assert alone.items[2].tasks == together.items[2].tasks


def test_no_state_is_a_dead_end() -> None:
    for state in TaskState:
        reached, todo = set(), [state]
        while todo:
            for after in TRANSITIONS[todo.pop()] - reached:
                reached.add(after)
                todo.append(after)
        assert TaskState.DONE in reached or state is TaskState.DONE
