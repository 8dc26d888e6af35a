"""The job type that joins what several branches found of the same items, while they stream.

An item goes on as soon as it has come by every input, with the slots of all; where several inputs give it the same
slot, the first input that does so wins.
"""

from __future__ import annotations

from vitreous.workflow.job_type import DecisionInput, JobType, Params, no_command


class JoinParams(Params):
    """A join leaves nothing to choose."""


def _decide(params: JoinParams, item: DecisionInput) -> frozenset[str]:
    return frozenset({"items"}) if all(came is not None for came in item.inputs) else frozenset()


JOB = JobType(
    name="join",
    title="Join",
    summary="Join branches: an item goes on, with the slots of all inputs, as soon as it has come by each of them.",
    params=JoinParams,
    start=no_command,
    items="ITEM",
    example="vitreous add join --after ctf --after measure",
    columns={},
    category="Sets",
    order=72,
    scope="decision",
    methods="Results of the branches were joined item by item.",
    decide=_decide,
)
