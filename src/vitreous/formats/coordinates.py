"""Coordinates of picked particles, in the formats of several programs.

Inside, a position is the particle's centre in pixels of the unbinned micrograph, counted from 0; row 0 is y = 0, as MRC
files store it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.coordinates_cistem import read_cistem_text, write_cistem_text
from vitreous.formats.coordinates_csv import read_csv, write_csv
from vitreous.formats.coordinates_eman import read_eman_box, write_eman_box
from vitreous.formats.coordinates_names import bare_name, micrograph_of_file
from vitreous.formats.coordinates_relion import read_relion_coordinates
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import write_particle_star
from vitreous.model.particles import ParticleTable, is_known, joined, particle_uids

Format = Literal["relion-star", "eman-box", "cistem-text", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: Mapping[Format, tuple[str, ...]] = MappingProxyType(
    {
        "relion-star": (".star",), "eman-box": (".box",), "cistem-text": (".txt", ".coord", ".plt"),
        "csv": (".csv", ".tsv"), "parquet": (".parquet",),
    }
)  # fmt: skip
"""Format → suffixes of its files; the first is written."""


def read_coordinates(
    path: Path | str,
    *,
    format: Format | None = None,
    pixel_size: float | None = None,
    shape: tuple[int, int] | None = None,
    flip_y: bool = False,
) -> ParticleTable:
    """Read coordinates from one file, or from all files of the format in a folder and the folders in it.

    Args:
        path: a file or a folder.
        format: ``None``: by the file's suffix.
        pixel_size: Å of the micrograph; needed where the file counts in Å (cistem-text).
        shape: ``(ny, nx)`` of the micrograph, needed to turn y over.
        flip_y: the file counts y from the top row: ``y → ny - 1 - y``.

    Returns:
        ``micrograph`` (of the file's column, else of the file's name without ``_autopick`` and the like),
        ``coordinate_x``, ``coordinate_y``, ``uid`` and what else the file says (``pick_score`` …).

    Raises:
        DataError: the file can't be read as that format; no such files in the folder; a position that is not finite.
        UsageError: pixel size or shape is needed and not given; the format is not known.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, format, pixel_size, shape, flip_y)
    kind = format or format_of(path)
    if not path.exists():
        raise DataError(f"{path} is not there", hint="Check the path", path=str(path))
    table = _READERS[kind](path, pixel_size)
    if "micrograph" not in table:
        table = table.with_columns(micrograph=micrograph_of_file(path))
    return _finished(table, path, shape, flip_y)


def write_coordinates(
    path: Path | str,
    table: ParticleTable,
    format: Format,
    *,
    pixel_size: float | None = None,
    box: int | None = None,
    shape: tuple[int, int] | None = None,
    flip_y: bool = False,
) -> tuple[str, ...]:
    """Write coordinates; formats of one file per micrograph want a table of one micrograph (``per_micrograph``).

    Args:
        path: of the file.
        table: with ``coordinate_x`` and ``coordinate_y``.
        format: of ``FORMATS``.
        pixel_size: Å of the micrograph, for cistem-text.
        box: px, side of the box, for eman-box.
        shape, flip_y: as in ``read_coordinates``.

    Returns:
        What could not be said in this format, one sentence each.

    Raises:
        UsageError: pixel size, box or shape is needed and not given; several micrographs for a format of one.
    """
    path = Path(path)
    table = _turned(table, shape) if flip_y else table
    if format == "relion-star":
        return write_particle_star(path, table)
    if format == "parquet":
        write_particle_parquet(path, table)
        return ()
    if format == "csv":
        return write_csv(path, table)
    if format == "cistem-text":
        return write_cistem_text(path, table, pixel_size)
    if format == "eman-box":
        return write_eman_box(path, table, box)
    raise _unknown_format(format)


def per_micrograph(table: ParticleTable) -> dict[str, ParticleTable]:
    """The particles of each micrograph, in order of appearance."""
    import pandas as pd

    codes, names = pd.factorize(table["micrograph"], use_na_sentinel=False)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else []
    return {name: table.take(rows) for name, rows in zip(names.tolist(), parts, strict=True)}


def of_micrograph(tables: Mapping[str, ParticleTable], *names: str) -> ParticleTable | None:
    """The particles of the micrograph that has one of these names; ``None`` where there are none.

    Equal names come first; then names that are equal without what programs add to them (``_dw``, ``_autopick``,
    ``_patch_aligned_doseweighted``, a long number in front).

    Raises:
        DataError: several micrographs of the table could be meant.
    """
    for name in names:
        if name in tables:
            return tables[name]
    wanted = {bare_name(name) for name in names}
    found = [name for name in tables if name is not None and bare_name(name) in wanted]
    if len(found) > 1:
        raise DataError(
            f"the picks of {names[0]} may be those of {' or '.join(found[:4])}", hint="Give the files equal names"
        )
    return tables[found[0]] if found else None


def outside(table: ParticleTable, shape: tuple[int, int]) -> np.ndarray:
    """Mask ``[n]`` of the particles whose centre is not on the micrograph of ``(ny, nx)`` pixels."""
    x, y = table["coordinate_x"], table["coordinate_y"]
    return ~((x >= -0.5) & (y >= -0.5) & (x <= shape[1] - 0.5) & (y <= shape[0] - 0.5))


def outside_sentence(table: ParticleTable, shape: tuple[int, int]) -> str | None:
    """How many particles lie outside the micrograph, and where the first is; ``None`` where all lie on it."""
    rows = np.flatnonzero(outside(table, shape))
    if not len(rows):
        return None
    x, y = table["coordinate_x"][rows[0]], table["coordinate_y"][rows[0]]
    return (
        f"{len(rows)} of {len(table)} positions lie outside the micrograph of {shape[1]} × {shape[0]} px, "
        f"the first at ({x:.1f}, {y:.1f}) px"
    )


def format_of(path: Path) -> Format:
    """The format by the file's suffix."""
    for name, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return name
    raise _unknown_format(path.suffix or path.name)


def _unknown_format(name: str) -> UsageError:
    return UsageError(f"coordinates of format {name!r} are not known", hint=f"Formats: {', '.join(FORMATS)}")


def _read_folder(
    folder: Path, format: Format | None, pixel_size: float | None, shape: tuple[int, int] | None, flip_y: bool
) -> ParticleTable:
    files = coordinate_files(folder, format)
    if not files:
        suffixes = ", ".join(s for name in ([format] if format else FORMATS) for s in SUFFIXES[name])
        raise DataError(f"{folder}: no files of coordinates ({suffixes})", hint="Check the folder", path=str(folder))
    return joined([
        read_coordinates(file, format=format, pixel_size=pixel_size, shape=shape, flip_y=flip_y) for file in files
    ])  # fmt: skip


def coordinate_files(folder: Path, format: Format | None = None) -> list[Path]:
    """The files of coordinates in a folder and the folders in it, sorted."""
    wanted = {suffix for name in ([format] if format else FORMATS) for suffix in SUFFIXES[name]}
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in wanted and file.is_file())


def _finished(table: ParticleTable, path: Path, shape: tuple[int, int] | None, flip_y: bool) -> ParticleTable:
    for name in ("coordinate_x", "coordinate_y"):
        wrong = ~np.isfinite(table[name])
        if wrong.any():
            raise DataError(
                f"{path}: {name} of particle {np.argmax(wrong) + 1} is not finite ({wrong.sum()} such)",
                hint="Correct the file",
                path=str(path),
            )
    table = _turned(table, shape) if flip_y else table
    if "uid" not in table or not is_known(table["uid"]).all():
        names = np.where(is_known(table["micrograph"]), table["micrograph"], "")
        table = table.with_columns(uid=particle_uids(names, table["coordinate_x"], table["coordinate_y"]))
    return table


def _turned(table: ParticleTable, shape: tuple[int, int] | None) -> ParticleTable:
    if shape is None:
        raise UsageError("turning y over needs the micrograph's height", hint="Give the shape of the micrograph")
    return table.with_columns(coordinate_y=shape[0] - 1 - table["coordinate_y"])


def _parquet(path: Path, pixel_size: float | None) -> ParticleTable:
    return read_particle_parquet(path)


_READERS: Mapping[str, Callable[[Path, float | None], ParticleTable]] = MappingProxyType(
    {
        "relion-star": read_relion_coordinates,
        "eman-box": read_eman_box,
        "cistem-text": read_cistem_text,
        "csv": read_csv,
        "parquet": _parquet,
    }
)
