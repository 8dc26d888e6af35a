"""Cut the particles out of one micrograph, and write their stack and table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.optics import Ctf, Microscope
from vitreous.core.progress import Progress
from vitreous.jobs.extract_geometry import Geometry, edge_warning, geometry_of
from vitreous.jobs.extract_params import ExtractParams
from vitreous.model.particles import ParticleTable, particle_uids
from vitreous.workflow.job_type import Result

if TYPE_CHECKING:
    from vitreous.algorithms.particles.extract import Extracted
    from vitreous.formats.base import ImageHeader

_SAME_PIXEL = 0.01
_MANY_LEFT_OUT = 0.25
_CTF = ("defocus_u", "defocus_v", "astigmatism_angle", "phase_shift")


@dataclass(frozen=True)
class Micrograph:
    """One micrograph and what is known of it; ``None`` is not known.

    Attributes:
        name: of the exposure.
        path: file of its pixels.
        listed: how tables name its file.
        pixel_size: Å.
        microscope, ctf: constants, and the contrast transfer function at its centre.
        optics_group, optics_group_name: particles of one group share their optics.
    """

    name: str
    path: Path
    listed: str
    pixel_size: float | None
    microscope: Microscope | None
    ctf: Ctf | None
    optics_group: int = 1
    optics_group_name: str | None = None


def extract_micrograph(
    micrograph: Micrograph, picks: ParticleTable, params: ExtractParams, out: Path, progress: Progress
) -> Result:
    """Cut out the particles of a micrograph and write ``NAME_particles.mrcs`` and ``NAME_particles.parquet``.

    Args:
        micrograph: where its pixels lie, and what is known of it.
        picks: its particles: positions, or particles that were aligned before. Rows with ``kept`` 0 are left out.
        params: options.
        out: folder.
        progress: told the fraction done.

    Returns:
        Figures, outputs (no stack where there is no particle) and warnings.

    Raises:
        DataError: the file is damaged or no micrograph, its pixel size is another than stated, or no box of it holds
            pixels that can be used.
        UsageError: box or pixel size are not known or not possible.
    """
    image, header = read_micrograph(micrograph.path)
    pixel_size, warnings = _pixel_size(micrograph, header, params)
    warnings = [*header.warnings, *warnings]
    geometry = geometry_of(params, pixel_size, micrograph.microscope)
    chosen, notes = prepared_picks(picks, micrograph, pixel_size, params)
    progress(0.2, "cutting")
    found = _extracted(image, chosen, geometry, micrograph, params)
    _check_found(found, len(chosen), micrograph, header, geometry)
    progress(0.8, "writing")
    table = particle_table(chosen, found, geometry, micrograph, params)
    stem = micrograph.path.stem if micrograph.name == "" else micrograph.name
    outputs = write_particles(table, found.images.cpu().numpy(), geometry, params, out, stem)
    if micrograph.ctf is None:
        warnings.append("the CTF is not known: estimate it before particles are classified")
    elif micrograph.microscope is not None:
        lost = edge_warning(params, geometry, micrograph.microscope, micrograph.ctf)
        warnings += [] if lost is None else [lost]
    return {
        "input": str(micrograph.path),
        "outputs": outputs,
        **_figures(found, geometry, len(picks), len(chosen)),
        "warnings": [*warnings, *notes, *_found_warnings(found, len(chosen), header, geometry)],
    }


def read_micrograph(path: Path) -> tuple[np.ndarray, ImageHeader]:
    """The pixels, float32 ``[ny, nx]``, and the header of a micrograph.

    Raises:
        DataError: the file is damaged, a movie or a map.
    """
    from vitreous.formats.images import open_images

    with open_images(path) as file:
        header = file.header
        if header.n_frames != 1:
            kind = "a map" if header.is_volume else "a stack"
            raise DataError(
                f"{path}: this is {kind} of {header.n_frames} images, not a micrograph",
                hint="Give micrographs; sum movies first (vitreous motion)",
                path=str(path),
            )
        return file.frame(0).astype(np.float32, copy=False), header


def _pixel_size(micrograph: Micrograph, header: ImageHeader, params: ExtractParams) -> tuple[float, list[str]]:
    """Å: what was given, else the table's or the slot's if the header agrees, else the header's."""
    stated, own = micrograph.pixel_size, header.acquisition.pixel_size
    if params.micrograph_pixel_size is not None:
        return params.micrograph_pixel_size, []
    # Many programs write 1 Å where they know none.
    own = None if own == 1.0 and stated is not None else own
    if stated is not None and own is not None and abs(stated - own) > _SAME_PIXEL * stated:
        raise DataError(
            f"{micrograph.path}: the pixel size is {own:.4g} Å in its header and {stated:.4g} Å in the table",
            hint="Correct the one that is wrong, or give the right one (--micrograph-pixel-size)",
            path=str(micrograph.path),
        )
    found = stated if stated is not None else own
    if found is None:
        raise UsageError(
            f"{micrograph.path}: the pixel size is not known: it is neither given nor in the header",
            hint="Give --micrograph-pixel-size",
            path=str(micrograph.path),
        )
    # Headers hold float32: 1.4 Å, not 1.39999997616 Å.
    return float(f"{found:.7g}"), []


def prepared_picks(
    picks: ParticleTable, micrograph: Micrograph, pixel_size: float, params: ExtractParams
) -> tuple[ParticleTable, list[str]]:
    """Particles to cut out, each once: positions in px of this micrograph, aligned ones moved, origins taken in.

    The true centre of a particle is its coordinate - origin / pixel size of the micrograph.

    Returns:
        The particles, and sentences of what was done.
    """
    if "kept" in picks:
        picks = picks.take(np.asarray(picks["kept"]) == 1).without_columns("kept")
    if len(picks) == 0:
        return picks, []
    picks, notes = _in_pixels_of(picks, pixel_size)
    position = np.stack((picks["coordinate_x"], picks["coordinate_y"]), axis=1).astype(np.float64)
    if "uid" not in picks or not picks.known("uid").all():
        finite = np.asarray(np.isfinite(position).all(axis=1))
        if not finite.all():
            notes.append(f"{np.count_nonzero(~finite)} of {len(picks)} particles have no position")
            picks, position = picks.take(finite), position[finite]
        picks = picks.with_columns(uid=particle_uids([micrograph.name] * len(picks), position[:, 0], position[:, 1]))
    if "origin_x" in picks and "origin_y" in picks:
        if params.recentre:
            origin = np.stack((picks["origin_x"], picks["origin_y"]), axis=1)
            position = position - np.nan_to_num(origin) / pixel_size
        picks = picks.without_columns("origin_x", "origin_y")
    picks = picks.with_columns(coordinate_x=position[:, 0], coordinate_y=position[:, 1])
    return _each_once(picks, pixel_size, params, notes)


def _in_pixels_of(picks: ParticleTable, pixel_size: float) -> tuple[ParticleTable, list[str]]:
    """Positions that were counted in pixels of another size, in those of this micrograph."""
    stated = picks.get("micrograph_pixel_size")
    if stated is None:
        return picks, []
    factor = np.where(np.isfinite(stated), stated, pixel_size) / pixel_size
    if np.abs(factor - 1.0).max() <= _SAME_PIXEL:
        return picks, []
    moved = picks.with_columns(coordinate_x=picks["coordinate_x"] * factor, coordinate_y=picks["coordinate_y"] * factor)
    size = float(np.asarray(stated)[np.argmax(np.abs(factor - 1.0))])
    return moved, [f"positions in pixels of {size:.4g} Å were converted to the micrograph's {pixel_size:.4g} Å"]


def _each_once(
    picks: ParticleTable, pixel_size: float, params: ExtractParams, notes: list[str]
) -> tuple[ParticleTable, list[str]]:
    import torch

    from vitreous.algorithms.particles.duplicates import without_duplicates

    distance = params.min_distance
    if distance is None:
        distance = 0.25 * params.diameter if params.diameter is not None else 0.0
    position = torch.from_numpy(np.stack((picks["coordinate_x"], picks["coordinate_y"]), axis=1))
    score = picks.get("pick_score")
    scores = torch.zeros(len(picks), dtype=torch.float64) if score is None else torch.from_numpy(score.copy())
    keep = without_duplicates(position, scores, distance / pixel_size).numpy()
    gone = int(np.count_nonzero(~keep))
    if gone:
        notes = [*notes, f"{gone} of {len(picks)} particles lie closer than {distance:.0f} Å to a better one"]
    return picks.take(keep), notes


def _extracted(
    image: np.ndarray, picks: ParticleTable, geometry: Geometry, micrograph: Micrograph, params: ExtractParams
) -> Extracted:
    import torch

    from vitreous.algorithms.particles.extract import ExtractionSettings, extract_particles

    settings = ExtractionSettings(
        box=geometry.box,
        size=geometry.size,
        background_radius=geometry.background_radius / geometry.pixel_size if params.normalise else None,
        invert=params.invert,
        ramp=params.ramp,
        white_dust=params.white_dust or None,
        black_dust=params.black_dust or None,
        pad=params.edge == "pad",
        centre=params.subpixel == "shift",
    )
    position = np.zeros((0, 2))
    if len(picks):
        position = np.stack((picks["coordinate_x"], picks["coordinate_y"]), axis=1)
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(params.device)
    # Noise in place of dust: the same for the same particles, on any device and whatever was computed before.
    seed = int(picks["uid"].sum() & 0x7FFFFFFF) if len(picks) else 0
    generator = torch.Generator().manual_seed(seed)
    transfer = _signs(geometry, micrograph, params)
    return extract_particles(pixels, torch.from_numpy(position), settings, transfer, generator)


def _signs(geometry: Geometry, micrograph: Micrograph, params: ExtractParams) -> Any:
    """Signs of the CTF for phase flipping; ``None`` without it."""
    if not params.phase_flip:
        return None
    if micrograph.ctf is None or micrograph.microscope is None:
        raise UsageError(
            f"{micrograph.name}: phases can't be flipped, because the CTF is not known",
            hint="Estimate the CTF first, or extract without --phase-flip",
        )
    from vitreous.algorithms.ctf.model import ctf_image

    size, device = geometry.size, params.device
    values = ctf_image((size, size), geometry.pixel_size, micrograph.microscope, micrograph.ctf, device)
    return values.sign()


def particle_table(
    picks: ParticleTable, found: Extracted, geometry: Geometry, micrograph: Micrograph, params: ExtractParams
) -> ParticleTable:
    """The rows of the images: what the picks say, and image, optics and CTF. The coordinate is the image's centre."""
    table = picks.take(found.rows.cpu().numpy())
    centre, offset = found.centres.cpu().numpy(), found.offsets.cpu().numpy()
    if params.subpixel == "shift":
        centre = np.stack((table["coordinate_x"], table["coordinate_y"]), axis=1) if len(table) else centre
    size = geometry.micrograph_pixel_size
    table = table.without_columns("norm_correction", "optics_group", "optics_group_name").with_columns(
        coordinate_x=centre[:, 0].astype(np.float64),
        coordinate_y=centre[:, 1].astype(np.float64),
        origin_x=-offset[:, 0] * size,
        origin_y=-offset[:, 1] * size,
        image_index=np.arange(len(table)),
        pixel_size=geometry.pixel_size,
        box_size=geometry.size,
        micrograph=micrograph.name,
        micrograph_path=micrograph.listed,
        micrograph_pixel_size=size,
        optics_group=micrograph.optics_group,
    )
    if micrograph.optics_group_name is not None:
        table = table.with_columns(optics_group_name=micrograph.optics_group_name)
    if micrograph.microscope is not None:
        table = table.with_columns(**vars(micrograph.microscope))
    return _with_ctf(table, micrograph.ctf)


def _with_ctf(table: ParticleTable, ctf: Ctf | None) -> ParticleTable:
    """The micrograph's CTF for particles that have none of their own (a refined one stays)."""
    if ctf is None:
        return table
    refined = table.known("defocus_u") & table.known("defocus_v")
    own = {name: table.get(name) for name in _CTF}
    return table.with_columns(
        **{
            name: np.where(refined & table.known(name), own[name] if own[name] is not None else 0.0, getattr(ctf, name))
            for name in _CTF
        }
    )


def write_particles(
    table: ParticleTable, images: np.ndarray, geometry: Geometry, params: ExtractParams, out: Path, stem: str
) -> dict[str, str]:
    """Write the stack, unless there is no image, and the Parquet table, which names the stack beside it."""
    from vitreous.formats.mrc_write import write_mrc
    from vitreous.formats.particle_parquet import write_particle_parquet

    stack, rows = out / f"{stem}_particles.mrcs", out / f"{stem}_particles.parquet"
    outputs = {}
    if len(table):
        write_mrc(stack, images, pixel_size=geometry.pixel_size, dtype=params.number_format, is_stack=True)
        outputs["stack"] = str(stack)
        table = table.with_columns(image_stack=stack.name)
    write_particle_parquet(rows, table)
    return {**outputs, "table": str(rows)}


def _check_found(found: Extracted, n: int, micrograph: Micrograph, header: ImageHeader, geometry: Geometry) -> None:
    """Particles that all can't be used are a fault of the micrograph."""
    if len(found.rows) == 0 and len(found.unusable):
        raise DataError(
            f"{micrograph.path}: none of {len(found.unusable)} particles can be used: their boxes hold pixels that are "
            "no numbers, or all the same",
            hint="Look at the micrograph; make it again, or leave it out",
            path=str(micrograph.path),
        )
    if n and min(header.shape) < geometry.box:
        raise UsageError(
            f"{micrograph.path}: a box of {geometry.box} px is larger than the micrograph of "
            f"{header.shape[1]} x {header.shape[0]} px",
            hint="Give a smaller box",
            path=str(micrograph.path),
        )


def _found_warnings(found: Extracted, n: int, header: ImageHeader, geometry: Geometry) -> list[str]:
    size = f"{header.shape[1]} x {header.shape[0]} px"
    warnings = []
    if n == 0:
        warnings.append("there is no particle on this micrograph")
    if len(found.off_image):
        warnings.append(f"{len(found.off_image)} of {n} particles lie outside the micrograph of {size}")
    if len(found.over_edge) > _MANY_LEFT_OUT * n:
        warnings.append(
            f"{len(found.over_edge)} of {n} particles were left out: their box of {geometry.box} px crosses the edge "
            f"of the micrograph of {size} (--edge pad keeps them)"
        )
    if len(found.unusable):
        warnings.append(
            f"{len(found.unusable)} of {n} particles were left out: pixels that are no numbers, or all the same"
        )
    return warnings


def _figures(found: Extracted, geometry: Geometry, picks: int, chosen: int) -> dict[str, Any]:
    return {
        "picks": picks,
        "particles_extracted": len(found.rows),
        "outside": len(found.off_image),
        "over_edge": len(found.over_edge),
        "padded": found.padded,
        "unusable": len(found.unusable),
        "not_taken": picks - chosen,
        "dust_pixels": found.dust,
        "box": geometry.box,
        "image_size": geometry.size,
        "pixel_size": geometry.pixel_size,
        "micrograph_pixel_size": geometry.micrograph_pixel_size,
        "background_radius": geometry.background_radius,
        "box_reason": geometry.reason,
    }
