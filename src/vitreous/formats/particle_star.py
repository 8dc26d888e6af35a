"""Particles in RELION's STAR files: 3.0 (one table), 3.1 to 5 (optics groups and particles)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vitreous.formats.relion_columns import (
    MANUAL_SCORE,
    TEXT_LABELS,
    from_relion,
    is_numeric,
    pixel_sizes_of_magnification,
    without_optics,
)
from vitreous.formats.relion_write import relion_blocks
from vitreous.formats.stack_paths import located_all
from vitreous.formats.star import read_star, write_star
from vitreous.formats.star_block import StarBlock, star_error
from vitreous.model.particles import ParticleTable, by_unique, micrograph_name

_BLOCKS = ("particles", "", "images", "coordinates")
_HINT = "Give a STAR file of particles or coordinates, such as RELION's particles.star"


def read_particle_star(path: Path | str) -> ParticleTable:
    """Read a STAR file of particles or of picked coordinates, of RELION 3.0, 3.1, 4 or 5.

    Optics groups are merged into the particles. ``micrograph`` is the name without folder and suffix,
    ``micrograph_path`` what the file says; ``image_stack`` is a file that was found from the working folder, the
    STAR's folder or those around it (else it stays as written), ``image_index`` counts from 0. Origins are in Å, in
    files of RELION 3.0 too. Labels that the column registry does not have stay columns of their own name.

    Raises:
        DataError: no table of particles, an optics group that is missing, an image name that is none, origins in
            pixels of unknown size.
    """
    path = Path(path)
    blocks = read_star(path)
    block = _particle_block(blocks, str(path))
    labels = block.parsed(TEXT_LABELS)
    if "optics" in blocks:
        labels = _merged(labels, blocks["optics"].parsed(TEXT_LABELS), str(path))
    elif not ("rlnImagePixelSize" in labels and "rlnOpticsGroup" in labels):
        labels = pixel_sizes_of_magnification(labels, image="rlnImageName" in labels)
    _check_numbers(labels, block)
    columns = from_relion(labels, str(path))
    if "image_stack" in columns:
        columns["image_stack"] = located_all(columns["image_stack"], path)
    if "micrograph_path" in columns:
        columns["micrograph"] = by_unique(columns["micrograph_path"], micrograph_name)
    if "pick_score" in columns:
        score = columns["pick_score"].astype(np.float64)
        columns["pick_score"] = np.where(score == MANUAL_SCORE, np.nan, score)
    return ParticleTable(columns)


def write_particle_star(path: Path | str, table: ParticleTable, *, image_root: Path | None = None) -> tuple[str, ...]:
    """Write particles as RELION 3.1 reads them: ``data_optics`` and ``data_particles``, whole or not at all.

    Args:
        path: of the STAR file.
        table: particles or picks. Optics groups are made of the distinct values of microscope, pixel size, box and
            aberrations; numbers and names of groups are kept where they tell the groups apart.
        image_root: folder that image files are named relative to (that in which RELION will run); ``None``: the
            STAR's own folder.

    Returns:
        What could not be said in this format, one sentence each.

    Raises:
        DataError: positions, image, defocus or pixel size are known for some of the particles only.
    """
    path = Path(path)
    blocks, losses = relion_blocks(table, (image_root or path.parent).absolute())
    write_star(path, blocks)
    return losses


def _particle_block(blocks: Mapping[str, StarBlock], origin: str) -> StarBlock:
    for name in _BLOCKS:
        if name in blocks and blocks[name].loop:
            return blocks[name]
    for block in blocks.values():
        if "rlnImageName" in block or "rlnCoordinateX" in block:
            return block
    raise star_error(origin, f"no table of particles; its blocks: {', '.join(blocks) or 'none'}", _HINT)


def _merged(labels: dict[str, np.ndarray], optics: dict[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """Columns of the particles with those of their optics group; where both have one, the group's counts."""
    numbers = optics.get("rlnOpticsGroup")
    if numbers is None:
        raise star_error(origin, "data_optics has no column rlnOpticsGroup", "Check the program that wrote it")
    if len(set(numbers.tolist())) < len(numbers):
        raise star_error(origin, f"data_optics numbers a group twice: {numbers.tolist()}", "Give each its number")
    if "rlnOpticsGroup" not in labels:
        if len(numbers) != 1:
            raise star_error(
                origin, f"there are {len(numbers)} optics groups but the particles name none", "Add rlnOpticsGroup"
            )
        n = len(next(iter(labels.values()), ()))
        labels = {**labels, "rlnOpticsGroup": np.full(n, numbers[0])}
    group = labels["rlnOpticsGroup"]
    order = np.argsort(numbers)
    place = np.searchsorted(numbers, group, sorter=order).clip(max=max(len(numbers) - 1, 0))
    rows = order[place] if len(numbers) else place
    wrong = np.flatnonzero(numbers[rows] != group) if len(numbers) else np.arange(len(group))
    if len(wrong):
        raise star_error(
            origin,
            f"particle {wrong[0] + 1} is of optics group {group[wrong[0]]}, which data_optics does not have",
            "Add the group, or correct the particles",
        )
    return {**labels, **{name: values[rows] for name, values in without_optics(optics).items()}}


def _check_numbers(labels: Mapping[str, np.ndarray], block: StarBlock) -> None:
    """Known numeric columns that hold text: the block's own error names the row."""
    for name, values in labels.items():
        if values.dtype.kind == "O" and name in block and is_numeric(name) and len(values):
            block.numbers(name)
