"""What an export reads and prepares: tables of any program, images in one stack, centres, shapes of micrographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import UsageError, VitreousError

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

TABLES: Mapping[str, str] = MappingProxyType(
    {"relion": "star", "cryosparc": "cs", "cistem": "star", "csv": "csv", "parquet": "parquet"}
)
"""Format of particles → suffix of its table."""


def read_table(path: Path) -> ParticleTable:
    """Particles or coordinates of a file of any program that is read.

    Raises:
        UsageError: another kind of file. DataError: it can't be read.
    """
    from vitreous.formats.coordinates import read_coordinates
    from vitreous.formats.cryosparc_particles import read_cryosparc_particles
    from vitreous.formats.particle_cistem import is_cistem, read_cistem_particles
    from vitreous.formats.particle_parquet import read_particle_parquet
    from vitreous.formats.particle_star import read_particle_star

    suffix = path.suffix.lower()
    if suffix == ".cs":
        return read_cryosparc_particles(path)
    if suffix == ".parquet":
        return read_particle_parquet(path)
    if suffix in (".box", ".csv", ".tsv"):
        return read_coordinates(path)
    if suffix != ".star":
        raise UsageError(
            f"{path}: no table of particles by its name", hint="Give a .star, .parquet, .cs, .box or .csv file"
        )
    if path.exists() and is_cistem(path):
        return read_cistem_particles(path)
    table = read_particle_star(path)
    # RELION's file of one micrograph is named as it, and its lists name further files.
    return table if "image_stack" in table or "micrograph" in table else read_coordinates(path)


def with_pixel_size(table: ParticleTable, pixel_size: float | None) -> ParticleTable:
    """The table with the micrographs' pixel size where it does not say it."""
    if pixel_size is None:
        return table
    known, own = table.known("micrograph_pixel_size"), table.get("micrograph_pixel_size")
    return table.with_columns(micrograph_pixel_size=np.where(known, 0.0 if own is None else own, pixel_size))


def centres(table: ParticleTable) -> ParticleTable:
    """Coordinates alone, each where the shifts of its alignment say that the particle is."""
    from vitreous.jobs.extract_coordinates import ExtractCoordinatesParams, true_positions

    moved = true_positions(table, ExtractCoordinatesParams(), "the particles")
    names = ("micrograph", "micrograph_path", "micrograph_pixel_size", "coordinate_x", "coordinate_y", "pick_score")
    return moved.without_columns(*(name for name in moved.columns if name not in names))


def eman_box(table: ParticleTable, given: int | None) -> int:
    """Side of EMAN's boxes, px of the micrograph: as given, else as wide as the particles' images.

    Raises:
        UsageError: neither is known.
    """
    if given is not None:
        return given
    if "image_stack" not in table and table.known("box_size").all() and len(table):
        return int(table["box_size"][0])  # boxes of the micrograph, of an EMAN file
    widths = (table.get("box_size"), table.get("pixel_size"), table.get("micrograph_pixel_size"))
    if any(width is None for width in widths) or not len(table):
        raise UsageError("the side of the boxes is not known", hint="Give --box in px of the micrograph")
    size, pixel, whole = (float(width[0]) for width in widths if width is not None)
    return round(size * pixel / whole)


def shapes_of_micrographs(table: ParticleTable) -> np.ndarray | None:
    """``(ny, nx)`` of each particle's micrograph, ``[n, 2]``, from their headers; ``None`` unless all can be read."""
    from vitreous.formats.images import open_images

    names = table.get("micrograph_path")
    if names is None or not len(table) or not table.known("micrograph_path").all():
        return None
    found: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys(names.tolist()):
        try:
            with open_images(Path(name)) as file:
                found[name] = file.header.shape
        except VitreousError:
            return None
    return np.array([found[name] for name in names.tolist()])


def copied_stack(table: ParticleTable, stack: Path, *, invert: bool) -> ParticleTable:
    """Copy the images of a table to one stack in its order; with ``invert`` their sign is changed.

    Raises:
        DataError: an image is missing, or boxes or pixel sizes are mixed.
    """
    from vitreous.formats.images import open_images
    from vitreous.formats.mrc_write import MrcStackWriter
    from vitreous.formats.particle_images import check_particle_images

    if not len(table):
        return table
    check_particle_images(table)
    stacks, index = table["image_stack"], table["image_index"].astype(np.int64)
    with open_images(Path(stacks[0])) as file:
        shape = file.header.shape
    size = float(table["pixel_size"][0]) if table.known("pixel_size").all() else None
    with MrcStackWriter(stack, shape, "float32", pixel_size=size) as writer:
        # Runs of one stack in the table's order: a table of an extraction opens each file once.
        ends = np.flatnonzero(np.r_[stacks[1:] != stacks[:-1], True]) + 1
        for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
            with open_images(Path(stacks[start])) as file:
                for place in index[start:end].tolist():
                    image = file.frame(place).astype(np.float32, copy=False)
                    writer.append(-image if invert else image)
    return table.with_columns(image_stack=str(stack.absolute()), image_index=np.arange(len(table)))
