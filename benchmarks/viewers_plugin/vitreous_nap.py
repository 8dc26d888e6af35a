"""A job type that only takes its time, as one does that computes elsewhere: the processor is free to be measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vitreous.core.progress import Progress
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Slot, no_command, parameter


class NapParams(Params):
    """How long a task takes."""

    seconds: float = parameter(0.02, help="time of a task", unit="s")


def _start(params: NapParams) -> Callable[[ItemInput, Path, Progress], Result]:
    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        time.sleep(params.seconds)
        return {"value": params.seconds}

    return run


NAP = JobType(
    name="nap",
    title="Nap",
    summary="Take some time.",
    params=NapParams,
    start=no_command,
    items="ITEM",
    example="vitreous add nap",
    columns={},
    needs=("movie",),
    gives=(Slot("motion", columns={"drift_total": "value"}),),
    on_item=_start,
)

ENTRY_POINTS = {"nap": "NAP"}
