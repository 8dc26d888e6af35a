"""The job type that joins, intersects and subtracts sets of particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import model_validator

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.core.words import counted
from vitreous.jobs.export_files import read_table
from vitreous.jobs.particle_sets import BATCH, PARTICLE_SET, particles_by_input, write_set
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Runner, SetRunner, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable


class CombineParticlesParams(Params):
    """How sets of particles are combined, and when two particles are the same."""

    how: Literal["union", "intersection", "difference"] = parameter(
        "union",
        help="union: the particles of all sets, each once; intersection: those that are in all sets, or in enough; "
        "difference: those of the first set that are in no other",
    )
    at_least: int | None = parameter(
        None, help="of an intersection: in how many of the sets a particle must be; in all unless given", ge=1
    )
    radius: float | None = parameter(
        None,
        help="particles of two sets are the same where they lie within this of each other on a micrograph, after their "
        "alignment; unless given, where they were picked at the same place, or have the same image",
        unit="Å",
        gt=0,
    )
    micrograph_pixel_size: float | None = parameter(
        None,
        help="pixel size of the micrographs that the coordinates are counted in; the tables' unless given",
        unit="Å",
        level="advanced",
        gt=0.01,
        lt=1000,
    )

    @model_validator(mode="after")
    def _counts_in_an_intersection(self) -> CombineParticlesParams:
        if self.at_least is not None and self.how != "intersection":
            raise ValueError(f"at_least counts the sets of an intersection, and this is a {self.how}")
        return self


def combined(
    tables: Sequence[ParticleTable], params: CombineParticlesParams, names: Sequence[str]
) -> tuple[ParticleTable, list[str]]:
    """One table of several.

    A particle that is in several sets keeps the row of the first: its image, and its alignment. Rows are in the order
    of the first set, then of what the second adds, and so on.

    Args:
        tables: the sets.
        params: how.
        names: of the sets, for errors.

    Returns:
        The table, and sentences on what is to be known of it.

    Raises:
        UsageError: particles are to be in more sets than there are; nothing says which particles are the same.
    """
    from vitreous.model.particles import joined

    needed = len(tables) if params.at_least is None else params.at_least
    if needed > len(tables):
        raise UsageError(
            f"particles are to be in {needed} sets, and there are {len(tables)}", hint="Lower at_least, or add sets"
        )
    if params.radius is None:
        members = _members(_same_keys(tables, names))
    else:
        members = _near_members(tables, params.radius, params.micrograph_pixel_size, names)
    there = members >= 0
    match params.how:
        case "union":
            chosen = there.any(axis=1)
        case "intersection":
            chosen = there.sum(axis=1) >= needed
        case "difference":
            chosen = there[:, 0] & ~there[:, 1:].any(axis=1)
    first = np.argmax(there[chosen], axis=1)
    offsets = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    result = joined(tables).take(offsets[first] + members[chosen, first])
    return result, _notes(tables, members, result)


def _notes(tables: Sequence[ParticleTable], members: np.ndarray, result: ParticleTable) -> list[str]:
    twice = sum(len(table) for table in tables) - int((members >= 0).sum())
    notes = [f"{counted(twice, 'row')} named a particle of the same set once more: left out"] if twice else []
    for name, words in (("pixel_size", "pixel sizes of {} Å"), ("box_size", "boxes of {} px")):
        values = np.unique(result[name][result.known(name)]) if name in result else np.zeros(0)
        if len(values) > 1:
            shown = words.format(" and ".join(f"{value:g}" for value in values[:4]))
            notes.append(f"the particles have {shown}: extract them anew before they are classified together")
    return notes


def _members(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Row in each table of each distinct key, ``[n, tables]``, -1 where it has none; in the order of appearance."""
    everything = np.concatenate(keys)
    _, first, place = np.unique(everything, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    members = np.full((len(first), len(keys)), -1, np.int64)
    start = 0
    for number, own in enumerate(keys):
        at = rank[place[start : start + len(own)]]
        members[at[::-1], number] = np.arange(len(own))[::-1]  # of rows with one key the first counts
        start += len(own)
    return members


def _same_keys(tables: Sequence[ParticleTable], names: Sequence[str]) -> list[np.ndarray]:
    """What tells particles apart in all the tables: their number, else the place of picking, else their image."""
    from vitreous.model.particles import particle_uids

    filled = [table for table in tables if len(table)]
    if all(_has(table, "uid") for table in filled):
        return [np.asarray(table["uid"], np.int64) if len(table) else np.zeros(0, np.int64) for table in tables]
    if all(_has(table, "micrograph", "coordinate_x", "coordinate_y") for table in filled):
        return [
            particle_uids(table["micrograph"], table["coordinate_x"], table["coordinate_y"])
            if len(table)
            else np.zeros(0, np.int64)
            for table in tables
        ]
    if all(_has(table, "image_stack", "image_index") for table in filled):
        return [_image_keys(table) for table in tables]
    lacking = [name for name, table in zip(names, tables, strict=True) if len(table) and not _has(table, "micrograph")]
    raise UsageError(
        "the tables do not tell which particles are the same: they have no common number, position or image"
        + (f" ({', '.join(lacking)}: no micrograph)" if lacking else ""),
        hint="Give tables of the same kind: all with coordinates, or all with images",
    )


def _has(table: ParticleTable, *columns: str) -> bool:
    return all(bool(table.known(name).all()) for name in columns)


def _image_keys(table: ParticleTable) -> np.ndarray:
    from vitreous.model.particles import by_unique

    if not len(table):
        return np.zeros(0, dtype=str)
    stacks = by_unique(table["image_stack"], lambda name: str(Path(name).resolve()))
    return np.array([f"{stack}\n{index}" for stack, index in zip(stacks, table["image_index"].tolist(), strict=True)])


def _near_members(
    tables: Sequence[ParticleTable], radius: float, pixel_size: float | None, names: Sequence[str]
) -> np.ndarray:
    """As ``_members``, of particles that lie within ``radius`` Å of each other."""
    from vitreous.algorithms.coordinates.consensus import consensus
    from vitreous.jobs.extract_coordinates import aligned_positions
    from vitreous.jobs.extract_sources import rows_by_name

    places = [
        aligned_positions(table, pixel_size, name) if len(table) else np.zeros((0, 2))
        for table, name in zip(tables, names, strict=True)
    ]
    rows = [rows_by_name(table["micrograph"]) if len(table) else {} for table in tables]
    nothing = np.zeros(0, np.int64)
    found = []
    for micrograph in dict.fromkeys(name for one in rows for name in one):
        own = [one.get(micrograph, nothing) for one in rows]
        near = consensus([place[at] for place, at in zip(places, own, strict=True)], radius).members
        for number, at in enumerate(own):
            there = near[:, number] >= 0
            near[there, number] = at[near[there, number]]
        found.append(near)
    members = np.concatenate(found) if found else np.zeros((0, len(tables)), np.int64)
    offsets = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    appearance = np.where(members >= 0, members + offsets, np.iinfo(np.int64).max).min(axis=1)
    return members[np.argsort(appearance)]


def _result(
    tables: Sequence[ParticleTable], params: CombineParticlesParams, names: Sequence[str], out: Path, root: Path | None
) -> Result:
    table, notes = combined(tables, params, names)
    if not len(table):
        counts = ", ".join(f"{name} {len(one)}" for name, one in zip(names, tables, strict=True))
        raise UsageError(
            f"the {params.how} of the sets is empty ({counts} particles)",
            hint="Where the sets were picked by different programs, give the radius within which particles are the "
            "same",
        )
    return {
        "outputs": write_set(table, None, out, root),
        "n_particles": len(table),
        "of_inputs": [len(one) for one in tables],
        "warnings": notes,
    }


def _start(params: CombineParticlesParams) -> Runner:
    """Each file is looked at by itself; they are combined when all have been read."""

    def run(path: Path, out: Path, progress: Progress) -> Result:
        if out.resolve() == path.parent.resolve():
            raise UsageError("the result would lie beside what it is made of", hint="Choose another --out")
        return {"outputs": {}, "n_particles": len(read_table(path))}

    return run


def _finish(params: CombineParticlesParams, results: list[Result], out: Path) -> Mapping[str, str]:
    failed = [result["input"] for result in results if "error" in result]
    if failed:
        raise UsageError(f"{failed[0]} could not be read: nothing is combined", hint="Correct or leave out the file")
    if len(results) < 2:
        raise UsageError("one table is given, and several are combined", hint="Name two files or more")
    names = [str(result["input"]) for result in results]
    found = _result([read_table(Path(name)) for name in names], params, names, out, None)
    told = {f"note {number}": text for number, text in enumerate(found["warnings"], 1)}
    return {"particles": f"{found['n_particles']:,}", **found["outputs"], **told}


def _on_set(params: CombineParticlesParams) -> SetRunner:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        tables = particles_by_input(items)
        names = [f"input {number}" for number in range(1, len(tables) + 1)]
        return _result(tables, params, names, out, Path.cwd())

    return run


_NEEDS = "particle_set|particles"

JOB = JobType(
    name="combine-particles",
    title="Combine particles",
    summary="Join sets of particles, keep what they have in common, or take one away from another.",
    params=CombineParticlesParams,
    start=_start,
    items="PARTICLES",
    example="vitreous combine-particles blob.star template.star --how union --radius 50 --out joined",
    columns={"n_particles": ("particles", ",d")},
    category="Particles",
    order=63,
    modes=("single-particle", "tomography"),
    scope="set",
    needs=(_NEEDS,),
    each=(_NEEDS,),
    gives=(PARTICLE_SET,),
    any_input=True,
    methods="Sets of particles were combined ({how}[radius: of particles within {radius} Å]).",
    on_set=_on_set,
    finish=_finish,
    together=True,
    batch=BATCH,
)
