"""EMAN's box files: the corner of each box and its size.

A line is ``x y width height`` and perhaps more. (x, y) is the corner nearest to the first pixel of the file, in pixels
from 0; y grows with the rows as the MRC file stores them (EMAN shows row 0 at the bottom: the lower left corner). The
centre is corner + size // 2, the box's own centre pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.base import write_text
from vitreous.formats.coordinates_text import number_of, plain_number, text_lines
from vitreous.model.particles import ParticleTable

_HINT = "Give an EMAN box file: x y width height in each line"


def read_eman_box(path: Path, pixel_size: float | None = None) -> ParticleTable:
    """Centres of the boxes, and their size as ``box_size`` where all have one size."""
    corners: list[list[float]] = []
    for line, text in text_lines(path, _HINT):
        words = text.replace(",", " ").split()
        if len(words) < 4:
            raise DataError(
                f"{path}: line {line} has {len(words)} values, not 4", hint=_HINT, path=str(path), line=line
            )
        names = ("x", "y", "width", "height")
        values = [number_of(word, path, line, name, _HINT) for word, name in zip(words, names, strict=False)]
        if values[2] <= 0 or values[3] <= 0:
            raise DataError(
                f"{path}: line {line}: a box of {values[2]:g} × {values[3]:g} px", hint=_HINT, path=str(path), line=line
            )
        corners.append(values)
    boxes = np.array(corners, dtype=np.float64).reshape(-1, 4)
    columns = {
        "coordinate_x": boxes[:, 0] + boxes[:, 2] // 2,
        "coordinate_y": boxes[:, 1] + boxes[:, 3] // 2,
    }
    table = ParticleTable(columns)
    sizes = np.unique(boxes[:, 2:])
    return table.with_columns(box_size=int(sizes[0])) if len(sizes) == 1 and sizes[0] % 1 == 0 else table


def write_eman_box(path: Path, table: ParticleTable, box: int | None) -> tuple[str, ...]:
    """Write boxes of one micrograph; corners have decimals only where the centres have."""
    if box is None or box < 1:
        raise UsageError("EMAN's box files need the side of the box", hint="Give the box in px of the micrograph")
    check_one_micrograph(table, "an EMAN box file")
    rows = [
        f"{plain_number(x - box // 2)}\t{plain_number(y - box // 2)}\t{box}\t{box}\n"
        for x, y in zip(table["coordinate_x"].tolist(), table["coordinate_y"].tolist(), strict=True)
    ]
    write_text(path, "".join(rows))
    return lost(table, "an EMAN box file", {"coordinate_x", "coordinate_y", "box_size", "micrograph"})


def check_one_micrograph(table: ParticleTable, what: str) -> None:
    """``UsageError`` where the table is of several micrographs."""
    names = table.get("micrograph")
    several = [] if names is None else list(dict.fromkeys(names.tolist()))
    if len(several) > 1:
        raise UsageError(
            f"{what} is of one micrograph, the particles are of {len(several)}", hint="Write a file for each"
        )


def lost(table: ParticleTable, what: str, said: set[str]) -> tuple[str, ...]:
    """The sentence on columns that a format can't say."""
    names = sorted(name for name in table.columns if name not in said | {"uid", "micrograph_path"})
    return (f"{what} has no place for {', '.join(names)}",) if names else ()
