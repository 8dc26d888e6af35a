"""The job types that make sets: which items go on, by which output."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vitreous.core.errors import UsageError
from vitreous.jobs import difference, filter, intersection, join, split, subset, union
from vitreous.jobs.filter import FilterParams, filter_rule
from vitreous.workflow.chance import chance
from vitreous.workflow.filter_diff import Counts, Diff, counts, diff
from vitreous.workflow.job_type import DecisionInput, JobType

JOBS = [filter.JOB, subset.JOB, split.JOB, union.JOB, intersection.JOB, difference.JOB, join.JOB]


def item(
    name: str = "movie_1",
    number: int = 1,
    tags: frozenset[str] = frozenset(),
    inputs: tuple[str | None, ...] = ("items",),
    **values: Any,
) -> DecisionInput:
    return DecisionInput(name, number, values, tags, inputs)


def output(job: JobType, params: dict[str, Any], given: DecisionInput) -> str | None:
    """The one output by which the item goes on, or none."""
    assert job.decide is not None
    found = job.decide(job.params.model_validate(params), given)
    assert len(found) < 2
    assert found <= set(job.outputs)
    return next(iter(found), None)


def passes(select: dict[str, Any], given: DecisionInput) -> bool:
    return output(subset.JOB, {"select": select}, given) == "items"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_set_job_is_declared_whole(job: JobType) -> None:
    assert (job.scope, job.category) == ("decision", "Sets")
    assert job.summary.endswith(".")
    assert job.methods.endswith(".")
    assert job.decide is not None
    assert job.params.model_json_schema()["additionalProperties"] is False


def test_orders_in_the_menu_differ() -> None:
    assert len({job.order for job in JOBS}) == len(JOBS)


def test_the_schema_of_a_subset_tells_its_kinds_apart() -> None:
    schema = subset.JOB.params.model_json_schema()
    kinds = schema["properties"]["select"]["discriminator"]["mapping"]
    assert set(kinds) == {"first", "range", "every", "fraction", "flag", "group", "tag", "names"}


def test_a_filter_passes_only_what_is_true() -> None:
    params = {"expression": "fit_resolution < 5"}
    assert output(filter.JOB, params, item(fit_resolution=4.0)) == "items"
    assert output(filter.JOB, params, item(fit_resolution=6.0)) == "rejected"
    assert output(filter.JOB, params, item()) == "rejected"
    assert output(filter.JOB, params | {"unknown": "accept"}, item()) == "items"


def test_what_a_person_decided_wins_over_the_expression() -> None:
    params = {"expression": "x > 1", "keep": ["a"], "reject": [{"item": "b", "reason": "ice"}]}
    assert output(filter.JOB, params, item("a", x=0)) == "items"
    assert output(filter.JOB, params, item("b", x=5)) == "rejected"
    verdict = filter_rule(FilterParams.model_validate(params)).verdict("b", {"x": 5})
    assert (verdict.ground, verdict.reason) == ("by hand", "ice")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"expression": "x >"}, "ends too early"),
        ({"expression": "x > 1", "keep": ["a"], "reject": ["a"]}, "both kept and rejected"),
        ({"expression": "x > 1", "keep": ["a", "a"]}, "twice"),
        ({"expression": "x > 1", "keep": [""]}, "at least 1 character"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises((ValidationError, UsageError), match=said):
        FilterParams.model_validate(params)


def rule(**params: Any) -> Any:
    return filter_rule(FilterParams.model_validate(params))


ROWS = [("a", {"x": 1}), ("b", {"x": 2}), ("c", {"x": 3}), ("d", {"x": None})]


def test_the_difference_of_two_versions_is_what_enters_and_leaves() -> None:
    before, after = rule(expression="x >= 2"), rule(expression="x <= 2", keep=["d"])
    assert diff(before, after, ROWS) == Diff(entered=("a", "d"), left=("c",))
    assert diff(after, before, ROWS) == Diff(entered=("c",), left=("a", "d"))
    assert diff(before, before, ROWS).empty


def test_counts_say_on_what_ground_items_pass() -> None:
    found = counts(rule(expression="x >= 2", reject=["c"], keep=["a"]), ROWS)
    assert found == Counts(passed=2, rejected=2, unknown=1, kept_by_hand=1, rejected_by_hand=1)


def test_a_subset_by_number_counts_in_order_of_arrival() -> None:
    numbers = range(1, 11)
    taken = {
        "first": {"kind": "first", "number": 3},
        "range": {"kind": "range", "first": 4, "last": 6},
        "open": {"kind": "range", "first": 9},
        "every": {"kind": "every", "step": 4, "start": 2},
    }
    found = {key: [n for n in numbers if passes(select, item(number=n))] for key, select in taken.items()}
    assert found == {"first": [1, 2, 3], "range": [4, 5, 6], "open": [9, 10], "every": [2, 6, 10]}


def test_a_random_fraction_repeats_nests_and_has_its_size() -> None:
    names = [f"movie_{number:05d}" for number in range(4000)]

    def drawn(fraction: float, seed: int = 0) -> set[str]:
        select = {"kind": "fraction", "fraction": fraction, "seed": seed}
        return {name for name in names if passes(select, item(name))}

    tenth, third = drawn(0.1), drawn(0.3)
    assert abs(len(tenth) - 400) < 5 * (4000 * 0.1 * 0.9) ** 0.5
    assert tenth <= third
    assert tenth == drawn(0.1) != drawn(0.1, seed=1)
    assert drawn(1.0) == set(names)


def test_a_subset_by_marks_and_names() -> None:
    assert passes({"kind": "flag", "flags": ["red", "gold"]}, item(flag="gold"))
    assert not passes({"kind": "flag", "flags": ["red"]}, item(flag=None))
    assert passes({"kind": "group", "groups": ["Grid*"]}, item(group="Grid 2"))
    assert not passes({"kind": "group", "groups": ["grid*"]}, item(group="Grid 2"))
    assert not passes({"kind": "group", "groups": ["*"]}, item())
    assert passes({"kind": "names", "patterns": ["x", "*_1"]}, item("movie_1"))
    assert not passes({"kind": "names", "patterns": ["movie"]}, item("movie_1"))
    tags = frozenset({"good", "thin"})
    assert passes({"kind": "tag", "tags": ["good", "blue"]}, item(tags=tags))
    assert not passes({"kind": "tag", "tags": ["good", "blue"], "all": True}, item(tags=tags))
    assert passes({"kind": "tag", "tags": ["good", "thin"], "all": True}, item(tags=tags))


def test_a_part_reads_as_words_in_a_sentence() -> None:
    assert str(subset.First(kind="first", number=100)) == "first, number 100"
    assert str(subset.Named(kind="names", patterns=("a*", "b"))) == "names, patterns a*, b"


@pytest.mark.parametrize(
    "select",
    [
        {"kind": "first"},
        {"kind": "first", "number": 0},
        {"kind": "last", "number": 3},
        {"kind": "range", "first": 5, "last": 4},
        {"kind": "fraction", "fraction": 1.5},
        {"kind": "names", "patterns": []},
        {"kind": "names", "patterns": [""]},
        {"kind": "flag", "flags": ["pink"]},
        {"kind": "first", "number": 3, "step": 2},
    ],
)
def test_a_subset_that_makes_no_sense_is_refused(select: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        subset.SubsetParams.model_validate({"select": select})


def test_a_split_deals_every_item_into_one_part() -> None:
    parts = [output(split.JOB, {"parts": 4}, item(f"movie_{number}")) for number in range(4000)]
    sizes = [parts.count(f"part_{number}") for number in range(1, 5)]
    assert sum(sizes) == 4000
    assert all(abs(size - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5 for size in sizes)


def test_an_alternating_split_deals_in_turn() -> None:
    params = {"parts": 3, "how": "alternate"}
    dealt = [output(split.JOB, params, item(number=number)) for number in range(1, 5)]
    assert dealt == ["part_1", "part_2", "part_3", "part_1"]


def test_chance_is_the_same_everywhere_and_below_one() -> None:
    assert chance("movie_1", 0) == chance("movie_1", 0) != chance("movie_1", 1)
    assert all(0.0 <= chance(f"é{number}", 7) < 1.0 for number in range(1000))
    assert chance("broken \udcff name", 0) < 1.0


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (("items", "items", "items"), ("items", "items", "rejected", "items")),
        (("items", None, None), ("items", "rejected", "items", None)),
        ((None, "rejected", "items"), ("items", "rejected", None, None)),
        ((None, None, None), (None, None, None, None)),
    ],
)
def test_union_intersection_difference_and_join_by_the_inputs(
    inputs: tuple[str | None, ...], expected: tuple[str | None, ...]
) -> None:
    jobs = (union.JOB, intersection.JOB, difference.JOB, join.JOB)
    assert tuple(output(job, {}, item(inputs=inputs)) for job in jobs) == expected


def test_an_intersection_can_ask_for_a_number_of_agreeing_inputs() -> None:
    given = item(inputs=("items", None, "items"))
    assert output(intersection.JOB, {"at_least": 2}, given) == "items"
    assert output(intersection.JOB, {"at_least": 3}, given) == "rejected"
