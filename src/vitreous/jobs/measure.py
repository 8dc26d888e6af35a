"""The job type that measures the quality of images: counts, spread, ice and dose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitreous.core.errors import DataError
from vitreous.core.progress import Progress
from vitreous.jobs.acquisition_params import AcquisitionParams, given_acquisition
from vitreous.jobs.result_file import write_result
from vitreous.model.acquisition import Acquisition, first_known
from vitreous.workflow.job_type import JobType, Result, Runner, Slot, parameter

if TYPE_CHECKING:
    from vitreous.algorithms.quality.iciness import IcinessDefinition

_ICE, _LIMITS = "Ice", "Warnings"


class MeasureParams(AcquisitionParams):
    """What may be chosen of the measurement, and when to warn."""

    iciness_definition: Literal["paper", "focus", "custom"] = parameter(
        "paper",
        help="paper: intensity at 3.5-3.9 over 30-80 Å; focus: amplitude at 3.5-4.0 over 6-30 Å; custom: bands below",
        group=_ICE,
    )
    ice_band: tuple[float, float] = parameter(
        (3.5, 3.9), help="band of the ice ring, for custom", unit="Å", level="advanced", group=_ICE
    )
    reference_band: tuple[float, float] = parameter(
        (30.0, 80.0), help="band that the ring is compared with, for custom", unit="Å", level="advanced", group=_ICE
    )
    iciness_power: Literal["1", "2"] = parameter(
        "2", help="1: amplitudes, 2: intensities, for custom", level="advanced", group=_ICE
    )
    second_ring: bool = parameter(False, help="measure the second ice ring at 2.2-2.3 Å too", group=_ICE)
    n_frames: int | None = parameter(
        None,
        help="frames that were summed in the image; those in the file unless given",
        unit="frames",
        inherits=True,
        ge=1,
    )
    total_dose: float | None = parameter(
        None,
        help="exposure of the whole image; that of its frames unless given",
        unit="e/Å²",
        level="advanced",
        inherits=True,
        ge=0,
    )
    counts_per_electron: float = parameter(
        1.0, help="counts that one electron gives in the image", unit="counts/e", level="advanced", gt=0
    )
    max_iciness: float = parameter(1.6, help="warn above this iciness", level="advanced", group=_LIMITS)
    min_counts: float = parameter(0.1, help="warn below this mean", unit="e/px/frame", level="advanced", group=_LIMITS)
    max_relative_stddev: float = parameter(
        30.0, help="warn above this standard deviation", unit="% of the mean", level="advanced", group=_LIMITS
    )
    alarm_defocus_high: float = parameter(
        70000.0, help="warn above this defocus", unit="Å", level="advanced", group=_LIMITS
    )
    alarm_defocus_low: float = parameter(
        2000.0, help="warn below this defocus", unit="Å", level="advanced", group=_LIMITS
    )
    max_drift: float = parameter(50.0, help="warn above this drift", unit="Å", level="advanced", group=_LIMITS)
    max_defocus_difference: float = parameter(
        300.0, help="warn above this defocus difference", unit="Å", level="advanced", group=_LIMITS
    )
    max_fit_resolution: float = parameter(
        6.0, help="warn where the CTF fit ends before this", unit="Å", level="advanced", group=_LIMITS
    )


def measure_image(image: np.ndarray, acquisition: Acquisition, params: MeasureParams, n_frames: int | None) -> Result:
    """Measure one image; no file is read or written.

    Args:
        image: real ``[ny, nx]``, a sum of counts; not changed.
        acquisition: what is known; pixel size for ice, dose for the dose figures.
        params: definitions and limits.
        n_frames: frames that were summed, ``None`` where not known.

    Returns:
        Statistics, iciness with the definition used, dose figures and ``alerts``. What can't be measured is ``None``.

    Raises:
        ComputeError: the image holds NaN or infinity.
    """
    from vitreous.algorithms.quality.iciness import FOCUS_SECOND, amplitude_squared, ice_ring_density, iciness
    from vitreous.algorithms.quality.statistics import pixel_statistics
    from vitreous.jobs.device import as_tensor

    tensor = as_tensor(image)
    figures = pixel_statistics(tensor)
    definition = _definition(params)
    ice: dict[str, float | None] = {"iciness": None, "ice_ring_density": None}
    if params.second_ring:
        ice["iciness_second_ring"] = None
    if acquisition.pixel_size is not None:
        shape, pixel_size = (image.shape[0], image.shape[1]), acquisition.pixel_size
        power = amplitude_squared(tensor)
        ice["iciness"] = iciness(power, shape, pixel_size, definition)
        ice["ice_ring_density"] = ice_ring_density(power, shape, pixel_size)
        if params.second_ring:
            ice["iciness_second_ring"] = iciness(power, shape, pixel_size, FOCUS_SECOND)
    result: Result = {
        "mean": figures.mean,
        "stddev": figures.stddev,
        "relative_stddev": figures.relative_stddev,
        "minimum": figures.minimum,
        "maximum": figures.maximum,
        "percentiles": {f"{p:g}": value for p, value in figures.percentiles.items()},
        **ice,
        "iciness_definition": {
            "name": definition.name,
            "ring": list(definition.ring),
            "reference": list(definition.reference),
            "power": definition.power,
        },
        **_dose(acquisition, figures.mean / params.counts_per_electron, n_frames, params.total_dose),
    }
    return with_alerts(result, alerts(result, params))


def with_alerts(result: Result, found: list[dict[str, str]]) -> Result:
    """The result with its alerts and their numbers."""
    severe = sum(alert["level"] == "severe" for alert in found)
    return {**result, "alerts": found, "n_alerts": len(found), "n_severe_alerts": severe}


def alerts(figures: Mapping[str, Any], params: MeasureParams) -> list[dict[str, str]]:
    """What is out of limits, as ``{level, what, cause}``: level is "severe" or "mild", cause is where to look first.

    Args:
        figures: of ``measure_image``, and where known of motion and CTF (``drift_total``, ``defocus``,
            ``defocus_difference``, ``fit_resolution``); a figure that is missing or ``None`` is not judged.
        params: limits.
    """
    ice_limit = params.max_iciness
    rules = (
        ("counts_per_frame", -1, params.min_counts, "severe", "mean of {:.3g} e/px/frame: the image is dark",
         "energy filter slit or beam has drifted, or the shutter was closed"),
        ("relative_stddev", 1, params.max_relative_stddev, "severe", "standard deviation of {:.0f} % of the mean",
         "stripes of the detector, a grid bar or thick contamination in view"),
        ("iciness", 1, ice_limit, "mild", "iciness of {:.2f}",
         "the specimen has warmed, or ice crystals lie on it"),
        ("drift_total", 1, params.max_drift, "mild", "drift of {:.0f} Å",
         "the specimen's temperature or the stage's mechanics have not settled"),
        ("defocus", 1, params.alarm_defocus_high, "mild", "defocus of {:.0f} Å", "the focusing routine has failed"),
        ("defocus", -1, params.alarm_defocus_low, "mild", "defocus of {:.0f} Å", "the focusing routine has failed"),
        ("defocus_difference", 1, params.max_defocus_difference, "mild", "defocus difference of {:.0f} Å",
         "objective astigmatism needs correction, or the grid is charged or bent"),
        ("fit_resolution", 1, params.max_fit_resolution, "mild", "CTF fit to {:.1f} Å only",
         "check pixel size, voltage and spherical aberration; else drift, thick ice or an empty hole"),
    )  # fmt: skip
    found = []
    for name, side, limit, level, text, cause in rules:
        value = figures.get(name)
        if value is not None and side * (value - limit) > 0.0:
            found.append({"level": level, "what": text.format(value), "cause": cause})
    return found


def _definition(params: MeasureParams) -> IcinessDefinition:
    from vitreous.algorithms.quality.iciness import FOCUS, PAPER, IcinessDefinition

    if params.iciness_definition == "custom":
        ring, reference = sorted(params.ice_band), sorted(params.reference_band)
        return IcinessDefinition("custom", (ring[0], ring[1]), (reference[0], reference[1]), int(params.iciness_power))
    return PAPER if params.iciness_definition == "paper" else FOCUS


def _dose(
    acquisition: Acquisition, electrons: float, n_frames: int | None, whole: float | None
) -> dict[str, float | int | None]:
    """Counts per frame, and dose as set (``whole``, else of the acquisition) and as counted (from the image's mean)."""
    counts = None if n_frames is None else electrons / n_frames
    per_frame = acquisition.dose_per_frame
    total = None if per_frame is None or n_frames is None else per_frame * n_frames
    if acquisition.frame_doses:
        total = math.fsum(acquisition.frame_doses)
        per_frame = total / len(acquisition.frame_doses)
    if whole is not None:
        # The frames that were summed may be some of those that the list of doses speaks of.
        total, per_frame = whole, None if n_frames is None else whole / n_frames
    pixel_size = acquisition.pixel_size
    return {
        "n_frames": n_frames,
        "counts_per_frame": counts,
        "counted_dose": None if pixel_size is None or n_frames is None else electrons / pixel_size**2,
        "dose_per_frame": per_frame,
        "total_dose": total,
        "pre_exposure": acquisition.pre_exposure,
    }


def _start(params: MeasureParams) -> Runner:
    given = given_acquisition(params)
    _definition(params)

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
            image = np.zeros(header.shape, dtype=np.float32)
            for index, frame in enumerate(file.frames()):
                image += frame
                progress(0.7 * (index + 1) / header.n_frames, "read")
        n_frames = params.n_frames or _frames_of(header.n_frames, acquisition)
        measured = measure_image(image, acquisition, params, n_frames)
        notes = [*header.warnings, *(f"{alert['what']} ({alert['cause']})" for alert in measured["alerts"])]
        if acquisition.pixel_size is None:
            notes.append("pixel size is not known: ice is not measured")
        output = out / f"{path.stem}_measure.json"
        result = {"input": str(path), "outputs": {"json": str(output)}, **measured, "warnings": notes}
        write_result(output, result)
        return result

    return run


def _frames_of(in_file: int, acquisition: Acquisition) -> int | None:
    """Frames behind an image: those of the file, or of the list of doses; a lone image is a sum of unknown number."""
    if in_file > 1:
        return in_file
    return len(acquisition.frame_doses) if acquisition.frame_doses else None


JOB = JobType(
    name="measure",
    title="Measure quality",
    summary="Measure counts, spread, ice and dose of micrographs or movies, and warn where they are out of limits.",
    params=MeasureParams,
    start=_start,
    items="IMAGE",
    example="vitreous measure micrographs/*.mrc --pixel-size 1.3 --n-frames 40 --out quality",
    columns={
        "mean": ("mean", ".2f"),
        "counts_per_frame": ("e/px/frame", ".2f"),
        "relative_stddev": ("σ / %", ".1f"),
        "iciness": ("iciness", ".2f"),
        "ice_ring_density": ("ice ring", ".2f"),
        "total_dose": ("dose / e/Å²", ".1f"),
    },
    citations=("Biyani et al. 2017, J. Struct. Biol. 198:124 (iciness)",),
    category="Quality",
    order=40,
    needs=("micrograph|movie",),
    gives=(
        Slot(
            "quality",
            file="json",
            columns={
                "image_mean": "mean",
                "image_stddev": "stddev",
                "relative_stddev": "relative_stddev",
                "image_minimum": "minimum",
                "image_maximum": "maximum",
                "counts_per_frame": "counts_per_frame",
                "counted_dose": "counted_dose",
                "iciness": "iciness",
                "iciness_second_ring": "iciness_second_ring",
                "ice_ring_density": "ice_ring_density",
                "alerts": "n_alerts",
                "severe_alerts": "n_severe_alerts",
            },
        ),
    ),
    methods="Images were judged by their counts and by the strength of the ice ring (definition: "
    "{iciness_definition}; limit {max_iciness}).",
)
