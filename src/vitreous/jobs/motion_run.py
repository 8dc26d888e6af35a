"""Motion correction of one movie: from frames to sums, trajectory and figures, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.exposure_filter import exposure_weight
from vitreous.algorithms.movies.band import make_band
from vitreous.algorithms.movies.defects import BadPixels, find_bad_pixels, locate, replace_bad_pixels
from vitreous.algorithms.movies.field import field_at
from vitreous.algorithms.movies.gain import PreparedGain
from vitreous.algorithms.movies.local_motion import LocalMotion, LocalOptions, measure_local_motion
from vitreous.algorithms.movies.sampling import Sampling, plan_sampling
from vitreous.algorithms.movies.sum_frames import FrameSums, exposure_table, sum_frames
from vitreous.algorithms.movies.whole_frame import (
    WhiteFrames,
    WholeFrameMotion,
    WholeFrameOptions,
    align_whole_frames,
    white_frames,
)
from vitreous.core.progress import Progress, part_of
from vitreous.jobs.frame_source import FrameSource, GainFor, known_defects
from vitreous.jobs.motion_params import MotionParams

TRAJECTORY_POINTS = 5


@dataclass(frozen=True)
class CorrectedMovie:
    """Everything that motion correction finds of one movie.

    Attributes:
        sums: cropped to the output's size.
        sampling: sizes and output pixel size.
        whole: whole-frame motion.
        local: local motion, ``None`` where it was not asked for.
        exposures: float64 ``[n]``, e/Å² at the end of each frame, or ``None``.
        gain: as applied, or ``None``.
        bad_pixels: int64 ``[n, 2]``, (x, y) px of the recorded frame: all that were replaced in every frame.
        mean_counts: per pixel and frame, after gain correction, bad pixels left out.
    """

    sums: FrameSums
    sampling: Sampling
    whole: WholeFrameMotion
    local: LocalMotion | None
    exposures: torch.Tensor | None
    gain: PreparedGain | None
    bad_pixels: torch.Tensor
    mean_counts: float

    def shifts_on_grid(self, points: int = TRAJECTORY_POINTS) -> tuple[list[float], list[float], torch.Tensor]:
        """Whole motion in Å at the centres of a points × points partition: x px, y px, ``[n, y, x, 2]``."""
        ny, nx = self.sampling.frame
        centre = (torch.arange(points, dtype=torch.float64) + 0.5) / points
        motion = self.whole.shifts.cpu()[:, None, None, :].expand(-1, points, points, 2).clone()
        if self.local is not None:
            # The field lives on the padded frame.
            v, u = torch.meshgrid(
                centre * ny / self.sampling.padded[0] - 0.5, centre * nx / self.sampling.padded[1] - 0.5, indexing="ij"
            )
            motion += field_at(self.local.field.cpu(), u, v)
        motion = motion - motion[0]
        return [float(c) * nx for c in centre], [float(c) * ny for c in centre], motion


def correct_movie(
    source: FrameSource, pixel_size: float, voltage: float, params: MotionParams, gain_for: GainFor, progress: Progress
) -> CorrectedMovie:
    """Correct one movie.

    Args:
        source: its raw frames.
        pixel_size: Å as recorded. voltage: kV.
        params: options.
        gain_for: gain reference for the average of its frames.
        progress: told the fraction done; may raise ``Cancelled``.
    """
    used, device = source.used, source.device
    shape = source.file.header.shape
    sampling = plan_sampling(shape, pixel_size, params.target_pixel_size)
    total = source.total(part_of(progress, 0.0, 0.15))
    gain = gain_for(total / len(used), len(used))
    multiplier = None if gain is None else gain.multiplier.to(device)
    if multiplier is not None:
        total = total * multiplier
    known = known_defects(params, shape, gain).to(device)
    bad_map = find_bad_pixels(total, known) if params.find_defects else known
    prepared = _Prepared(source, multiplier, locate(bad_map), sampling, params.memory * 1e9)
    exposures = None if used.exposures is None else torch.from_numpy(used.exposures).to(device)
    frames = _alignment_frames(prepared, exposures, voltage, params, part_of(progress, 0.15, 0.4))
    whole = align_whole_frames(frames, _whole_options(params), part_of(progress, 0.4, 0.55))
    local = None
    if params.patches != (1, 1):
        options = LocalOptions(params.patches, params.group_exposure, params.group_frames)
        local = measure_local_motion(frames, whole.shifts, options, part_of(progress, 0.55, 0.65))
    del frames
    sums = sum_frames(
        prepared.transforms(),
        sampling.resampled,
        sampling.extent,
        whole.shifts,
        None if local is None else local.field,
        _weights(sampling, exposures, voltage, params),
        part_of(progress, 0.65, 0.98),
    )
    good = total[~bad_map]
    mean_counts = float(good.mean()) / len(used) if len(good) else 0.0
    pixels = torch.nonzero(bad_map).flip(1).cpu()
    return CorrectedMovie(_cropped(sums, sampling.output), sampling, whole, local, exposures, gain, pixels, mean_counts)


class _Prepared:
    """Transforms of corrected frames at the output's sampling: kept when they fit the memory, else made again."""

    def __init__(
        self, source: FrameSource, multiplier: torch.Tensor | None, bad: BadPixels, sampling: Sampling, budget: float
    ) -> None:
        self._source = source
        self._multiplier = multiplier
        self._bad = bad
        self.sampling = sampling
        ny, nx = sampling.resampled
        if source.device == "cuda":
            budget = 0.5 * torch.cuda.mem_get_info()[0]
        self._kept: list[torch.Tensor] | None = [] if len(source.used) * ny * (nx // 2 + 1) * 8 <= budget else None

    def __len__(self) -> int:
        return len(self._source.used)

    def full_transforms(self) -> Iterator[torch.Tensor]:
        """Transforms of corrected, padded frames before resampling; those of the output are kept on the way."""
        generator = torch.Generator().manual_seed(0)  # the same noise in every pass and every run
        plan = self.sampling
        for raw in self._source.frames():
            frame = raw if self._multiplier is None else raw.mul_(self._multiplier)
            frame = replace_bad_pixels(frame, self._bad, generator)
            if plan.padded != plan.frame:
                (py, px), (ny, nx) = plan.padded, plan.frame
                padded = torch.full((py, px), float(frame.mean()), device=frame.device)
                padded[:ny, :nx] = frame
                frame = padded
            transform = torch.fft.rfft2(frame)
            if self._kept is not None and len(self._kept) < len(self):
                self._kept.append(self._resampled(transform))
            yield transform

    def _resampled(self, transform: torch.Tensor) -> torch.Tensor:
        plan = self.sampling
        if plan.padded == plan.resampled:
            return transform
        return fourier_resize(transform, plan.padded, plan.resampled)

    def transforms(self) -> Iterator[torch.Tensor]:
        """Transforms at the output's sampling."""
        if self._kept is not None and len(self._kept) == len(self):
            yield from self._kept
            return
        for transform in self.full_transforms():
            yield self._resampled(transform)


def _alignment_frames(
    prepared: _Prepared, exposures: torch.Tensor | None, voltage: float, params: MotionParams, progress: Progress
) -> WhiteFrames:
    """All frames, cropped to the alignment's resolution, whitened and exposure-filtered."""
    from vitreous.algorithms.fourier.sizes import smooth_up

    plan = prepared.sampling
    limit = max(params.align_resolution, 2.02 * plan.extent[0] / plan.padded[0])
    shape = tuple(
        min(n, smooth_up(int(2.0 * size / limit) + 2)) for n, size in zip(plan.padded, plan.extent, strict=True)
    )
    cross = (params.cross_width_y, params.cross_width_x) if params.mask_cross else None
    device = prepared._source.device
    band = make_band((shape[0], shape[1]), plan.extent, high_resolution=limit, cross=cross, device=device)
    small = []
    for number, transform in enumerate(prepared.full_transforms()):
        progress(number / len(prepared), "transforming")
        small.append(fourier_resize(transform, plan.padded, band.shape))
    weights = middle = None
    if exposures is not None and float(exposures[-1]) > 0:
        before = torch.cat([2 * exposures[:1] - exposures[1:2], exposures[:-1]]).clamp_min(0.0)
        middle = 0.5 * (before + exposures)
        weights = torch.stack([exposure_weight(band.frequency, float(dose), voltage) for dose in exposures])
    return white_frames(torch.stack(small), band, weights, middle)


def _whole_options(params: MotionParams) -> WholeFrameOptions:
    return WholeFrameOptions(
        min_shift=params.min_shift,
        max_shift=params.max_shift,
        termination_shift=params.termination_shift,
        max_iterations=params.max_iterations,
        b_factor=params.b_factor,
        refine=params.refine,
        smooth=params.smooth,
    )


def _weights(
    sampling: Sampling, exposures: torch.Tensor | None, voltage: float, params: MotionParams
) -> torch.Tensor | None:
    """Exposure weights of the filtered sum, or ``None`` where none is wanted."""
    if exposures is None or not params.exposure_filter:
        return None
    return exposure_table(sampling.resampled, sampling.extent, exposures, voltage, params.restore_power)


def _cropped(sums: FrameSums, output: tuple[int, int]) -> FrameSums:
    ny, nx = output

    def cut(image: torch.Tensor) -> torch.Tensor:
        return image[:ny, :nx].contiguous()

    return FrameSums(cut(sums.odd), cut(sums.even), None if sums.filtered is None else cut(sums.filtered))
