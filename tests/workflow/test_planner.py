"""Which tasks an item needs: by tables of small graphs, without catalogue or worker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planner_world import World, decide, job

from vitreous.core.errors import ComputeError, UsageError
from vitreous.workflow.graph import Graph, Job
from vitreous.workflow.planner import ItemFacts, arrival, settle
from vitreous.workflow.states import TRANSITIONS, TaskState, check_transition

MOTION = job(2, "motion", 1, needs=("movie",), gives=("micrograph",), params={"patch": 5})
CTF = job(3, "ctf", 2, needs=("micrograph",), gives=("ctf",), params={"box": 512})
MEASURE = job(4, "measure", 3, needs=("micrograph",), gives=("quality",), params={})
PICK = job(5, "pick", 4, needs=("micrograph", "ctf"), gives=("picks",), params={})
CHAIN = (MOTION, CTF, MEASURE, PICK)


def done(*jobs: Job, items: int = 1) -> World:
    """A world in which everything has been done."""
    world = World(*jobs, items=items)
    world.run_all()
    return world


def test_an_item_passes_the_chain_job_by_job() -> None:
    world = World(*CHAIN)
    world.settle()
    assert world.states() == {2: "ready", 3: "waiting", 4: "waiting", 5: "waiting"}
    assert world.run_all() == [(2, 1), (3, 1), (4, 1), (5, 1)]
    assert set(world.states().values()) == {"done"}


def test_a_waiting_task_knows_the_identity_that_its_result_will_have() -> None:
    world = World(*CHAIN)
    world.settle()
    expected = {number: task.identity for number, task in world.items[1].tasks.items()}
    world.run_all()
    assert {number: task.identity for number, task in world.items[1].tasks.items()} == expected


@pytest.mark.parametrize(
    ("edited", "again"),
    [(2, [2, 3, 4, 5]), (3, [3, 5]), (4, [4]), (5, [5])],
    ids=["motion", "ctf", "measure", "pick"],
)
def test_a_parameter_makes_stale_only_what_needs_its_slot(edited: int, again: list[int]) -> None:
    """``measure`` stands behind ``ctf`` but needs only the micrograph, so a change of ``ctf`` leaves it alone."""
    world = done(*CHAIN)
    world.edit(edited, other=1)
    assert [number for number, _ in world.run_all()] == again


def test_old_parameters_find_their_old_results() -> None:
    world = done(*CHAIN)
    before = world.items[1].tasks
    world.edit(3, box=256)
    world.run_all()
    world.edit(3, box=512)
    changes = world.settle().changes
    assert {change.job for change in changes} == {3, 5}
    assert all(change.state is TaskState.DONE and change.result is not None for change in changes)
    assert world.items[1].tasks == before


def test_a_parameter_of_one_item_concerns_that_item_and_type_alone() -> None:
    world = done(*CHAIN, items=2)
    world.item(2, parameters={"ctf.box": 1024, "other.box": 3})
    assert world.run_all() == [(3, 2), (5, 2)]
    world.item(2, parameters={})
    assert world.run_all() == []


def test_jobs_of_equal_type_parameters_and_inputs_share_their_results() -> None:
    world = done(*CHAIN)
    world.put(replace(CTF, id=9))
    assert world.run_all() == []
    assert world.state(9) == "done"


def test_a_job_that_needs_no_slot_is_done_for_each_item() -> None:
    assert done(job(2, "name", 1, gives=("name",)), items=3).runs == [(2, 1), (2, 2), (2, 3)]


def test_alternatives_of_a_need_take_the_first_slot_that_is_there() -> None:
    either = job(6, "look", 2, needs=("aligned|movie",), gives=("look",))
    world = done(MOTION, either)
    world.edit(2, patch=7)
    assert [number for number, _ in world.run_all()] == [2]


def test_trash_excludes_and_restore_takes_up_where_it_was() -> None:
    world = World(*CHAIN)
    world.settle()
    world.run(2)
    world.run(3)
    world.item(excluded="it is in TRASH")
    world.settle()
    assert set(world.states().values()) == {"excluded"}
    world.item(excluded=None)
    assert world.run_all() == [(4, 1), (5, 1)]


def test_an_item_trashed_from_the_start_gets_no_tasks() -> None:
    world = World(*CHAIN)
    world.item(excluded="it is in TRASH")
    assert world.settle().changes == ()


def test_what_runs_is_stopped_by_trash() -> None:
    world = World(*CHAIN)
    world.settle()
    world.mark(2, TaskState.RUNNING)
    world.item(excluded="it is in TRASH")
    world.settle()
    assert world.state(2) == "excluded"


FILTER = job(
    5,
    "filter",
    3,
    scope="decision",
    outputs=("items", "rejected"),
    params={"column": "movie_x", "below": 3},
)


def test_a_filter_deals_items_to_its_outputs() -> None:
    good = job(6, "good", 5, needs=("ctf",), gives=("good",))
    bad = job(7, "bad", (5, "rejected"), needs=("ctf",), gives=("bad",))
    world = done(MOTION, CTF, FILTER, good, bad, items=4)
    assert [world.state(6, item) for item in (1, 2, 3, 4)] == ["done", "done", "excluded", "excluded"]
    assert [world.state(7, item) for item in (1, 2, 3, 4)] == ["excluded", "excluded", "done", "done"]


def test_a_changed_filter_moves_only_the_items_that_cross_it() -> None:
    good = job(6, "good", 5, needs=("ctf",), gives=("good",))
    world = done(MOTION, CTF, FILTER, good, items=4)
    world.edit(5, below=4)
    changes = {item: [change.job for change in found] for item, found in world.settle_all().items()}
    assert changes == {1: [], 2: [], 3: [5, 6], 4: []}
    assert world.run_all() == [(6, 3)]
    world.edit(5, below=3)
    world.settle_all()
    assert [world.state(6, item) for item in (1, 2, 3, 4)] == ["done", "done", "excluded", "excluded"]
    world.edit(5, below=4)
    assert world.run_all() == []  # the result of item 3 is found again


def test_a_filter_waits_for_its_values() -> None:
    world = World(MOTION, CTF, FILTER)
    world.settle()
    assert world.states() == {2: "ready", 3: "waiting", 5: "waiting"}


def test_a_filter_by_flag_follows_the_flag() -> None:
    flagged = replace(FILTER, params={"column": "flag", "is": "gold"})
    behind = job(6, "good", 5, needs=("ctf",), gives=("good",))
    world = done(MOTION, CTF, flagged, behind)
    assert world.state(6) == "excluded"
    world.item(values={"flag": "gold"})
    assert world.run_all() == [(6, 1)]


def branches(*more: Job) -> World:
    """Two filters behind one job: item 1 passes both, 2 the second only, 3 none."""
    first = replace(FILTER, id=5, params={"column": "movie_x", "below": 2})
    second = replace(FILTER, id=6, params={"column": "movie_x", "below": 3})
    return done(MOTION, CTF, first, second, *more, items=3)


def set_job(number: int, type: str, *inputs: int, **fields: Any) -> Job:
    outputs = ("items", "rejected") if type == "intersection" else ("items",)
    any_input = type in ("union", "intersection")
    return job(number, type, *inputs, scope="decision", outputs=outputs, any_input=any_input, **fields)


@pytest.mark.parametrize(
    ("type", "through", "rejected"), [("union", [1, 2], []), ("intersection", [1], [2]), ("join", [1], [])]
)
def test_sets_of_two_filters(type: str, through: list[int], rejected: list[int]) -> None:
    behind = [job(8, "behind", 7, needs=("ctf",), gives=("behind",))]
    if type == "intersection":
        behind.append(job(9, "left", (7, "rejected"), needs=("ctf",), gives=("left",)))
    world = branches(set_job(7, type, 5, 6), *behind)
    assert [item for item in (1, 2, 3) if world.state(8, item) == "done"] == through
    assert [item for item in (1, 2, 3) if world.state(9, item) == "done"] == rejected


def test_a_join_waits_for_every_branch_and_has_the_slots_of_all() -> None:
    left = job(3, "left", 2, needs=("micrograph",), gives=("left",))
    right = job(4, "right", 2, needs=("micrograph",), gives=("right",))
    both = job(6, "both", 5, needs=("left", "right"), gives=("both",))
    world = World(MOTION, left, right, set_job(5, "join", 3, 4), both)
    world.settle()
    world.run(2)
    world.run(4)
    assert world.states() == {2: "done", 3: "ready", 4: "done", 5: "waiting", 6: "waiting"}
    world.run(3)
    assert world.state(6) == "ready"


def test_a_union_takes_a_slot_of_the_first_input_that_gives_it_whichever_ends_first() -> None:
    def run(order: Callable[[list[tuple[int, int]]], tuple[int, int]]) -> World:
        one = job(3, "denoise", 2, needs=("micrograph",), gives=("picture",), params={"way": 1})
        two = job(4, "denoise", 2, needs=("micrograph",), gives=("picture",), params={"way": 2})
        last = job(6, "last", 5, needs=("picture",), gives=("last",))
        world = World(MOTION, one, two, set_job(5, "union", 3, 4), last)
        world.run_all(order)
        return world

    assert run(min).items[1].tasks == run(max).items[1].tasks


# States by hand, of jobs and of failures


def test_a_paused_job_plans_on_and_a_cancelled_one_does_not() -> None:
    world = World(*CHAIN)
    world.change(2, state="paused")
    world.settle()
    assert world.state(2) == "ready"  # dispatch leaves it alone
    world.change(2, state="cancelled")
    world.settle()
    assert world.state(2) == "cancelled"
    world.change(2, state="active")
    assert [number for number, _ in world.run_all()] == [2, 3, 4, 5]


@pytest.mark.parametrize("state", [TaskState.READY, TaskState.RUNNING, TaskState.FAILED], ids=str)
def test_cancelling_a_job_ends_what_is_open_whatever_it_does(state: TaskState) -> None:
    world = World(MOTION)
    world.settle()
    if state is not TaskState.READY:
        world.mark(2, TaskState.RUNNING)
    if state is TaskState.FAILED:
        world.mark(2, TaskState.FAILED)
    world.change(2, state="cancelled")
    world.settle()
    assert world.state(2) == "cancelled"


def test_cancelling_keeps_what_is_done() -> None:
    world = done(*CHAIN)
    world.change(3, state="cancelled")
    assert world.settle().changes == ()


def test_what_is_done_goes_stale_though_its_job_is_cancelled() -> None:
    world = done(*CHAIN)
    world.change(3, state="cancelled")
    world.edit(3, box=128)
    world.settle()
    assert world.states() == {2: "done", 3: "cancelled", 4: "done", 5: "waiting"}


def test_quarantine_stays_until_the_task_is_retried() -> None:
    world = World(*CHAIN)
    world.settle()
    world.mark(2, TaskState.RUNNING)
    world.mark(2, TaskState.QUARANTINED)
    world.settle()
    assert world.states() == {2: "quarantined", 3: "waiting", 4: "waiting", 5: "waiting"}
    world.item(values={"flag": "red"})
    world.settle()
    assert world.state(2) == "quarantined"
    world.mark(2, TaskState.READY)
    assert [number for number, _ in world.run_all()] == [2, 3, 4, 5]


def test_other_parameters_take_a_task_out_of_quarantine() -> None:
    world = World(MOTION)
    world.settle()
    world.mark(2, TaskState.QUARANTINED)
    world.edit(2, patch=7)
    world.settle()
    assert world.state(2) == "ready"


def test_a_failed_task_keeps_its_pause() -> None:
    world = World(MOTION)
    world.settle()
    world.mark(2, TaskState.RUNNING)
    world.mark(2, TaskState.FAILED)
    assert world.settle().changes == ()


def test_a_running_task_is_taken_back_when_its_parameters_change() -> None:
    world = World(MOTION)
    world.settle()
    world.mark(2, TaskState.RUNNING)
    world.edit(2, patch=7)
    world.settle()
    assert world.state(2) == "ready"


def test_what_runs_with_the_same_identity_is_left_alone() -> None:
    world = World(MOTION)
    world.settle()
    world.mark(2, TaskState.RUNNING)
    world.item(values={"flag": "red"})
    assert world.settle().changes == ()


def test_a_broken_job_waits_and_what_is_behind_it_too() -> None:
    world = World(*CHAIN)
    world.change(3, broken="there is no job type ctf here")
    world.run_all()
    assert world.states() == {2: "done", 3: "waiting", 4: "waiting", 5: "waiting"}


def test_an_item_of_another_import_does_not_come() -> None:
    second = replace(World().graph.jobs[1], id=10)
    world = World(second, replace(MOTION, inputs=(replace(MOTION.inputs[0], source=10),)))
    assert world.settle().changes == ()


# Sets

COLLECT = job(6, "collect", 3, scope="set", needs=("ctf",), gives=(), batch=0)


def test_a_set_runs_when_no_more_items_can_come() -> None:
    world = World(MOTION, CTF, COLLECT, items=3)
    world.settle_all()
    assert (world.set_facts(6).pending, world.settle_set(6)) == (3, None)
    world.run_all()
    assert world.settle_set(6) == "waiting"
    assert world.settle_set(6, closed=True) == "ready"
    world.run_set(6)
    assert world.settle_set(6, closed=True) == "done"


def test_a_set_waits_for_items_that_may_still_come() -> None:
    world = World(MOTION, CTF, COLLECT, items=2)
    world.settle_all()
    world.run(2, 1)
    world.run(3, 1)
    assert len(world.set_facts(6).members) == 1
    assert world.settle_set(6, closed=True) == "waiting"


def test_a_set_grows_by_batches() -> None:
    world = World(MOTION, CTF, replace(COLLECT, batch=2), items=5)
    world.settle_all()
    seen = []
    for item in range(1, 6):
        world.run(2, item)
        world.run(3, item)
        seen.append(world.settle_set(6))
        if seen[-1] == "ready":
            world.run_set(6)
    assert seen == ["waiting", "ready", "done", "ready", "done"]
    assert world.settle_set(6, closed=True) == "ready"  # the fifth


def test_a_set_is_stale_when_what_it_needs_of_a_member_changes_and_found_again_when_it_comes_back() -> None:
    world = done(MOTION, CTF, MEASURE, COLLECT, items=2)
    world.settle_set(6, closed=True)
    world.run_set(6)
    world.edit(4, other=1)  # measure is no part of the set
    world.run_all()
    assert world.settle_set(6, closed=True) == "done"
    world.edit(3, box=64)
    world.run_all()
    assert world.settle_set(6, closed=True) == "ready"
    world.edit(3, box=512)
    world.run_all()
    assert world.settle_set(6, closed=True) == "done"


def test_a_trashed_member_leaves_its_set() -> None:
    world = done(MOTION, CTF, COLLECT, items=2)
    world.settle_set(6, closed=True)
    world.run_set(6)
    world.item(2, excluded="it is in TRASH")
    world.settle_all()
    assert list(world.set_facts(6).members) == [1]
    assert world.settle_set(6, closed=True) == "ready"
    world.item(1, excluded="it is in TRASH")
    world.settle_all()
    assert world.settle_set(6, closed=True) == "waiting"


@pytest.mark.parametrize("running", [False, True])
def test_a_set_of_a_cancelled_job_is_cancelled_and_comes_back(running: bool) -> None:
    world = done(MOTION, CTF, COLLECT, items=2)
    assert world.settle_set(6, closed=True) == "ready"
    if running:
        world.sets[6] = replace(world.sets[6], state=TaskState.RUNNING)
    world.change(6, state="cancelled")
    assert world.settle_set(6, closed=True) == "cancelled"
    world.change(6, state="active")
    assert world.settle_set(6, closed=True) == "ready"


def test_a_set_of_a_broken_job_waits() -> None:
    world = done(MOTION, CTF, replace(COLLECT, broken="no such type"), items=2)
    assert world.settle_set(6, closed=True) is None


# Graph and states


def test_every_state_can_be_left_and_transitions_are_checked() -> None:
    assert set(TRANSITIONS) == set(TaskState)
    for before, after in TRANSITIONS.items():
        assert after, before
        assert before not in after
    with pytest.raises(ComputeError, match="a done task can't become running"):
        check_transition(TaskState.DONE, TaskState.RUNNING, "J1 of item 1")


def test_a_circle_of_jobs_is_refused() -> None:
    graph = Graph({2: job(2, "a", 3), 3: job(3, "b", 2)})
    with pytest.raises(UsageError, match="J2, J3 wait for each other"):
        _ = graph.order


def test_a_job_without_its_source_in_the_graph_leaves_items_out() -> None:
    assert arrival(job(5, "a", 4), {}).state == "absent"


def test_an_item_planned_in_an_empty_graph_asks_for_nothing() -> None:
    assert settle(Graph({}), ItemFacts(1, "m1", "0", 1), lambda _: None, decide).changes == ()
