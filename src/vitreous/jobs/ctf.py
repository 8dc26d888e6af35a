"""The job type that estimates the contrast transfer function of images or movies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError
from vitreous.core.progress import Progress, part_of, silent
from vitreous.jobs.acquisition_params import given_acquisition
from vitreous.jobs.ctf_params import CtfParams
from vitreous.jobs.micrographs_table import write_micrographs_table
from vitreous.jobs.result_file import own_settings, write_result
from vitreous.model.acquisition import Acquisition, first_known
from vitreous.workflow.job_type import JobType, Result, Runner, Slot

if TYPE_CHECKING:
    from vitreous.algorithms.ctf.estimate import CtfEstimate
    from vitreous.algorithms.ctf.settings import CtfSettings
    from vitreous.algorithms.ctf.spectrum import Spectrum
    from vitreous.core.optics import Microscope

_THON_DOSE = 4.5


def ctf_settings(params: CtfParams) -> CtfSettings:
    """The search settings that the parameters state."""
    from vitreous.algorithms.ctf.settings import CtfSettings

    restrained = params.restrain_astigmatism and params.tolerated_astigmatism > 0.0
    return CtfSettings(
        min_resolution=params.min_resolution,
        max_resolution=params.max_resolution,
        min_defocus=params.min_defocus,
        max_defocus=params.max_defocus,
        defocus_step=params.defocus_step,
        exhaustive=params.exhaustive,
        astigmatism_tolerance=params.tolerated_astigmatism if restrained else None,
        find_phase_shift=params.find_phase_shift,
        min_phase_shift=params.min_phase_shift,
        max_phase_shift=params.max_phase_shift,
        phase_shift_step=params.phase_shift_step,
        extend=params.extend,
    )


def frames_per_average(params: CtfParams, acquisition: Acquisition, n_frames: int) -> int:
    """How many frames of a movie go into one average: as many as give about 4.5 e/Å², or 3 where no dose is known."""
    if params.frames_to_average is not None:
        return min(params.frames_to_average, n_frames)
    dose = acquisition.dose_per_frame
    if acquisition.frame_doses:
        dose = sum(acquisition.frame_doses) / len(acquisition.frame_doses)
    return min(n_frames, max(1, round(_THON_DOSE / dose)) if dose else 3)


def estimate_and_write(
    images: np.ndarray | Iterable[np.ndarray],
    acquisition: Acquisition,
    params: CtfParams,
    stem: str,
    out: Path,
    progress: Progress = silent,
    *,
    source: Path | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Estimate the CTF of an image (or of several averages of one movie) and write ``STEM_ctf.mrc/.png/.json``.

    Args:
        images: real ``[ny, nx]``, or averages of frames one after the other; not changed.
        acquisition: pixel size, voltage and spherical aberration must be known.
        params: options of the estimation.
        stem: of the files' names.
        out: folder.
        progress: told the fraction done.
        source: the file that the images come from, recorded as ``input``.
        notes: warnings that are already known, recorded before the fit's own.

    Returns:
        The content of the JSON file, with whole paths of the outputs.

    Raises:
        UsageError: a setting is not known, or the band searched is empty.
        DataError, ComputeError: the image is too small, constant, or holds NaN.
    """
    from vitreous.algorithms.ctf.estimate import estimate_ctf

    microscope = acquisition.microscope()
    given = [images] if isinstance(images, np.ndarray) else images
    settings = ctf_settings(params)
    spectrum, tilt = _spectrum(given, acquisition.needed("pixel_size"), microscope, params, settings)
    progress(0.5, "fit")
    estimate = estimate_ctf(spectrum, microscope, settings)
    progress(0.8, "pictures")
    outputs = {name: out / f"{stem}_ctf.{name}" for name in ("mrc", "png", "json")}
    _write_pictures(spectrum, microscope, estimate, settings, stem, outputs)
    result = {
        "input": None if source is None else str(source),
        **_result(estimate, acquisition, microscope, params, outputs),
        **tilt,
    }
    result["warnings"] = [*notes, *result["warnings"]]
    # The last of the files: where it is, the others are.
    write_result(outputs["json"], result)
    return result


def _spectrum(
    images: Iterable[np.ndarray],
    pixel_size: float,
    microscope: Microscope,
    params: CtfParams,
    settings: CtfSettings,
) -> tuple[Spectrum, dict[str, float | None]]:
    """Mean spectrum of the images, levelled where tilt is asked for, and the tilt that was found or given."""
    from vitreous.algorithms.ctf.spectrum import image_spectrum, mean_spectrum
    from vitreous.algorithms.ctf.tilt import fit_plane, gradient_of, levelled, tiled_spectrum
    from vitreous.jobs.device import as_tensor

    tensors = (as_tensor(one, params.device) for one in images)
    resample_to = params.resample_to or None
    if not params.find_tilt and params.tilt_angle is None:
        parts = [image_spectrum(one, pixel_size, params.box, resample_to) for one in tensors]
        return mean_spectrum(parts), {"tilt_angle": None, "tilt_axis_angle": None}
    tiles = tiled_spectrum(tensors, pixel_size, params.box, resample_to)
    known = None if params.tilt_angle is None else gradient_of(params.tilt_angle, params.tilt_axis_angle)
    plane = fit_plane(tiles, microscope, settings, known)
    tilt: dict[str, float | None] = {
        "tilt_angle": round(plane.tilt_angle, 2),
        "tilt_axis_angle": round(plane.tilt_axis_angle, 2),
    }
    return levelled(tiles, microscope, plane), tilt


def _write_pictures(
    spectrum: Spectrum,
    microscope: Microscope,
    estimate: CtfEstimate,
    settings: CtfSettings,
    stem: str,
    outputs: dict[str, Path],
) -> None:
    from vitreous.algorithms.ctf.diagnostic import diagnostic_image
    from vitreous.formats.base import atomic_path
    from vitreous.formats.mrc_write import write_mrc
    from vitreous.jobs.ctf_plot import FitPicture, draw_fit, png_of

    resolution, curves, ctf = estimate.fit_resolution, estimate.curves, estimate.ctf
    nyquist = 0.5 / spectrum.pixel_size
    seen = 1.0 / (resolution or settings.max_resolution)
    picture = diagnostic_image(spectrum, microscope, ctf, curves, min(nyquist, seen)).cpu().numpy()
    write_mrc(outputs["mrc"], picture, pixel_size=spectrum.pixel_size)
    shift = f"   phase shift {ctf.phase_shift:.0f}°" if settings.find_phase_shift else ""
    facts = (
        f"defocus {ctf.defocus / 1e4:.3f} µm   U {ctf.defocus_u:.0f} Å   V {ctf.defocus_v:.0f} Å   "
        f"angle {ctf.astigmatism_angle:.0f}°{shift}   score {estimate.score:.3f}"
    )
    drawn = draw_fit(
        FitPicture(
            title=stem,
            facts=facts,
            diagnostic=picture,
            frequency=curves.frequency.cpu().numpy(),
            spectrum=curves.spectrum.cpu().numpy(),
            fit=curves.fit.cpu().numpy(),
            quality=curves.quality.cpu().numpy(),
            fit_resolution=resolution,
            max_frequency=min(nyquist, 1.3 * max(seen, 1.0 / settings.max_resolution)),
            nyquist=nyquist,
        )
    )
    with atomic_path(outputs["png"]) as aside:
        aside.write_bytes(png_of(drawn))


def _result(
    estimate: CtfEstimate,
    acquisition: Acquisition,
    microscope: Microscope,
    params: CtfParams,
    outputs: dict[str, Path],
) -> Result:
    curves, ctf = estimate.curves, estimate.ctf
    used = own_settings(params, CtfParams) | {
        "pixel_size": acquisition.pixel_size,
        "voltage": microscope.voltage,
        "spherical_aberration": microscope.spherical_aberration,
        "amplitude_contrast": microscope.amplitude_contrast,
    }
    return {
        "outputs": {name: str(path) for name, path in outputs.items()},
        "defocus_u": round(ctf.defocus_u, 1),
        "defocus_v": round(ctf.defocus_v, 1),
        "defocus": round(ctf.defocus, 1),
        "defocus_difference": round(ctf.defocus_difference, 1),
        "astigmatism_angle": round(ctf.astigmatism_angle, 2),
        "phase_shift": round(ctf.phase_shift, 2),
        "defocus_error": _rounded(estimate.defocus_error, 1),
        "fit_resolution": _rounded(estimate.fit_resolution, 3),
        "score": round(estimate.score, 5),
        "significance": round(estimate.significance, 2),
        "aliasing_limit": _rounded(estimate.aliasing_limit, 3),
        "curves": {
            "frequency": _column(curves.frequency, 6),
            "spectrum": _column(curves.spectrum, 4),
            "fit": _column(curves.fit, 4),
            "quality": _column(curves.quality, 4),
        },
        "settings": used,
        "warnings": list(estimate.warnings),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _column(values: Any, digits: int) -> list[float]:
    return [round(value, digits) for value in values.tolist()]


def averages(frames: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Means of ``size`` frames each, float32; a rest of fewer than half of that is joined to none."""
    total, count = None, 0
    given = 0
    for frame in frames:
        # A frame that is an average by itself is handed on at once: no copy is needed.
        total = frame.astype(np.float32, copy=size > 1) if total is None else total + frame
        count += 1
        if count == size:
            yield total if count == 1 else total / count
            total, count, given = None, 0, given + 1
    if total is not None and (given == 0 or 2 * count >= size):
        yield total / count


def _start(params: CtfParams) -> Runner:
    from vitreous.jobs.device import check_device

    given = given_acquisition(params)
    ctf_settings(params)
    if params.device != "cpu":
        check_device(params.device)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.images import open_images

        with open_images(path) as file:
            header = file.header
            if header.is_volume:
                raise DataError(
                    f"{path}: this is one map of {header.n_frames} sections, not images",
                    hint="Give micrographs or movies",
                    path=str(path),
                )
            acquisition = first_known(given, header.acquisition)
            size = frames_per_average(params, acquisition, header.n_frames)
            acquisition.microscope()
            images = _counted(averages(file.frames(), size), -(-header.n_frames // size), part_of(progress, 0.0, 0.5))
            # The number of frames that was taken is recorded, not that none was given.
            taken = params.model_copy(update={"frames_to_average": size if header.n_frames > 1 else None})
            return estimate_and_write(
                images, acquisition, taken, path.stem, out, progress, source=path, notes=header.warnings
            )

    return run


def _counted(images: Iterable[np.ndarray], number: int, progress: Progress) -> Iterator[np.ndarray]:
    for index, image in enumerate(images):
        progress(index / max(1, number), "spectrum")
        yield image


_COLUMNS = (
    "defocus_u", "defocus_v", "defocus", "defocus_difference", "astigmatism_angle", "phase_shift", "defocus_error",
    "fit_resolution", "score", "significance", "aliasing_limit",
)  # fmt: skip

JOB = JobType(
    name="ctf",
    title="Find CTF",
    summary="Estimate defocus, astigmatism and phase shift of micrographs or movies from their Thon rings.",
    params=CtfParams,
    start=_start,
    finish=write_micrographs_table,
    items="IMAGE",
    example="vitreous ctf micrographs/*.mrc --pixel-size 1.3 --voltage 300 --spherical-aberration 2.7 --out ctf",
    columns={
        "defocus_u": ("defocus U / Å", ".0f"),
        "defocus_v": ("defocus V / Å", ".0f"),
        "astigmatism_angle": ("angle / °", ".0f"),
        "phase_shift": ("phase shift / °", ".0f"),
        "fit_resolution": ("fit / Å", ".1f"),
        "score": ("score", ".3f"),
    },
    citations=(
        "Rohou & Grigorieff 2015, J. Struct. Biol. 192:216 (CTFFIND4: the method)",
        "Elferich et al. 2024, eLife 13:RP97227 (CTFFIND5: tilted specimens)",
        "McMullan et al. 2015, Ultramicroscopy 158:26 (Thon rings of ice and the dose of a sub-average)",
    ),
    category="CTF",
    order=30,
    needs=("micrograph|movie",),
    gives=(
        Slot(
            "ctf",
            file="json",
            files=("mrc", "png"),
            columns={
                **{name: name for name in _COLUMNS},
                "specimen_tilt": "tilt_angle",
                "specimen_tilt_axis": "tilt_axis_angle",
            },
        ),
    ),
    methods="Defocus and astigmatism[find_phase_shift: and phase shift] were estimated from Thon rings between "
    "{min_resolution} and {max_resolution} Å.",
)
