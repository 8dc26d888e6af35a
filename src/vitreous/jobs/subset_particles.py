"""The job type that takes a part of a set of particles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import field_validator

from vitreous.core.errors import UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.export_files import read_table
from vitreous.jobs.particle_sets import (
    BATCH,
    PARTICLE_SET,
    one_table,
    particle_keys,
    particles_of,
    write_set,
)
from vitreous.workflow.chance import chance
from vitreous.workflow.expression import parse
from vitreous.workflow.job_type import ItemInput, JobType, Params, Result, Runner, SetRunner, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable
    from vitreous.workflow.expression_nodes import Kind


class SubsetParticlesParams(Params):
    """Which particles are taken; conditions come first, then the draw."""

    where: str | None = parameter(
        None,
        help="what a particle must meet, such as max_probability > 0.5 and class_number in (1, 4)",
        max_length=4000,
    )
    fraction: float | None = parameter(
        None,
        help="random part; a larger one holds the smaller, and it stays as the set grows",
        unit="fraction",
        gt=0,
        le=1,
    )
    number: int | None = parameter(None, help="so many at random; a larger number holds the smaller", ge=1)
    seed: int = parameter(0, help="another seed draws others", level="advanced", ge=0)
    invert: bool = parameter(False, help="take those that would be left out: the other part of a split")

    @field_validator("where")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            parse(value)  # its UsageError shows the place
        return value


def chosen(table: ParticleTable, params: SubsetParticlesParams) -> np.ndarray:
    """Mask ``[n]`` of the particles that are taken.

    A condition on what is unknown of a particle leaves it out.

    Raises:
        UsageError: the condition names a column that the particles do not have.
    """
    taken = np.ones(len(table), dtype=bool) if params.where is None else _meeting(table, params.where)
    if params.fraction is not None or params.number is not None:
        rows = np.flatnonzero(taken)
        drawn = np.array([chance(str(key), params.seed) for key in particle_keys(table.take(rows)).tolist()])
        if params.fraction is not None:
            taken[rows[drawn >= params.fraction]] = False
        if params.number is not None:
            last = np.argsort(drawn, kind="stable")[params.number :]
            taken[rows[last]] = False
    return ~taken if params.invert else taken


def _meeting(table: ParticleTable, condition: str) -> np.ndarray:
    expression = parse(condition, _kinds(table))
    return np.array([expression.evaluate(row) is True for row in _rows(table, sorted(expression.columns))], dtype=bool)


def _kinds(table: ParticleTable) -> dict[str, Kind]:
    return {name: "text" if values.dtype.kind == "O" else "number" for name, values in table.columns.items()}


def _rows(table: ParticleTable, names: list[str]) -> Iterator[dict[str, object]]:
    if not names:
        yield from ({} for _ in range(len(table)))
    for values in zip(*(table[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _result(table: ParticleTable, params: SubsetParticlesParams, out: Path, root: Path | None) -> Result:
    mask = chosen(table, params)
    if not mask.any():
        raise UsageError(f"none of {len(table):,} particles is taken", hint="Loosen the condition, or draw more")
    return {
        "outputs": write_set(table.take(mask), table.take(~mask), out, root),
        "n_particles": len(table),
        "n_kept": int(mask.sum()),
        "n_rejected": int((~mask).sum()),
    }


def _start(params: SubsetParticlesParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        if out.resolve() == path.parent.resolve():
            raise UsageError("the chosen particles would take the place of all", hint="Choose another --out")
        return _result(read_table(path), params, out, None)

    return run


def _on_set(params: SubsetParticlesParams) -> SetRunner:
    def run(items: list[ItemInput], out: Path, progress: Progress) -> Result:
        return _result(particles_of(items), params, out, Path.cwd())

    return run


JOB = JobType(
    name="subset-particles",
    title="Subset of particles",
    summary="Take the particles that meet a condition, or a random part of them, and set the others aside.",
    params=SubsetParticlesParams,
    start=_start,
    items="PARTICLES",
    example='vitreous subset-particles particles.star --where "max_probability > 0.5" --out subset',
    columns={"n_kept": ("particles", ",d"), "n_rejected": ("rejected", ",d")},
    category="Particles",
    order=64,
    modes=("single-particle", "tomography"),
    scope="set",
    needs=("particle_set|particles",),
    gives=(PARTICLE_SET,),
    methods="A subset of the particles was taken[where: (those with {where})][fraction: (a random part of {fraction})]"
    "[number: ({number} at random)].",
    on_set=_on_set,
    expand=one_table,
    batch=BATCH,
)
