"""The job type that corrects the specimen's motion in movies and sums their frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.core.errors import DataError, UsageError
from vitreous.core.progress import Progress
from vitreous.jobs.acquisition_params import given_acquisition
from vitreous.jobs.device import check_device
from vitreous.jobs.motion_params import MotionParams
from vitreous.jobs.result_file import own_settings, write_result
from vitreous.model.acquisition import Acquisition, first_known
from vitreous.workflow.job_type import JobType, Result, Runner, Slot

if TYPE_CHECKING:
    from vitreous.formats.base import ImageHeader
    from vitreous.formats.side_record import Sidecar
    from vitreous.jobs.frame_source import FrameRange
    from vitreous.jobs.motion_run import CorrectedMovie


def _start(params: MotionParams) -> Runner:
    from vitreous.jobs.frame_source import FrameSource, frame_range, gain_loader

    given = given_acquisition(params)
    check_device(params.device)
    gain_for = gain_loader(params)

    def run(path: Path, out: Path, progress: Progress) -> Result:
        from vitreous.formats.images import EerOptions, open_images
        from vitreous.formats.sidecar import sidecar_acquisition
        from vitreous.jobs.motion_run import correct_movie

        _refuse_own_input(path, out)
        sidecar = sidecar_acquisition(path)
        options = EerOptions(upsampling=params.eer_upsampling, frames_per_fraction=params.eer_frames)
        with open_images(path, options if _chosen(params) else None) as file:
            header = file.header
            if header.is_volume:
                raise DataError(f"{path}: this is one map, not a movie", hint="Give movies", path=str(path))
            acquisition = _acquisition(given, sidecar, header)
            pixel_size = acquisition.needed("pixel_size")
            used = frame_range(header, acquisition, params)
            voltage = acquisition.needed("voltage") if params.exposure_filter else acquisition.voltage or 300.0
            source = FrameSource(file, used, params.memory * 1e9, params.device)
            movie = correct_movie(source, pixel_size, voltage, params, gain_for, progress)
        warnings = [*header.warnings, *(() if sidecar is None else sidecar.warnings), *_warnings(movie)]
        progress(0.98, "writing")
        return _write(path, out, header, acquisition, used, movie, params, warnings)

    return run


def _acquisition(given: Acquisition, sidecar: Sidecar | None, header: ImageHeader) -> Acquisition:
    """What the user said, then the file beside the movie, then the movie's header.

    A side file speaks of the image that the camera's software summed: its pixel size is converted to the frames', and
    its exposures count only where there is one for each frame of this file.
    """
    sources = [header.acquisition]
    if sidecar is not None:
        beside = sidecar.acquisition
        changed: dict[str, Any] = {"pixel_size": sidecar.pixel_size_of_frames(header.shape)}
        if beside.frame_doses is not None and len(beside.frame_doses) != header.n_frames:
            changed["frame_doses"] = None
        if sidecar.total_dose is not None and sidecar.n_frames != header.n_frames and header.format == "eer":
            changed |= {"frame_doses": None, "dose_per_frame": sidecar.total_dose / header.n_frames}
        sources.insert(0, beside.model_copy(update=changed))
    if given.dose_per_frame is not None:
        # A dose that was given is meant for every frame, whatever list a file holds.
        sources = [source.model_copy(update={"frame_doses": None}) for source in sources]
    return first_known(given, *sources)


def _chosen(params: MotionParams) -> bool:
    """Whether EER options were given; without them the reader chooses fractions by dose."""
    return params.eer_upsampling != 1 or params.eer_frames is not None


def _refuse_own_input(path: Path, out: Path) -> None:
    """A sum must never replace the movie that it is made of."""
    for name in (f"{path.stem}.mrc", f"{path.stem}_dw.mrc", f"{path.stem}_odd.mrc", f"{path.stem}_even.mrc"):
        if (out / name).resolve() == path.resolve():
            raise UsageError(
                f"{path}: the sum would replace the movie", hint="Choose another folder with --out", path=str(path)
            )


def _warnings(movie: CorrectedMovie) -> list[str]:
    found = []
    if not movie.whole.converged:
        found.append("the alignment did not settle; look at the trajectory")
    share = len(movie.bad_pixels) / (movie.sampling.frame[0] * movie.sampling.frame[1])
    if share > 0.01:
        found.append(f"{100 * share:.1f} % of the pixels were replaced as defects")
    if movie.mean_counts <= 0:
        found.append("the frames hold no counts")
    return found


def _write(
    path: Path,
    out: Path,
    header: ImageHeader,
    acquisition: Acquisition,
    used: FrameRange,
    movie: CorrectedMovie,
    params: MotionParams,
    warnings: list[str],
) -> Result:
    """Write the sums, the STAR and the JSON; the JSON last: where it is, the others are."""
    from vitreous.formats.motion_star import write_motion_star
    from vitreous.formats.mrc_write import write_mrc

    stem = out / path.stem
    odd, even = movie.sums.odd.cpu().numpy(), movie.sums.even.cpu().numpy()
    aligned = odd + even
    images: dict[str, tuple[str, np.ndarray]] = {"sum": (".mrc", aligned)}
    if movie.sums.filtered is not None:
        images["sum_dw"] = ("_dw.mrc", movie.sums.filtered.cpu().numpy())
    if params.odd_even:
        images |= {"odd": ("_odd.mrc", odd), "even": ("_even.mrc", even)}
    outputs: dict[str, str] = {}
    for name, (suffix, image) in images.items():
        outputs[name] = str(write_mrc(Path(f"{stem}{suffix}"), image, pixel_size=movie.sampling.pixel_size))
    if params.scaled_sum:
        outputs["picture"] = str(_write_picture(Path(f"{stem}.png"), aligned))
    outputs["star"] = f"{stem}.star"
    write_motion_star(Path(outputs["star"]), _motion_model(path, header, acquisition, used, movie, params))
    outputs["json"] = f"{stem}.json"
    result = {
        "input": str(path),
        "outputs": outputs,
        **_figures(header, acquisition, used, movie),
        "settings": _settings(params, acquisition),
        "warnings": warnings,
    }
    write_result(Path(outputs["json"]), result, indent=None)
    return result


def _write_picture(path: Path, image: np.ndarray, size: int = 512) -> Path:
    """Small 8-bit picture of a sum, row 0 at the bottom, grey from the 0.5th to the 99.5th percentile."""
    from PIL import Image

    from vitreous.formats.base import atomic_path

    step = max(1, -(-max(image.shape) // size))
    ny, nx = (n // step * step for n in image.shape)
    small = image[:ny, :nx].reshape(ny // step, step, nx // step, step).mean((1, 3))
    low, high = np.percentile(small, (0.5, 99.5))
    grey = np.clip((small - low) / max(high - low, 1e-12) * 255.0, 0, 255).astype(np.uint8)
    with atomic_path(path) as aside:
        Image.fromarray(grey[::-1]).save(aside, format="PNG", compress_level=1)
    return path


def _motion_model(
    path: Path,
    header: ImageHeader,
    acquisition: Acquisition,
    used: FrameRange,
    movie: CorrectedMovie,
    params: MotionParams,
) -> Any:
    """The motion as RELION's table has it: shifts of all frames, and the polynomial nearest to the field."""
    from vitreous.algorithms.movies.field import polynomial_coefficients
    from vitreous.model.motion import MotionModel

    shifts = np.full((header.n_frames, 2), np.nan)
    shifts[used.first : used.stop] = movie.whole.shifts.cpu().numpy()
    shifts[used.stop :] = shifts[used.stop - 1]
    coefficients = None if movie.local is None else polynomial_coefficients(movie.local.field).cpu().numpy()
    return MotionModel(
        pixel_size=acquisition.needed("pixel_size"),
        shape=header.shape,
        global_shift=shifts,
        local_coefficients=coefficients,
        first_frame=used.first,
        voltage=acquisition.voltage,
        dose_per_frame=None if used.doses is None else float(used.doses.mean()),
        pre_exposure=acquisition.pre_exposure or 0.0,
        movie=str(path),
        gain=None if params.gain is None else str(params.gain),
        binning=movie.sampling.pixel_size / acquisition.needed("pixel_size"),
        hot_pixels=movie.bad_pixels.numpy() if len(movie.bad_pixels) <= 10_000 else np.zeros((0, 2), np.int64),
    )


def _figures(header: ImageHeader, acquisition: Acquisition, used: FrameRange, movie: CorrectedMovie) -> Result:
    """Numbers of the result: sizes, exposure, drift, trajectory, diagnostics."""
    from vitreous.algorithms.movies.drift import drift_statistics

    x, y, shift = movie.shifts_on_grid()
    mean = shift.mean((1, 2))
    drift = drift_statistics(mean, movie.exposures)
    local = shift - mean[:, None, None]
    area = acquisition.needed("pixel_size") ** 2
    figures: Result = {
        "n_frames": len(used),
        "n_frames_in_file": header.n_frames,
        "first_frame": used.first + 1,
        "frame_shape": list(header.shape),
        "shape": list(movie.sums.odd.shape),
        "width": movie.sums.odd.shape[1],
        "height": movie.sums.odd.shape[0],
        "pixel_size": round(movie.sampling.pixel_size, 6),
        "counts_per_frame": round(movie.mean_counts, 5),
        "measured_dose_per_frame": round(movie.mean_counts / area, 5),
        "dose_per_frame": None if used.doses is None else round(float(used.doses.mean()), 6),
        "total_dose": None if used.doses is None else round(float(used.doses.sum()), 4),
        "pre_exposure": acquisition.pre_exposure,
        "voltage": acquisition.voltage,
        "spherical_aberration": acquisition.spherical_aberration,
        "amplitude_contrast": acquisition.amplitude_contrast,
        "bad_pixels": len(movie.bad_pixels),
        "gain_orientation": None if movie.gain is None else str(movie.gain.orientation),
        "gain_kind": None if movie.gain is None else movie.gain.kind,
    }
    for name, value in vars(drift).items():
        figures[f"drift_{name}"] = None if value is None else round(value, 4)
    figures |= {
        "local_motion_max": round(float(local.norm(dim=-1).max()), 4),
        "alignment": {
            "rounds": movie.whole.iterations[0],
            "refinements": movie.whole.iterations[1],
            "converged": movie.whole.converged,
            "acceleration_sd": movie.whole.acceleration_sd,
            "patch_deviation": None if movie.local is None else movie.local.deviation.round(decimals=3).tolist(),
            "patch_weight": None if movie.local is None else movie.local.weight.round(decimals=3).tolist(),
        },
        "trajectory": {"x": x, "y": y, "shift": shift.round(decimals=4).tolist()},
    }
    return figures


def _settings(params: MotionParams, acquisition: Acquisition) -> Result:
    """Options used, and the acquisition as it was known."""
    return {**own_settings(params, MotionParams), **acquisition.model_dump(mode="json")}


_MICROGRAPH_COLUMNS = (
    "pixel_size", "width", "height", "n_frames", "dose_per_frame", "total_dose", "pre_exposure", "voltage",
    "spherical_aberration", "amplitude_contrast",
)  # fmt: skip
_MOTION_COLUMNS = (
    "drift_total", "drift_early", "drift_late", "drift_range", "drift_longest_step", "drift_deceleration",
    "drift_jitter", "local_motion_max", "bad_pixels", "gain_orientation", "gain_kind", "measured_dose_per_frame",
)  # fmt: skip

JOB = JobType(
    name="motion",
    title="Correct motion",
    summary="Correct gain, defects and the specimen's motion in movies, and sum their frames with an exposure filter.",
    params=MotionParams,
    start=_start,
    items="MOVIE",
    example="vitreous motion *.tif --gain gain.mrc --pixel-size 1.3 --voltage 300 --dose-per-frame 1.3 --out motion",
    columns={
        "n_frames": ("frames", "d"),
        "drift_total": ("drift / Å", ".1f"),
        "drift_early": ("early / Å", ".1f"),
        "local_motion_max": ("local / Å", ".1f"),
        "counts_per_frame": ("e/px/frame", ".2f"),
        "bad_pixels": ("bad px", "d"),
    },
    citations=(
        "Grant & Grigorieff 2015, eLife 4:e06980 (Unblur: whole-frame rounds, exposure filter)",
        "Zheng et al. 2017, Nat. Methods 14:331 (MotionCor2: local motion)",
        "Zivanov, Nakane & Scheres 2019, IUCrJ 6:5 (motion as a Gaussian process)",
    ),
    category="Align",
    order=20,
    needs=("movie",),
    gives=(
        Slot(
            "motion",
            file="star",
            files=("json",),
            columns={**{name: name for name in _MOTION_COLUMNS}, "movie_counts_per_frame": "counts_per_frame"},
        ),
        Slot(
            "micrograph",
            file="sum",
            files=("sum_dw", "odd", "even", "picture"),
            columns={name: name for name in _MICROGRAPH_COLUMNS},
        ),
    ),
    methods="Movies were corrected for the specimen's motion in {patches} patches at up to {align_resolution} Å"
    "[exposure_filter: and summed with an exposure filter].",
)
