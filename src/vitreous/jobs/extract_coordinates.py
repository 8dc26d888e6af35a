"""The job type that turns aligned particles into positions again: where their shifts say that they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.workflow.job_type import ItemInput, ItemRunner, JobType, Params, Result, Runner, Slot, parameter

if TYPE_CHECKING:
    from vitreous.model.particles import ParticleTable

_POSE = (
    "origin_x", "origin_y", "rot", "tilt", "psi", "image_stack", "image_index", "pixel_size", "box_size",
    "norm_correction", "max_probability", "log_likelihood", "random_subset",
)  # fmt: skip


class ExtractCoordinatesParams(Params):
    """What may be chosen of the positions."""

    micrograph_pixel_size: float | None = parameter(
        None,
        help="pixel size of the micrographs that the coordinates are counted in; the table's unless given",
        unit="Å",
        gt=0.01,
        lt=1000,
    )
    min_distance: float = parameter(0.0, help="of two particles that are closer the better score stays", unit="Å", ge=0)


def true_positions(table: ParticleTable, params: ExtractCoordinatesParams, origin: str) -> ParticleTable:
    """Positions of aligned particles: coordinate - origin / pixel size of the micrograph, without poses and images.

    Args:
        table: particles with coordinates, and origins in Å where they were aligned.
        params: options.
        origin: file or item, named in errors.

    Returns:
        The particles' rows, with ``kept`` 1, their numbers (``uid``) as they were.

    Raises:
        DataError: the particles have no coordinates.
        UsageError: they have shifts, and the micrographs' pixel size is not known.
    """
    position, shift = _coordinates(table, origin), _shifts(table)
    size = _pixel_sizes(table, params.micrograph_pixel_size)
    if shift.any() or params.min_distance:
        position = position - shift / _known(size, origin)[:, None]
    moved = table.without_columns(*_POSE).with_columns(
        coordinate_x=position[:, 0], coordinate_y=position[:, 1], kept=np.ones(len(table), np.int64)
    )
    return _each_once(moved, size, params.min_distance)


def aligned_positions(table: ParticleTable, pixel_size: float | None, origin: str) -> np.ndarray:
    """Where aligned particles lie on their micrographs, Å, ``[n, 2]``: coordinate × pixel size - origin.

    ``pixel_size`` is that of the micrographs in Å, the table's where it is ``None``.

    Raises:
        DataError: the particles have no coordinates.
        UsageError: the micrographs' pixel size is not known.
    """
    return _coordinates(table, origin) * _known(_pixel_sizes(table, pixel_size), origin)[:, None] - _shifts(table)


def _coordinates(table: ParticleTable, origin: str) -> np.ndarray:
    if not len(table):
        return np.zeros((0, 2))
    if not (table.known("coordinate_x").all() and table.known("coordinate_y").all()):
        raise DataError(
            f"{origin}: the particles have no coordinates in their micrographs",
            hint="Give particles of an extraction, whose table says where they lie",
        )
    return np.stack((table["coordinate_x"], table["coordinate_y"]), axis=1).astype(np.float64)


def _shifts(table: ParticleTable) -> np.ndarray:
    """Origins in Å, ``[n, 2]``; 0 where a particle was not aligned."""
    names = ("origin_x", "origin_y")
    return np.stack([np.nan_to_num(table[name]) if name in table else np.zeros(len(table)) for name in names], axis=1)


def _pixel_sizes(table: ParticleTable, given: float | None) -> np.ndarray:
    """Å of each particle's micrograph, NaN where it is not known."""
    if given is not None:
        return np.full(len(table), given)
    stated = table.get("micrograph_pixel_size")
    if stated is None:
        stated = table.get("rlnMicrographOriginalPixelSize")
    return np.full(len(table), np.nan) if stated is None else np.asarray(stated, dtype=np.float64)


def _known(size: np.ndarray, origin: str) -> np.ndarray:
    if not np.isfinite(size).all():
        raise UsageError(
            f"{origin}: the pixel size of the micrographs is not known", hint="Give --micrograph-pixel-size"
        )
    return size


def _each_once(table: ParticleTable, size: np.ndarray, distance: float) -> ParticleTable:
    if distance == 0.0 or len(table) < 2:
        return table
    import torch

    from vitreous.algorithms.particles.duplicates import without_duplicates
    from vitreous.jobs.extract_sources import rows_by_name

    keep = np.ones(len(table), dtype=bool)
    position = np.stack((table["coordinate_x"], table["coordinate_y"]), axis=1) * size[:, None]
    score = table["pick_score"] if "pick_score" in table else np.zeros(len(table))
    names = table["micrograph"] if "micrograph" in table else np.full(len(table), "", dtype=object)
    for rows in rows_by_name(names).values():
        stays = without_duplicates(torch.from_numpy(position[rows]), torch.from_numpy(score[rows]), distance)
        keep[rows] = stays.numpy()
    return table.take(keep)


def write_positions(table: ParticleTable, out: Path, stem: str) -> dict[str, str]:
    """Write ``STEM_picks.parquet`` and, where there is a particle, ``STEM_picks.star``."""
    from vitreous.formats.particle_parquet import write_particle_parquet
    from vitreous.formats.particle_star import write_particle_star

    picks, star = out / f"{stem}_picks.parquet", out / f"{stem}_picks.star"
    write_particle_parquet(picks, table)
    if len(table) == 0:
        return {"picks": str(picks)}
    ours = [name for name in ("uid", "kept", "pick_power", "pick_source", "votes", "class_number") if name in table]
    write_particle_star(star, table.without_columns(*ours))
    return {"picks": str(picks), "star": str(star)}


def _start(params: ExtractCoordinatesParams) -> Runner:
    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.extract_sources import read_positions

        table = read_positions(path)
        moved = true_positions(table, params, str(path))
        return _result(str(path), table, moved, write_positions(moved, out, path.stem))

    return run


def _on_item(params: ExtractCoordinatesParams) -> ItemRunner:
    @lru_cache(maxsize=1)
    def particle_set(file: str, changed: float) -> tuple[ParticleTable, dict[str, np.ndarray]]:
        # One set belongs to all its members: read once, not for each of them.
        from vitreous.formats.particle_parquet import read_particle_parquet
        from vitreous.jobs.extract_sources import rows_by_name

        table = read_particle_parquet(Path(file))
        return table, rows_by_name(table["micrograph"]) if len(table) else {}

    def run(item: ItemInput, out: Path, progress: Progress) -> Result:
        from vitreous.jobs.extract import slot_file

        if "particle_set" in item.slots:
            file = slot_file(item, "particle_set")
        else:
            slot_file(item, "particles")
            file = item.slots["particles"].files["table"]
        table, rows = particle_set(file, Path(file).stat().st_mtime)
        own = table.take(rows.get(item.name, np.zeros(0, np.int64)))
        size = item.slots["micrograph"].values.get("pixel_size") if "micrograph" in item.slots else None
        given = params.micrograph_pixel_size or (None if "micrograph_pixel_size" in own else size)
        moved = true_positions(own, params.model_copy(update={"micrograph_pixel_size": given}), item.name)
        return _result(item.name, own, moved, write_positions(moved, out, item.name))

    return run


def _result(source: str, before: ParticleTable, after: ParticleTable, outputs: dict[str, str]) -> Result:
    length = np.hypot(*_shifts(before).T)
    return {
        "input": source,
        "outputs": outputs,
        "particles": len(before),
        "picks_found": len(after),
        "mean_shift": float(length.mean()) if len(length) else None,
        "largest_shift": float(length.max()) if len(length) else None,
        "warnings": [] if len(after) else ["there is no particle here"],
    }


JOB = JobType(
    name="extract-coordinates",
    title="Extract coordinates",
    summary="Turn aligned particles into positions again, each where its shifts say that it is.",
    params=ExtractCoordinatesParams,
    start=_start,
    items="PARTICLES",
    example="vitreous extract-coordinates particles.star --out centred",
    columns={
        "particles": ("particles", "d"),
        "picks_found": ("positions", "d"),
        "mean_shift": ("mean shift / Å", ".1f"),
        "largest_shift": ("largest / Å", ".1f"),
    },
    category="Particles",
    order=61,
    modes=("single-particle", "tomography"),
    needs=("particle_set|particles", "micrograph"),
    gives=(
        Slot(
            "picks",
            file="picks",
            files=("star",),
            columns={"picks_found": "picks_found"},
            tables={"picks": "picks"},
        ),
    ),
    methods="Particles were centred by their shifts.",
    on_item=_on_item,
)
