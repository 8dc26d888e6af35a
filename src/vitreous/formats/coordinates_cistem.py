"""cisTEM's text of coordinates: ``image x y`` in each line, in Å.

``image`` is a number of the image or its file; x runs along the fast axis, y with the rows of the MRC file, both from
the centre of the first pixel. Position in px = position in Å / pixel size of the micrograph. Text after y is ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.base import write_text
from vitreous.formats.coordinates_eman import lost
from vitreous.formats.coordinates_text import number_of, text_lines
from vitreous.model.particles import ParticleTable, is_known, micrograph_name

_HINT = "Give cisTEM's text of coordinates: image x y in each line, in Å"
_NO_SIZE = "coordinates in Å need the micrograph's pixel size"


def read_cistem_text(path: Path, pixel_size: float | None = None) -> ParticleTable:
    """Positions in px; ``micrograph`` is the image's name, or its number as text."""
    if pixel_size is None or not pixel_size > 0:
        raise UsageError(f"{path}: {_NO_SIZE}", hint="Give the pixel size in Å", path=str(path))
    names: list[str] = []
    places: list[tuple[float, float]] = []
    for line, text in text_lines(path, _HINT):
        words = text.rsplit(maxsplit=2) if len(text.split()) == 3 else text.split()
        if len(words) < 3:
            raise DataError(
                f"{path}: line {line} has {len(words)} values, not 3", hint=_HINT, path=str(path), line=line
            )
        if not names and words[1].isalpha():
            continue  # a heading
        names.append(micrograph_name(words[0].strip("\"'")))
        places.append((number_of(words[1], path, line, "x", _HINT), number_of(words[2], path, line, "y", _HINT)))
    positions = np.array(places, dtype=np.float64).reshape(-1, 2) / pixel_size
    columns = {
        "micrograph": np.array(names, dtype=object),
        "coordinate_x": positions[:, 0],
        "coordinate_y": positions[:, 1],
    }
    return ParticleTable(columns).with_columns(micrograph_pixel_size=float(pixel_size))


def write_cistem_text(path: Path, table: ParticleTable, pixel_size: float | None) -> tuple[str, ...]:
    """Write positions in Å with their micrographs' names."""
    sizes = table.get("micrograph_pixel_size")
    if pixel_size is None and (sizes is None or not is_known(sizes).all()):
        raise UsageError(_NO_SIZE, hint="Give the pixel size in Å")
    each = np.full(len(table), pixel_size) if pixel_size is not None else np.asarray(sizes)
    names = table.get("micrograph_path")
    names = table["micrograph"] if names is None or not is_known(names).all() else names
    if any(len(str(name).split()) != 1 for name in set(names.tolist())):
        raise UsageError("a micrograph's name has blanks, which this text can't say", hint="Choose another format")
    x, y = table["coordinate_x"] * each, table["coordinate_y"] * each
    rows = [f"{name} {a:.6f} {b:.6f}\n" for name, a, b in zip(names.tolist(), x.tolist(), y.tolist(), strict=True)]
    write_text(path, "".join(rows))
    said = {"coordinate_x", "coordinate_y", "micrograph", "micrograph_pixel_size"}
    return lost(table, "cisTEM's text of coordinates", said)
