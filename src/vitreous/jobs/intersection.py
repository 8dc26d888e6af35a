"""The job type that keeps what several sets agree on.

Where several inputs give an item the same slot, the first input that does so wins. While data stream in, an item is
``rejected`` until it has come by enough inputs; it changes over as soon as it has.
"""

from __future__ import annotations

from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command, parameter


class IntersectionParams(Params):
    """How many of the sets must agree."""

    at_least: int | None = parameter(
        None, help="number of inputs by which an item must come; all unless given", unit="inputs", ge=1
    )


def _decide(params: IntersectionParams, item: DecisionInput) -> frozenset[str]:
    came = sum(output is not None for output in item.inputs)
    if came == 0:
        return frozenset()
    needed = len(item.inputs) if params.at_least is None else params.at_least
    return frozenset({"items" if came >= needed else "rejected"})


JOB = JobType(
    name="intersection",
    title="Intersection",
    summary="Keep the items that come by all inputs, or by at least so many of them (a consensus).",
    params=IntersectionParams,
    start=no_command,
    items="ITEM",
    example="vitreous add intersection --after filter --after subset",
    columns={},
    category="Sets",
    order=68,
    scope="decision",
    outputs=("items", "rejected"),
    methods="Items common to the sets were kept.",
    decide=_decide,
    any_input=True,
)
