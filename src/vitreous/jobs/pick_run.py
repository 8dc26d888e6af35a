"""Pick one micrograph file: read, reduce, pick, choose, and write what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.algorithms.picking.choose import choose, usual_power
from vitreous.algorithms.picking.pick import Picking, pick
from vitreous.algorithms.picking.reduction import Reduced, reduce
from vitreous.algorithms.picking.settings import PickSettings
from vitreous.algorithms.picking.templates import Templates, average_templates, map_templates
from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.formats.images import open_images
from vitreous.formats.particle_parquet import read_particle_parquet, write_particle_parquet
from vitreous.formats.particle_star import write_particle_star
from vitreous.jobs.device import as_tensor
from vitreous.jobs.pick_params import PickParams
from vitreous.jobs.pick_picture_run import draw_picks
from vitreous.jobs.pick_sources import Optics
from vitreous.jobs.result_file import write_result
from vitreous.model.acquisition import Acquisition
from vitreous.model.particles import ParticleTable, joined, particle_uids
from vitreous.workflow.job_type import Result

_MOSTLY = 0.5
_WIDEST = 8.0
"""Side of a template over the particle's diameter, beyond which it is something else."""


def settings_of(params: PickParams) -> PickSettings:
    """The algorithm's settings that the parameters state.

    Raises:
        UsageError: lengths that contradict each other.
    """
    return PickSettings(
        diameter=params.diameter,
        method=params.method,
        max_radius=params.max_radius,
        characteristic_radius=params.characteristic_radius,
        radii=params.radii,
        texture=params.texture,
        min_diameter=params.min_diameter,
        max_diameter=params.max_diameter,
        min_distance=params.min_distance,
        floor=params.lowest,
        max_resolution=params.max_resolution,
        edge_distance=params.edge_distance,
        background_boxes=params.background_boxes,
        background=params.background,
        avoid_abnormal_mean=params.avoid_abnormal_mean,
        avoid_high_variance=params.avoid_high_variance,
        avoid_crystals=params.avoid_crystals,
        avoid_hot=params.avoid_hot_spots,
        bright=params.contrast == "bright",
        psi_step=params.psi_step,
    )


def read_header(path: Path) -> Acquisition:
    """What the header of a micrograph says of its recording; a pixel size of exactly 1 Å is not believed.

    Raises:
        DataError: the file is no micrograph.
    """
    with open_images(path) as file:
        header = file.header
        if header.is_volume or header.n_frames != 1:
            kind = "a map" if header.is_volume else "a movie or stack"
            raise DataError(
                f"{path}: this is {kind} of {header.n_frames} sections, not a micrograph",
                hint="Give micrographs: sums of aligned frames",
                path=str(path),
            )
        found = header.acquisition
    return found.model_copy(update={"pixel_size": None}) if found.pixel_size == 1.0 else found


def read_reduced(path: Path, pixel_size: float, find_crystals: bool, device: str) -> Reduced:
    """The reduced micrograph of a file; the last two are kept, so that other settings are tried on them at once."""
    return _reduced(str(path.absolute()), _state(path), pixel_size, find_crystals, device)


def _state(path: Path) -> tuple[int, int]:
    """Time of the last change (ns) and size of a file."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2)
def _reduced(path: str, state: tuple[int, int], pixel_size: float, find_crystals: bool, device: str) -> Reduced:
    with open_images(Path(path)) as file:
        image = file.frame(0)
    return reduce(as_tensor(image, device), pixel_size, find_crystals=find_crystals)


@lru_cache(maxsize=2)
def read_templates(
    path: Path,
    state: tuple[int, int],
    pixel_size: float | None,
    kind: str,
    dark: bool,
    working_pixel_size: float,
    diameter: float,
    direction_step: float,
    psi_step: float,
    symmetry: str,
    device: str,
) -> Templates:
    """Templates of a file at the pixel size that picking works at; kept while file and ``state`` (time, size) stay.

    Raises:
        DataError: the file is none of templates. UsageError: its pixel size is not known.
    """
    with open_images(path) as file:
        header = file.header
        own = pixel_size or header.acquisition.pixel_size
        if own is None:
            raise UsageError(
                f"{path}: the pixel size of the templates is not known",
                hint="Give --template-pixel-size",
                path=str(path),
            )
        images = np.stack([np.asarray(frame, dtype=np.float32) for frame in file.frames()])
    if not np.isfinite(images).all():
        raise DataError(f"{path}: the templates hold NaN or infinity", hint="Give another file", path=str(path))
    if images.shape[1] != images.shape[2]:
        raise DataError(f"{path}: templates of {images.shape[1:]} px are not square", hint="Crop them", path=str(path))
    width = own * images.shape[-1]
    if width > _WIDEST * diameter:
        raise DataError(
            f"{path}: templates of {width:.0f} Å are no images of a particle of {diameter:g} Å",
            hint="Give class averages or a map; check their pixel size (--template-pixel-size)",
            path=str(path),
        )
    is_map = header.is_volume if kind == "auto" else kind == "map"
    if is_map and len(set(images.shape)) != 1:
        raise DataError(f"{path}: a map of {images.shape} px is no cube", hint="Crop or pad it", path=str(path))
    tensor = as_tensor(-images if dark else images, device)
    if is_map:
        level = tensor - tensor.flatten()[:: max(1, tensor.numel() // 100_000)].median()
        return map_templates(
            level, own, working_pixel_size, diameter,
            direction_step=direction_step, psi_step=psi_step, symmetry=symmetry,
        )  # fmt: skip
    return average_templates(tensor, own, working_pixel_size, diameter, psi_step=psi_step)


def pick_micrograph(path: Path, name: str, optics: Optics, params: PickParams, out: Path, progress: Progress) -> Result:
    """Pick a micrograph and write ``NAME_picks.parquet``, ``.star``, ``.json`` and, where wanted, ``.png``.

    Args:
        path: the micrograph.
        name: of the exposure; also that of the files.
        optics: pixel size, microscope and CTF.
        params: options.
        out: folder.
        progress: told the fraction done.

    Returns:
        The content of the JSON file, with whole paths of the outputs.
    """
    settings = settings_of(params)
    progress(0.0, "read")
    reduced = read_reduced(path, optics.pixel_size, params.avoid_crystals, params.device)
    progress(0.5, "pick")
    templates = _templates(params, reduced, settings)
    found = pick(reduced, settings, optics.microscope, optics.ctf, templates)
    progress(0.8, "write")
    distance = settings.distance / optics.pixel_size
    kept, limit = chosen(found.candidates, params, distance)
    outputs = {kind: out / f"{name}_picks.{kind}" for kind in ("parquet", "star", "json")}
    table = _table(found, kept, path, name, params.method, optics.pixel_size)
    write_particle_parquet(outputs["parquet"], table)
    write_picks_star(outputs["star"], table.take(kept))
    if params.picture:
        outputs["png"] = out / f"{name}_picks.png"
        draw_picks(outputs["png"], reduced, found, kept, settings.radius / optics.pixel_size)
    score = found.candidates["pick_score"][kept]
    named = {"picks": "parquet"}
    result = {
        "input": str(path),
        "outputs": {**{key: str(outputs[kind]) for key, kind in named.items()},
                    **{kind: str(file) for kind, file in outputs.items() if kind != "parquet"}},
        "picks_found": int(kept.sum()),
        "candidates": len(kept),
        "pick_score_median": round(float(np.median(score)), 3) if len(score) else None,
        "pick_threshold": params.threshold,
        "max_power": None if limit is None else round(limit, 3),
        "masked_fraction": round(found.masked_fraction, 4),
        "masked": {kind: round(share, 4) for kind, share in found.fractions.items()},
        "ctf_from": optics.source,
        "pixel_size": optics.pixel_size,
        "settings": _settings(params, settings, optics),
        "warnings": _warnings(found, kept, optics, params),
    }  # fmt: skip
    write_result(outputs["json"], result)
    return result


def chosen(
    candidates: Mapping[str, np.ndarray], params: PickParams, distance: float
) -> tuple[np.ndarray, float | None]:
    """Which candidates the thresholds keep, and the greatest power allowed (by itself where none is given)."""
    kept = choose(candidates, params.threshold, params.max_score, params.min_power, params.max_power, distance)
    limit = params.max_power
    if limit is None and params.reject_outliers:
        limit = usual_power(candidates["pick_power"][kept])
        kept = choose(candidates, params.threshold, params.max_score, params.min_power, limit, distance)
    return kept, limit


def write_picks_star(path: Path, table: ParticleTable) -> None:
    """Write picks as RELION reads them: micrograph and its pixel size, coordinates, score."""
    columns = ("micrograph_path", "micrograph_pixel_size", "coordinate_x", "coordinate_y", "pick_score")
    write_particle_star(path, ParticleTable({name: table[name] for name in columns}))


def join_picks(results: Sequence[Mapping[str, Any]], out: Path) -> dict[str, str]:
    """Write ``picks.star`` of all micrographs that were picked, none where all failed."""
    good = [result for result in results if "error" not in result]
    if not good:
        return {}
    tables = [read_particle_parquet(Path(result["outputs"]["picks"])) for result in good]
    path = out / "picks.star"
    write_picks_star(path, joined([table.take(table["kept"] == 1) for table in tables]))
    return {"picks": str(path)}


def _templates(params: PickParams, reduced: Reduced, settings: PickSettings) -> Templates | None:
    if params.method != "template" or params.templates is None:
        return None
    from vitreous.algorithms.picking.field import working_pixel_size

    return read_templates(
        params.templates.absolute(),
        _state(params.templates),
        params.template_pixel_size,
        params.template_kind,
        params.template_contrast == "dark",
        working_pixel_size(reduced, settings),
        params.diameter,
        params.direction_step,
        params.psi_step,
        params.symmetry,
        params.device,
    )


def _table(found: Picking, kept: np.ndarray, path: Path, name: str, method: str, pixel_size: float) -> ParticleTable:
    candidates = found.candidates
    x, y = candidates["coordinate_x"], candidates["coordinate_y"]
    names = np.full(len(x), name, dtype=object)
    return ParticleTable(
        {
            "uid": particle_uids(names, x, y),
            "micrograph": names,
            "micrograph_path": np.full(len(x), str(path), dtype=object),
            "micrograph_pixel_size": np.full(len(x), pixel_size),
            "coordinate_x": x,
            "coordinate_y": y,
            "pick_score": candidates["pick_score"],
            "pick_power": candidates["pick_power"],
            "pick_source": np.full(len(x), method, dtype=object),
            "kept": kept.astype(np.int64),
        }
    )


def _settings(params: PickParams, settings: PickSettings, optics: Optics) -> dict[str, Any]:
    """Every value that was used, those derived from the diameter too."""
    values = params.model_dump(mode="json", exclude={"device", "picture", "micrographs", "ctf_folder"})
    used = {
        "max_radius": settings.radius,
        "characteristic_radius": settings.typical_radius,
        "min_distance": settings.distance,
        "max_resolution": settings.resolution,
        "floor": settings.floor,
        "pixel_size": optics.pixel_size,
    }
    if optics.microscope is not None:
        used |= {"voltage": optics.microscope.voltage, "spherical_aberration": optics.microscope.spherical_aberration,
                 "amplitude_contrast": optics.microscope.amplitude_contrast}  # fmt: skip
    if optics.ctf is not None:
        ctf = optics.ctf
        used |= {"defocus_u": ctf.defocus_u, "defocus_v": ctf.defocus_v, "astigmatism_angle": ctf.astigmatism_angle,
                 "phase_shift": ctf.phase_shift}  # fmt: skip
    return values | used


def _warnings(found: Picking, kept: np.ndarray, optics: Optics, params: PickParams) -> list[str]:
    notes = []
    if optics.source is None and params.method != "log":
        what = "the CTF is not known" if optics.ctf is None else "voltage or spherical aberration is not known"
        notes.append(f"{what}: contrast is taken as the same at all frequencies")
    if not kept.any():
        best = found.candidates["pick_score"]
        reached = f"the best of {len(best)} candidates has {best.max():.1f} σ" if len(best) else "no candidate is there"
        notes.append(f"no particle reaches {params.threshold:g} σ: {reached}")
    if found.masked_fraction > _MOSTLY:
        notes.append(f"{100 * found.masked_fraction:.0f} % of the area is avoided")
    return notes


def check_templates(params: PickParams) -> None:
    """Refuse templates that are not there.

    Raises:
        DataError: the file can't be opened.
    """
    if params.templates is not None:
        with open_images(params.templates):
            pass


def forget_micrographs() -> None:
    """Forget the micrographs that are kept reduced, so that the next run reads its own."""
    _reduced.cache_clear()
