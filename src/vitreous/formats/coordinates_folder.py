"""Coordinates in a file for each micrograph, as programs look for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.formats.coordinates import per_micrograph, write_coordinates
from vitreous.formats.relion_write import relative_name
from vitreous.formats.star import write_star
from vitreous.formats.star_block import StarBlock
from vitreous.model.particles import ParticleTable

FolderFormat = Literal["relion-star", "eman-box"]
_ENDINGS: Mapping[FolderFormat, str] = MappingProxyType({"relion-star": "_autopick.star", "eman-box": ".box"})
RELION_LIST = "autopick.star"


def write_coordinate_folder(
    folder: Path, table: ParticleTable, format: FolderFormat, *, box: int | None = None
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write ``NAME_autopick.star`` or ``NAME.box`` for each micrograph.

    RELION's files come with ``autopick.star``, the list of micrographs and their files that RELION 4 and later read.

    Args:
        folder: made where needed.
        table: positions, with the names of their micrographs.
        format: of the files.
        box: side of the boxes, px of the micrograph, for eman-box.

    Returns:
        Micrograph → file (and the list under its own name), and what could not be said, one sentence each.

    Raises:
        UsageError: positions without a micrograph, or no box for eman-box.
    """
    if len(table) and not table.known("micrograph").all():
        raise UsageError("the positions name no micrograph", hint="Give positions that say where they were picked")
    folder.mkdir(parents=True, exist_ok=True)
    files, losses = {}, dict[str, None]()
    for name, part in (per_micrograph(table) if len(table) else {}).items():
        files[name] = folder / f"{name}{_ENDINGS[format]}"
        losses |= dict.fromkeys(write_coordinates(files[name], part, format, box=box))
    if format == "relion-star" and files:
        files[RELION_LIST] = folder / RELION_LIST
        _write_list(table, {name: file for name, file in files.items() if name != RELION_LIST}, files[RELION_LIST])
    return files, tuple(losses)


def _write_list(table: ParticleTable, files: Mapping[str, Path], path: Path) -> None:
    column = "micrograph_path" if "micrograph_path" in table else "micrograph"
    names, first = np.unique(table["micrograph"].astype(str), return_index=True)
    place = dict(zip(names.tolist(), table[column][first].tolist(), strict=True))
    root = path.parent.absolute()
    rows = {
        "rlnMicrographName": np.array([place[name] for name in files], dtype=object),
        "rlnMicrographCoordinates": np.array([relative_name(str(file), root) for file in files.values()], dtype=object),
    }
    write_star(path, {"coordinate_files": StarBlock(rows)})
