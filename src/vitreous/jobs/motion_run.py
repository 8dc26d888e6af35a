"""Motion correction of one movie: from frames to sums, trajectory and figures, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.exposure_filter import exposure_weight
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.movies.band import make_band
from vitreous.algorithms.movies.decimation import decimated, decimation_taps
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
_CHUNK_BYTES = 64e6


@dataclass(frozen=True)
class CorrectedMovie:
    """Everything that motion correction finds of one movie.

    Attributes:
        sums: odd, even and exposure-filtered.
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
            v, u = torch.meshgrid(centre - 0.5, centre - 0.5, indexing="ij")
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
    total = source.total(part_of(progress, 0.0, 0.2))
    gain = gain_for(total / len(used), len(used))
    multiplier = None if gain is None else gain.multiplier.to(device)
    if multiplier is not None:
        total = total * multiplier
    known = known_defects(params, shape, gain).to(device)
    bad_map = find_bad_pixels(total, known) if params.find_defects else known
    corrected = _Corrected(source, multiplier, locate(bad_map))
    exposures = None if used.exposures is None else torch.from_numpy(used.exposures).to(device)
    frames = _alignment_frames(corrected, sampling, pixel_size, exposures, voltage, params, part_of(progress, 0.2, 0.4))
    whole = align_whole_frames(frames, _whole_options(params), part_of(progress, 0.4, 0.55))
    local = None
    if params.patches != (1, 1):
        options = LocalOptions(
            params.patches,
            params.group_exposure,
            params.group_frames,
            extent=(shape[0] * pixel_size, shape[1] * pixel_size),
        )
        local = measure_local_motion(frames, whole.shifts, options, part_of(progress, 0.55, 0.65))
    del frames
    weights = None
    if exposures is not None and params.exposure_filter:
        weights = exposure_table(sampling.padded, sampling.extent, exposures, voltage, params.restore_power)
    field = None if local is None else local.field
    sums = sum_frames(corrected.chunks(), sampling, whole.shifts, field, weights, part_of(progress, 0.65, 0.98))
    good = total[~bad_map]
    mean_counts = float(good.mean()) / len(used) if len(good) else 0.0
    pixels = torch.nonzero(bad_map).flip(1).cpu()
    return CorrectedMovie(sums, sampling, whole, local, exposures, gain, pixels, mean_counts)


class _Corrected:
    """Frames after gain and defects, the same in every pass."""

    def __init__(self, source: FrameSource, multiplier: torch.Tensor | None, bad: BadPixels) -> None:
        self._source = source
        self._multiplier = multiplier
        self._bad = bad

    @property
    def device(self) -> str:
        """Where the frames are."""
        return self._source.device

    def __len__(self) -> int:
        return len(self._source.used)

    def __iter__(self) -> Iterator[torch.Tensor]:
        return self._frames(release=False)

    def _frames(self, *, release: bool) -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)  # the same noise in every pass and every run
        for raw in self._source.frames(release=release):
            frame = raw if self._multiplier is None else raw * self._multiplier
            yield replace_bad_pixels(frame, self._bad, generator)

    def chunks(self) -> Iterator[torch.Tensor]:
        """Frames in stacks for the last pass, which frees them: planes of the sums are passed over once per stack."""
        stack: list[torch.Tensor] = []
        for frame in self._frames(release=True):
            stack.append(frame)
            if (len(stack) + 1) * frame.numel() * frame.element_size() > _CHUNK_BYTES:
                yield torch.stack(stack)
                stack = []
        if stack:
            yield torch.stack(stack)


def _alignment_frames(
    corrected: _Corrected,
    sampling: Sampling,
    pixel_size: float,
    exposures: torch.Tensor | None,
    voltage: float,
    params: MotionParams,
    progress: Progress,
) -> WhiteFrames:
    """All frames, decimated and cropped to the alignment's resolution, whitened and exposure-filtered."""
    factor = max(1, int(params.align_resolution / (2.6 * pixel_size)))
    taps = decimation_taps(factor, pixel_size / max(params.align_resolution, 2.6 * pixel_size))
    ny, nx = (n // factor for n in sampling.frame)
    padded = smooth_up(ny), smooth_up(nx)
    extent = padded[0] * factor * pixel_size, padded[1] * factor * pixel_size
    limit = max(params.align_resolution, 2.02 * factor * pixel_size)
    shape = tuple(min(n, smooth_up(int(2.0 * size / limit) + 2)) for n, size in zip(padded, extent, strict=True))
    cross = (params.cross_width_y, params.cross_width_x) if params.mask_cross else None
    device = corrected.device
    band = make_band((shape[0], shape[1]), extent, high_resolution=limit, cross=cross, device=device)
    small = torch.zeros(len(corrected), shape[0], shape[1] // 2 + 1, dtype=torch.complex64, device=device)
    image = torch.zeros(padded, device=device)
    for number, frame in enumerate(corrected):
        progress(number / len(corrected), "transforming")
        coarse = decimated(frame, factor, taps)
        image[:ny, :nx] = coarse - coarse.mean()
        small[number] = fourier_resize(torch.fft.rfft2(image), padded, band.shape)
    weights = middle = None
    if exposures is not None and float(exposures[-1]) > 0:
        before = torch.cat([2 * exposures[:1] - exposures[1:2], exposures[:-1]]).clamp_min(0.0)
        middle = 0.5 * (before + exposures)
        weights = torch.stack([exposure_weight(band.frequency, float(dose), voltage) for dose in exposures])
    return white_frames(small, band, weights, middle)


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
