"""Jobs that want a slot of each input: they see what each picker chose, and are done again when any of them changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planner_world import World, job

from vitreous.core.errors import UsageError
from vitreous.project.job_actions import check_connection
from vitreous.workflow.graph import Graph, Input, Job
from vitreous.workflow.job_type import JobType, Params, no_command

PICKS = {"needs": ("movie",), "gives": ("picks",)}
TYPE = JobType("vote", "", "", Params, no_command, "", "", {}, needs=("picks",), each=("picks",))


def world() -> World:
    return World(
        job(2, "pick", 1, params={"n": 1}, **PICKS),
        job(3, "pick", 1, params={"n": 2}, **PICKS),
        job(4, "vote", 2, 3, needs=("picks",), each=("picks",), gives=("picks",)),
    )


def test_the_slot_comes_from_each_input_in_order() -> None:
    one = world()
    one.settle()
    arrived = one.plan().arrivals[4]
    first, second = (one.items[1].tasks[number].identity for number in (2, 3))
    assert first != second
    assert [dict(own) for own in arrived.by_input] == [{"picks": first}, {"picks": second}]
    assert arrived.slots["picks"] == first


@pytest.mark.parametrize("number", [2, 3])
def test_a_change_of_any_input_changes_what_is_wanted(number: int) -> None:
    one = world()
    one.settle()
    before = one.items[1].tasks[4].identity
    one.edit(number, n=7)
    one.settle()
    assert before is not None
    assert one.items[1].tasks[4].identity != before


def test_inputs_in_another_order_are_another_result() -> None:
    one = world()
    one.settle()
    before = one.items[1].tasks[4].identity
    one.change(4, inputs=(Input(3), Input(2)))
    one.settle()
    assert one.items[1].tasks[4].identity != before


def test_a_job_without_such_slots_is_not_concerned() -> None:
    one = world()
    one.change(4, each=())
    one.settle()
    before = one.items[1].tasks[4].identity
    one.edit(3, n=7)
    one.settle()
    assert one.items[1].tasks[4].identity == before


SETS = {"scope": "set", "gives": ("particle_set",)}


def world_of_sets(**fields: object) -> World:
    either = ("particle_set|picks",)
    return World(
        job(2, "pick", 1, params={"n": 1}, **PICKS),
        job(3, "pick", 1, params={"n": 2}, **PICKS),
        job(4, "combine", 2, 3, **{**SETS, "needs": either, "each": either, **fields}),
    )


@pytest.mark.parametrize("number", [2, 3])
def test_a_member_of_a_set_is_another_when_any_input_changes(number: int) -> None:
    one = world_of_sets()
    one.run_all()
    before = one.members[4, 1].identity
    assert [list(own) for own in one.plan().arrivals[4].by_input] == [["picks"], ["picks"]]
    one.edit(number, n=7)
    one.run_all()
    assert before is not None
    assert one.members[4, 1].identity not in (None, before)


def test_an_item_that_an_input_left_out_is_a_member_by_the_other() -> None:
    one = World(
        job(2, "pick", 1, **PICKS),
        job(3, "filter", 2, scope="decision", outputs=("items", "rejected"), params={"column": "flag", "is": "red"}),
        job(4, "combine", 2, 3, **SETS, needs=("picks",), each=("picks",), any_input=True),
    )
    one.run_all()
    assert one.members[4, 1].identity is not None
    assert [list(own) for own in one.plan().arrivals[4].by_input] == [["picks"], []]
    one.change(4, any_input=False)
    one.run_all()
    assert one.members[4, 1].identity is None


def test_each_input_must_bring_the_slot_and_there_must_be_two() -> None:
    graph = Graph(
        {
            1: Job(1, "import", scope="source", gives=("movie",)),
            2: Job(2, "pick", inputs=(Input(1),), gives=("picks",)),
            3: Job(3, "pick", inputs=(Input(1),), gives=("picks",)),
        }
    )
    check_connection(graph, TYPE, [Input(2), Input(3)])
    with pytest.raises(UsageError, match="several jobs, one is given"):
        check_connection(graph, TYPE, [Input(2)])
    with pytest.raises(UsageError, match="items behind J1 import have no picks"):
        check_connection(graph, TYPE, [Input(2), Input(1)])
