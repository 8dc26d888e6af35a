"""The job type that keeps what several pickers agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.pick_files import (
    kept_picks,
    pick_figures,
    picks_of,
    picks_slot,
    points,
    radius_in_px,
    read_picks,
    write_picks,
)
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, Runner, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable


class ConsensusParams(Params):
    """How many pickers must agree, and how nearly."""

    votes: int = parameter(2, help="pickers that must have chosen a particle", ge=1)
    radius: float | None = parameter(
        None,
        help="picks of one particle lie within this of each other; half of the diameter unless given",
        unit="px",
        gt=0,
    )
    diameter: float | None = parameter(
        None, help="diameter of the particle", unit="Å", inherits=True, gt=0, level="advanced"
    )
    pixel_size: float | None = parameter(
        None, help="pixel size of the micrographs", unit="Å", inherits=True, gt=0, level="advanced"
    )


def consensus_of(
    tables: Sequence[ParticleTable], votes: int, radius: float, micrograph: str
) -> tuple[ParticleTable, dict[str, Any]]:
    """Places that pickers chose on one micrograph; ``kept`` are those with enough votes.

    Args:
        tables: kept picks of each picker.
        votes: pickers that must agree.
        radius: px.
        micrograph: name of the exposure.

    Returns:
        The table: positions are means over the pickers, scores and powers those of the first picker that knows them
        (scores of different pickers can't be compared); and figures: ``consensus_fraction`` (share of the places
        that is kept), ``by_votes`` (places by number of votes), ``spread`` (median greatest distance of the picks of a
        kept place, px).

    Raises:
        UsageError: more votes are asked for than there are pickers.
    """
    from vitreous.algorithms.coordinates.consensus import consensus
    from vitreous.model.particles import ParticleTable, particle_uids

    if votes > len(tables):
        raise UsageError(f"{votes} votes of {len(tables)} pickers", hint="Ask for as many votes as inputs, or fewer")
    found = consensus([points(table) for table in tables], radius)
    x, y = found.positions.T
    n = len(x)
    names = np.full(n, micrograph, dtype=object)
    columns = {
        "uid": particle_uids(names, x, y),
        "micrograph": names,
        "coordinate_x": x,
        "coordinate_y": y,
        "pick_score": _first_known(tables, found.members, "pick_score"),
        "pick_power": _first_known(tables, found.members, "pick_power"),
        "pick_source": np.full(n, "consensus", dtype=object),
        "votes": found.votes,
        "kept": (found.votes >= votes).astype(np.int64),
    }
    path = next((table["micrograph_path"][0] for table in tables if "micrograph_path" in table and len(table)), None)
    if path is not None:
        columns["micrograph_path"] = np.full(n, path, dtype=object)
    kept = found.agreed(votes)
    counts = np.bincount(found.votes, minlength=len(tables) + 1)[1:].tolist()
    figures = {
        "consensus_fraction": round(len(kept) / n, 4) if n else None,
        "by_votes": counts,
        "spread": round(float(np.median(found.spread[kept])), 2) if len(kept) else None,
    }
    return ParticleTable(columns), figures


def _first_known(tables: Sequence[ParticleTable], members: np.ndarray, name: str) -> np.ndarray:
    found = np.full(len(members), np.nan)
    for number, table in enumerate(tables):
        rows = members[:, number]
        there = (rows >= 0) & np.isnan(found)
        if name in table:
            found[there] = table[name][rows[there]]
    return found


def _on_item(params: ConsensusParams) -> ItemRunner:
    radius = radius_in_px(params.radius, params.diameter, params.pixel_size)

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        tables = [kept_picks(picks_of(item, slots.get("picks"))) for slots in item.by_input]
        table, figures = consensus_of(tables, params.votes, radius, item.name)
        outputs = write_picks(table, out, f"{item.name}_picks")
        picked = [len(one) for one in tables]
        return {"outputs": outputs, **pick_figures(table, None), **figures, "picked": picked, "radius": radius}

    return run


def _start(params: ConsensusParams) -> Runner:
    """Each file is looked at by itself; what they agree on is found when all have been read."""
    radius_in_px(params.radius, params.diameter, params.pixel_size)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.coordinates import per_micrograph

        table = kept_picks(read_picks(path))
        return {"outputs": {}, "picks_found": len(table), "micrographs": len(per_micrograph(table))}

    return run


def _finish(params: ConsensusParams, results: list[Result], out: Path) -> Mapping[str, str]:
    from vitreous.core.plain import to_json
    from vitreous.formats.base import write_text
    from vitreous.formats.coordinates import per_micrograph
    from vitreous.model.particles import joined

    failed = [result["input"] for result in results if "error" in result]
    if failed:
        raise UsageError(f"{failed[0]} could not be read: no consensus is found", hint="Correct or leave out the file")
    if len(results) < 2:
        raise UsageError("consensus takes the picks of several pickers, one is given", hint="Name two files or more")
    radius = radius_in_px(params.radius, params.diameter, params.pixel_size)
    pickers = [per_micrograph(kept_picks(read_picks(Path(result["input"])))) for result in results]
    names = list(dict.fromkeys(name for picker in pickers for name in picker))
    tables, micrographs = [], []
    for name in names:
        nothing = next(picker[name] for picker in pickers if name in picker).take(slice(0, 0))
        table, figures = consensus_of([picker.get(name, nothing) for picker in pickers], params.votes, radius, name)
        tables.append(table)
        micrographs.append({"micrograph": name, "picks_found": int(table["kept"].sum()), **figures})
    if not tables:
        raise UsageError("none of the files holds a pick", hint="Give the picks of several pickers")
    written = write_picks(joined(tables), out, "picks")
    report = out / "consensus.json"
    found = {
        "inputs": [result["input"] for result in results], "votes": params.votes, "radius": radius,
        "picks_found": sum(one["picks_found"] for one in micrographs), "micrographs": micrographs,
    }  # fmt: skip
    write_text(report, to_json(found, indent=2) + "\n")
    return {"picks": written["star"], "all places": written["picks"], "report": str(report)}


JOB = JobType(
    name="consensus",
    title="Consensus of pickers",
    summary="Keep the particles that enough of several pickers chose at the same place.",
    params=ConsensusParams,
    start=_start,
    items="PICKS",
    example="vitreous consensus blob.star template.star other.star --votes 2 --radius 50 --out consensus",
    columns={"picks_found": ("picks", "d"), "micrographs": ("micrographs", "d")},
    category="Particles",
    order=56,
    modes=("single-particle", "tomography"),
    needs=("picks",),
    each=("picks",),
    gives=(picks_slot(consensus_fraction="consensus_fraction"),),
    methods="Particles that at least {votes} pickers chose were kept.",
    on_item=_on_item,
    finish=_finish,
    together=True,
)
