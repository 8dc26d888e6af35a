"""The job type that brings several sets together: what came by any input goes on, once.

Where several inputs give an item the same slot, the first input that does so wins.
"""

from __future__ import annotations

from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command


class UnionParams(Params):
    """A union leaves nothing to choose."""


def _decide(params: UnionParams, item: DecisionInput) -> frozenset[str]:
    return frozenset({"items"}) if any(came is not None for came in item.inputs) else frozenset()


JOB = JobType(
    name="union",
    title="Union",
    summary="Bring sets together: an item that comes by any of the inputs goes on, once.",
    params=UnionParams,
    start=no_command,
    items="ITEM",
    example="vitreous add union --after subset --after filter",
    columns={},
    category="Sets",
    order=66,
    scope="decision",
    methods="The sets were united.",
    decide=_decide,
    any_input=True,
)
