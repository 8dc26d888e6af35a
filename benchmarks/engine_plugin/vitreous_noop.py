"""Job types that do nothing, so that what is left is the engine's own cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vitreous.core.progress import Progress
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Slot, no_command, parameter


class NoopParams(Params):
    """A number that changes the identity of the results."""

    number: int = parameter(0, help="any number")


def _start(params: NoopParams) -> Callable[[ItemInput, Path, Progress], Result]:
    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        return {"value": float(params.number)}

    return run


def _noop(name: str, need: str, slot: Slot) -> JobType:
    return JobType(
        name=name,
        title=name,
        summary="Do nothing.",
        params=NoopParams,
        start=no_command,
        items="ITEM",
        example=f"vitreous add {name}",
        columns={},
        needs=(need,),
        gives=(slot,),
        on_item=_start,
    )


ONE = _noop("noop-1", "movie", Slot("motion", columns={"drift_total": "value"}))
TWO = _noop("noop-2", "motion", Slot("ctf", columns={"defocus_u": "value"}))
THREE = _noop("noop-3", "motion", Slot("quality"))
FOUR = _noop("noop-4", "motion", Slot("picks"))

ENTRY_POINTS = {"noop-1": "ONE", "noop-2": "TWO", "noop-3": "THREE", "noop-4": "FOUR"}
