"""Join the particles of many micrographs into one stack and one table."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError
from vitreous.jobs.extract_params import ExtractParams
from vitreous.jobs.extract_sources import read_book
from vitreous.model.particles import ParticleTable, joined, micrograph_name
from vitreous.workflow.job_type import Result

if TYPE_CHECKING:
    from vitreous.formats.mrc_write import MrcStackWriter

PARTS = ".particles"
"""Folder, below that of the outputs, of what waits for being joined."""
_NAMED = 5


def parts_folder(params: ExtractParams, out: Path) -> Path:
    """Where a micrograph's own stack and table are written."""
    return out / "particles" if params.per_micrograph else out / PARTS


def join_particles(params: ExtractParams, results: Sequence[Result], out: Path) -> Mapping[str, str]:
    """Write ``particles.star``, ``particles.parquet`` and, unless each micrograph keeps its stack, ``particles.mrcs``.

    Images of several sizes (micrographs of several pixel sizes) go to a stack each, ``particles_128px.mrcs``.

    Returns:
        name → path of what was written, then sentences: why this box, and what was given and not used.

    Raises:
        DataError: there is no particle at all.
    """
    folder = parts_folder(params, out)
    try:
        good = [result for result in results if "error" not in result and result["particles_extracted"]]
        if not good:
            raise DataError(
                f"no particle was extracted from {len(results)} micrographs",
                hint="The lines above say why; picks are matched by the micrograph's file name",
            )
        tables = [_part(result, folder) for result in good]
        written: dict[str, str] = {}
        if not params.per_micrograph:
            tables, written = _in_one_stack(tables, good, out, params)
    finally:
        if not params.per_micrograph:
            shutil.rmtree(folder, ignore_errors=True)
    return {**written, **_write_tables(joined(tables), out), **_sentences(params, results, good)}


def _part(result: Result, folder: Path) -> ParticleTable:
    from vitreous.formats.particle_parquet import read_particle_parquet

    return read_particle_parquet(folder / f"{micrograph_name(result['input'])}_particles.parquet")


def _in_one_stack(
    tables: list[ParticleTable], results: list[Result], out: Path, params: ExtractParams
) -> tuple[list[ParticleTable], dict[str, str]]:
    """Copy the images, and name their new places in the tables."""
    from vitreous.formats.mrc_write import MrcStackWriter

    by_size: dict[int, list[int]] = defaultdict(list)
    for number, result in enumerate(results):
        by_size[result["image_size"]].append(number)
    moved, written = list(tables), {}
    for size, numbers in by_size.items():
        stack = out / ("particles.mrcs" if len(by_size) == 1 else f"particles_{size}px.mrcs")
        sizes = [results[number]["pixel_size"] for number in numbers]
        with MrcStackWriter(stack, (size, size), params.number_format, pixel_size=float(np.median(sizes))) as writer:
            for number in numbers:
                moved[number] = _appended(writer, tables[number], stack)
        written["stack" if len(by_size) == 1 else f"stack of {size} px"] = str(stack)
    return moved, written


def _appended(writer: MrcStackWriter, table: ParticleTable, stack: Path) -> ParticleTable:
    from vitreous.formats.images import open_images

    start = writer.n_frames
    with open_images(table["image_stack"][0]) as file:
        for frame in file.frames():
            writer.append(frame)
    return table.with_columns(image_stack=str(stack.absolute()), image_index=start + np.arange(len(table)))


def _write_tables(table: ParticleTable, out: Path) -> dict[str, str]:
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star

    star, parquet = out / "particles.star", out / "particles.parquet"
    write_particle_star(star, table.without_columns("uid", "pick_power", "pick_source", "votes"))
    stacks = np.array([_beside(str(stack), out) for stack in table["image_stack"]], dtype=object)
    write_particle_parquet(parquet, table.with_columns(image_stack=stacks))
    return {"star": str(star), "table": str(parquet)}


def _beside(stack: str, folder: Path) -> str:
    """The bare name of a stack that lies beside its table, so that both can be moved together."""
    path = Path(stack)
    return path.name if path.parent.absolute() == folder.absolute() else str(path.absolute())


def _sentences(params: ExtractParams, results: Sequence[Result], good: Sequence[Result]) -> dict[str, str]:
    """Why this box, mixed sizes, and particles whose micrographs were not given."""
    found = {"box": "; ".join(dict.fromkeys(result["box_reason"] for result in good))}
    kinds = dict.fromkeys((result["image_size"], round(result["pixel_size"], 5)) for result in good)
    if len(kinds) > 1:
        told = ", ".join(f"{size} px of {pixel:g} Å" for size, pixel in kinds)
        found["mixed"] = f"images differ ({told}): each optics group has its own, and 2D classification takes one kind"
    book = params.picks or params.particles
    left = [] if book is None else read_book(book).others(micrograph_name(result["input"]) for result in results)
    if left:
        shown = ", ".join(left[:_NAMED]) + (" …" if len(left) > _NAMED else "")
        found["not used"] = f"picks of {len(left)} micrographs that were not given: {shown}"
    return found
