"""The job type that takes from the first set what the others hold too.

Slots come from the first input alone, by which every item that goes on has come. While data stream in, an item goes on
until it comes by another input too; it then changes over to ``rejected``.
"""

from __future__ import annotations

from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command


class DifferenceParams(Params):
    """A difference leaves nothing to choose; the order of the inputs matters."""


def _decide(params: DifferenceParams, item: DecisionInput) -> frozenset[str]:
    if not item.inputs or item.inputs[0] is None:
        return frozenset()
    elsewhere = any(came is not None for came in item.inputs[1:])
    return frozenset({"rejected" if elsewhere else "items"})


JOB = JobType(
    name="difference",
    title="Difference",
    summary="Keep the items of the first input that come by none of the others.",
    params=DifferenceParams,
    start=no_command,
    items="ITEM",
    example="vitreous add difference --after motion --after subset",
    columns={},
    category="Sets",
    order=70,
    scope="decision",
    outputs=("items", "rejected"),
    methods="Items of the first set that are in none of the others were kept.",
    decide=_decide,
    any_input=True,
)
