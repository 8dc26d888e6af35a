"""The job type that measures picks against a reference set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.core.progress import Progress
from vitreous.core.words import counted
from vitreous.jobs.pick_files import kept_picks, picks_of, points, radius_in_px, read_picks
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, Runner, Slot, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable


class ComparePicksParams(Params):
    """What the reference is, and how near a pick must come."""

    reference: Path | None = parameter(
        None, help="reference set, on the command line; in a project it is the second input", group="Files",
        level="advanced",
    )  # fmt: skip
    absent: Literal["missed", "ignored"] = parameter(
        "missed", help="micrographs of the reference on which nothing was picked, on the command line",
        group="Files", level="advanced",
    )  # fmt: skip
    radius: float | None = parameter(
        None, help="a pick within this of a particle has found it; half of the diameter unless given", unit="px", gt=0
    )
    diameter: float | None = parameter(
        None, help="diameter of the particle", unit="Å", inherits=True, gt=0, level="advanced"
    )
    pixel_size: float | None = parameter(
        None, help="pixel size of the micrographs", unit="Å", inherits=True, gt=0, level="advanced"
    )


def compared(picks: ParticleTable, reference: ParticleTable, radius: float) -> dict[str, Any]:
    """Figures of one micrograph: picks are paired one to one with particles of the reference."""
    from vitreous.algorithms.coordinates.comparison import compare

    found = compare(points(picks), points(reference), radius)
    return {
        "picks": found.n_picks,
        "reference": found.n_reference,
        "matched": len(found.picks),
        "pick_precision": _rounded(found.precision),
        "pick_recall": _rounded(found.recall),
        "pick_f1": _rounded(found.f1),
        "pick_distance": _rounded(found.rms_distance),
    }


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The same figures of all micrographs together: of the sums of picks, particles and pairs."""
    picks, reference, matched = (sum(part[name] for part in parts) for name in ("picks", "reference", "matched"))
    square = sum(part["matched"] * part["pick_distance"] ** 2 for part in parts if part["matched"])
    return {
        "picks": picks,
        "reference": reference,
        "matched": matched,
        "pick_precision": _rounded(matched / picks) if picks else None,
        "pick_recall": _rounded(matched / reference) if reference else None,
        "pick_f1": _rounded(2 * matched / (picks + reference)) if picks + reference else None,
        "pick_distance": _rounded(float(np.sqrt(square / matched))) if matched else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _on_item(params: ComparePicksParams) -> ItemRunner:
    radius = radius_in_px(params.radius, params.diameter, params.pixel_size)

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        if len(item.by_input) != 2:
            raise UsageError(
                f"a comparison takes two inputs, here are {len(item.by_input)}",
                hint="First the picks, then the reference",
            )
        picks, reference = (kept_picks(picks_of(item, slots.get("picks"))) for slots in item.by_input)
        return _written(compared(picks, reference, radius), radius, out / f"{item.name}_comparison.json")

    return run


def _start(params: ComparePicksParams) -> Runner:
    from vitreous.formats.coordinates import of_micrograph, per_micrograph

    if params.reference is None:
        raise UsageError("there is no reference set", hint="Give --reference REF.star")
    radius = radius_in_px(params.radius, params.diameter, params.pixel_size)
    reference = per_micrograph(kept_picks(read_picks(params.reference)))

    def run(path: Path, out: Path, progress: Progress) -> Result:
        tables = per_micrograph(kept_picks(read_picks(path)))
        parts = []
        used: list[str] = []
        for name, table in tables.items():
            there = of_micrograph(reference, name)
            if there is not None:
                used.append(str(there["micrograph"][0]))
                parts.append({"micrograph": name, **compared(table, there, radius)})
        absent = [name for name in reference if name not in used]
        if params.absent == "missed":
            parts += [
                {"micrograph": name, **compared(reference[name].take([]), reference[name], radius)} for name in absent
            ]
        notes = _notes(len(tables) - len(used), len(absent), params)
        result = {**together(parts), "micrographs": parts, "warnings": notes}
        return _written(result, radius, out / f"{path.stem}_comparison.json")

    return run


def _notes(unknown: int, absent: int, params: ComparePicksParams) -> list[str]:
    notes = []
    if unknown:
        notes.append(f"{counted(unknown, 'micrograph')} with picks not in the reference: left out")
    if absent:
        word = "counted as missed" if params.absent == "missed" else "left out"
        notes.append(f"{counted(absent, 'micrograph')} of the reference without a pick: {word}")
    return notes


def _written(figures: dict[str, Any], radius: float, path: Path) -> Result:
    from vitreous.formats.base import write_text

    write_text(path, to_json({**figures, "radius": radius}, indent=2) + "\n")
    return {**figures, "radius": radius, "outputs": {"json": str(path)}}


_COLUMNS = ("pick_precision", "pick_recall", "pick_f1", "pick_distance")

JOB = JobType(
    name="compare-picks",
    title="Compare picks",
    summary="Measure precision and recall of picks against a reference set.",
    params=ComparePicksParams,
    start=_start,
    items="PICKS",
    example="vitreous compare-picks picks.star --reference manual.star --radius 60 --out comparison",
    columns={
        "picks": ("picks", "d"),
        "reference": ("reference", "d"),
        "pick_precision": ("precision", ".3f"),
        "pick_recall": ("recall", ".3f"),
        "pick_f1": ("F1", ".3f"),
        "pick_distance": ("distance / px", ".1f"),
    },
    citations=("Kuhn 1955, Naval Res. Logist. Q. 2:83 (assignment of picks to particles)",),
    category="Particles",
    order=58,
    modes=("single-particle", "tomography"),
    needs=("picks",),
    each=("picks",),
    gives=(Slot("comparison", file="json", columns={name: name for name in _COLUMNS}),),
    methods="Picks were compared with a reference set, one to one within a radius.",
    on_item=_on_item,
)
