"""Files of picks as jobs on picks read and write them: Parquet with all candidates, STAR with those that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.workflow.job_type import ItemInput, Result, Slot, SlotValue

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

HAND = "hand"
"""Source of picks that a person set."""

PICKS_SLOT_COLUMNS: Mapping[str, str] = {
    "picks_found": "picks_found",
    "pick_score_median": "pick_score_median",
    "pick_threshold": "pick_threshold",
}


def picks_slot(**further: str) -> Slot:
    """The slot ``picks`` as jobs on picks give it; ``further``: column → key of the result."""
    columns = {**PICKS_SLOT_COLUMNS, **further}
    return Slot("picks", file="picks", files=("star",), columns=columns, tables={"picks": "picks"})


def read_picks(path: Path) -> ParticleTable:
    """Picks of a file; all are kept where it does not say which.

    Raises:
        DataError: the file is missing or can't be read.
    """
    from vitreous.formats.coordinates import read_coordinates

    table = read_coordinates(path)
    return table if "kept" in table else table.with_columns(kept=1)


def kept_picks(table: ParticleTable) -> ParticleTable:
    """Those that are kept."""
    return table.take(table["kept"] == 1) if "kept" in table else table


def picks_of(item: ItemInput, slot: SlotValue | None) -> ParticleTable:
    """The picks of a filled slot.

    Raises:
        UsageError: the item has none. DataError: the file is missing.
    """
    if slot is None or slot.file is None:
        raise UsageError(f"{item.name} has no picks", hint="Connect the job behind one that picks", item=item.name)
    return read_picks(Path(slot.file))


def points(table: ParticleTable) -> np.ndarray:
    """Positions in px, ``[n, 2]``."""
    return np.stack([table["coordinate_x"], table["coordinate_y"]], axis=1)


def write_picks(table: ParticleTable, out: Path, stem: str) -> dict[str, str]:
    """Write ``STEM.parquet`` with all and ``STEM.star`` with those that are kept; returns the result's outputs."""
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star

    outputs = {"picks": str(out / f"{stem}.parquet"), "star": str(out / f"{stem}.star")}
    write_particle_parquet(Path(outputs["picks"]), table)
    write_particle_star(Path(outputs["star"]), kept_picks(table))
    return outputs


def pick_figures(table: ParticleTable, threshold: float | None) -> Result:
    """``picks_found``, ``pick_score_median`` and ``pick_threshold`` of a table."""
    kept = kept_picks(table)
    score = kept.get("pick_score")
    known = np.zeros(0) if score is None else score[np.isfinite(score)]
    return {
        "picks_found": len(kept),
        "pick_score_median": round(float(np.median(known)), 4) if len(known) else None,
        "pick_threshold": threshold,
    }


def output_stem(path: Path, out: Path) -> str:
    """Name of the outputs of a file of picks: its own, so that a folder of files becomes one of the same names.

    Raises:
        UsageError: the output would replace the file that is read.
    """
    stem = path.stem
    for suffix in (".parquet", ".star"):
        if (out / f"{stem}{suffix}").resolve() == path.resolve():
            raise UsageError(f"{path} would be written over", hint="Choose another --out folder", path=str(path))
    return stem


def micrograph_shape(path: Path) -> tuple[int, int]:
    """``(ny, nx)`` of a micrograph.

    Raises:
        DataError: the file can't be read.
    """
    from vitreous.formats.images import open_images

    with open_images(path) as file:
        return file.header.shape


def micrograph_file(item: ItemInput) -> Path:
    """The file of the item's micrograph.

    Raises:
        UsageError: it has none. DataError: the file is missing.
    """
    slot = item.slots.get("micrograph")
    if slot is None or slot.file is None:
        raise UsageError(
            f"{item.name} has no micrograph", hint="Connect the job behind one that gives micrographs", item=item.name
        )
    if not Path(slot.file).exists():
        raise DataError(f"{slot.file} is not there", hint="Bring it back, or trash the item", path=slot.file)
    return Path(slot.file)


def radius_in_px(radius: float | None, diameter: float | None, pixel_size: float | None) -> float:
    """The radius within which picks are one particle: as given, else half of the particle's diameter.

    Raises:
        UsageError: neither is known.
    """
    if radius is not None:
        return radius
    if diameter is None or pixel_size is None:
        raise UsageError(
            "the radius within which picks are one particle is not known",
            hint="Give the radius in px, or the particle's diameter and the pixel size in Å",
        )
    return 0.5 * diameter / pixel_size
