"""The job type that deals a set out into parts."""

from __future__ import annotations

from typing import Literal

from vitreous.workflow.chance import chance
from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command, parameter

MOST_PARTS = 16


class SplitParams(Params):
    """Into how many parts, and how; the parts are the outputs ``part_1``, ``part_2`` and so on."""

    parts: int = parameter(2, help="number of parts", ge=2, le=MOST_PARTS)
    how: Literal["random", "alternate"] = parameter(
        "random", help="random: drawn from the names; alternate: in turn, in the order of arrival in the project"
    )
    seed: int = parameter(0, help="another seed draws other parts", level="advanced")


def part(params: SplitParams, name: str, number: int) -> int:
    """The part of an item, from 1; ``number`` is the item's in the project, from 1."""
    if params.how == "alternate":
        return (number - 1) % params.parts + 1
    return int(chance(name, params.seed) * params.parts) + 1


def _decide(params: SplitParams, item: DecisionInput) -> frozenset[str]:
    return frozenset({f"part_{part(params, item.name, item.number)}"})


JOB = JobType(
    name="split",
    title="Split",
    summary="Deal a set out into 2 to 16 parts, at random or in turn; an item stays in its part as others arrive.",
    params=SplitParams,
    start=no_command,
    items="ITEM",
    example="vitreous add split --after ctf parts=2",
    columns={},
    category="Sets",
    order=64,
    scope="decision",
    outputs=tuple(f"part_{number}" for number in range(1, MOST_PARTS + 1)),
    methods="The items were split into {parts} parts ({how}).",
    decide=_decide,
)
