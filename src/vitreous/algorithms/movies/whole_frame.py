"""Whole-frame motion: coarse alignment by correlation peaks, then the most probable shifts.

The coarse rounds follow Unblur (Grant & Grigorieff 2015, eLife 4:e06980, "Movie alignment"): each frame is correlated
with the sum of the others under a B-factor; the first round ignores the innermost ångströms, where the detector's
fixed pattern correlates with itself. The refinement is the posterior of ``posterior.py`` with the smoothness of
``smoothing.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.sizes import smooth_up
from vitreous.algorithms.movies.band import Band
from vitreous.algorithms.movies.posterior import Evidence, evidence_of_shifts
from vitreous.algorithms.movies.smoothing import smoothest_fit
from vitreous.core.progress import Progress, silent


@dataclass(frozen=True)
class WholeFrameOptions:
    """How frames are aligned as wholes.

    Attributes:
        min_shift: Å, peaks nearer than this are ignored in the first round only.
        max_shift: Å, largest shift of one round; rounds add up.
        termination_shift: Å, the coarse rounds end when no frame moved more than this.
        max_iterations: coarse rounds at most.
        b_factor: Å², exp(-B s²/4) on the reference of the coarse rounds.
        refine: find the most probable shifts after the coarse rounds (else the smoothed coarse ones are the result).
        smooth: expect trajectories as smooth as the data support.
    """

    min_shift: float = 2.0
    max_shift: float = 40.0
    termination_shift: float = 1.0
    max_iterations: int = 10
    b_factor: float = 1500.0
    refine: bool = True
    smooth: bool = True


@dataclass(frozen=True)
class WholeFrameMotion:
    """Motion of the frames as wholes.

    Attributes:
        shifts: float64 ``[n, 2]`` (x, y), Å, the specimen's motion relative to the first frame.
        curvature: float64 ``[n, n]``, 1/Å², of the log-likelihood in one component of all shifts.
        snr: float32 ``[n_rings]``, signal over noise of one undamaged frame; empty without refinement.
        acceleration_sd: Å per frame² that the smoothing settled on, ``None`` without smoothing.
        iterations: coarse rounds, refinement rounds.
        converged: both ended by their criterion.
    """

    shifts: torch.Tensor
    curvature: torch.Tensor | None
    snr: torch.Tensor
    acceleration_sd: float | None
    iterations: tuple[int, int]
    converged: bool


@dataclass(frozen=True)
class WhiteFrames:
    """Frames ready for alignment, in one band.

    Attributes:
        transforms: complex64 ``[n, ny, nx//2+1]``, whitened, exposure-filtered, zero outside the band.
        powers: float32 ``[n, n_rings]``, ring means of their squares.
        quality: float32 ``[n, n_rings]``, squared exposure weights.
        exposure: float64 ``[n]``, e/Å² accumulated at the middle of each frame, or ``None``.
        band: where they live.
    """

    transforms: torch.Tensor
    powers: torch.Tensor
    quality: torch.Tensor
    exposure: torch.Tensor | None
    band: Band

    def cropped(self, high_resolution: float) -> WhiteFrames:
        """The same frames with rings up to ``high_resolution`` (Å) only, at the coarsest sampling that holds them."""
        band = self.band
        shape = tuple(
            min(n, smooth_up(int(2.0 * size / high_resolution) + 2))
            for n, size in zip(band.shape, band.extent, strict=True)
        )
        keep = min(band.n_rings, int(min(band.extent) / high_resolution) + 1)
        if shape == band.shape:
            return self
        smaller = band.cropped((shape[0], shape[1]), keep)
        # Coefficients beyond the kept rings must be zero: kernels do not test for them.
        transforms = fourier_resize(self.transforms, band.shape, smaller.shape) * (smaller.ring < keep)
        return WhiteFrames(transforms, self.powers[:, :keep], self.quality[:, :keep], self.exposure, smaller)


def white_frames(
    transforms: torch.Tensor, band: Band, weights: torch.Tensor | None = None, exposure: torch.Tensor | None = None
) -> WhiteFrames:
    """Divide frames by their mean amplitude per ring and multiply by exposure weights.

    Args:
        transforms: complex64 ``[n, ny, nx//2+1]``.
        band: of the transforms.
        weights: float32 ``[n, n_rings]``, exposure weights q; all 1 by default.
        exposure: e/Å² ``[n]`` at the middle of each frame.
    """
    raw = torch.stack([band.ring_power(frame) for frame in transforms])
    noise = raw.mean(0)
    noise = torch.where(noise > 0, noise, torch.ones_like(noise))
    q = torch.ones_like(raw) if weights is None else weights
    scale = q / noise.sqrt()
    white = torch.stack([band.scaled(frame, row) for frame, row in zip(transforms, scale, strict=True)])
    return WhiteFrames(white, raw * scale**2, q**2, exposure, band)


def align_whole_frames(
    frames: WhiteFrames, options: WholeFrameOptions, progress: Progress = silent
) -> WholeFrameMotion:
    """Measure the specimen's motion from frame to frame, taken as a shift of the whole frame.

    Raises:
        ValueError: fewer than two frames.
    """
    n = len(frames.transforms)
    if n < 2:
        raise ValueError(f"alignment needs at least 2 frames, got {n}")
    shifts, rounds, settled = _coarse(frames, options, progress)
    if not options.refine:
        return WholeFrameMotion(shifts - shifts[0], None, frames.powers.new_zeros(0), None, (rounds, 0), settled)
    return _refine(frames, shifts, rounds, settled, options, progress)


def _coarse(frames: WhiteFrames, options: WholeFrameOptions, progress: Progress) -> tuple[torch.Tensor, int, bool]:
    """Unblur's rounds; gives shifts [n, 2] in Å, rounds done, whether they settled."""
    # exp(-B s²/4) has fallen to 13 % at s = √(8 / B): finer frequencies say little here.
    low = frames.cropped((options.b_factor / 8.0) ** 0.5)
    band = low.band
    n = len(low.transforms)
    fall = torch.nn.functional.pad(torch.exp(-0.25 * options.b_factor * band.frequency**2), (0, 1))[band.ring.long()]
    shifts = torch.zeros(n, 2, dtype=torch.float64, device=low.transforms.device)
    dose_step = None if low.exposure is None else float(torch.diff(low.exposure).mean())
    for number in range(options.max_iterations):
        progress(0.5 * number / options.max_iterations, "whole-frame motion, coarse")
        ramp_y, ramp_x = band.ramps(shifts)
        moved = low.transforms * (ramp_y[:, :, None] * ramp_x[:, None, :])
        nearest = options.min_shift if number == 0 else 0.0
        peaks = _peaks(moved, moved.sum(0), fall, band, nearest, options.max_shift)
        proposed = shifts + peaks
        proposed = _polynomial(proposed, 4) if number == 0 else _running_line(proposed, _window(dose_step))
        proposed = proposed - proposed[n // 2]
        update = float((proposed - shifts).norm(dim=1).max())
        shifts = proposed
        if number > 0 and update <= options.termination_shift:
            return shifts, number + 1, True
    return shifts, options.max_iterations, False


def _peaks(
    moved: torch.Tensor, total: torch.Tensor, fall: torch.Tensor, band: Band, nearest: float, farthest: float
) -> torch.Tensor:
    """Shifts ``[n, 2]`` (x, y) Å of each frame's highest correlation with the others, between two distances."""
    reach_y, reach_x = (
        min(int(farthest / step) + 2, n // 2 - 1) for step, n in zip(band.pixel_size, band.shape, strict=True)
    )
    away_y = (torch.arange(2 * reach_y + 1, device=moved.device) - reach_y) * band.pixel_size[0]
    away_x = (torch.arange(2 * reach_x + 1, device=moved.device) - reach_x) * band.pixel_size[1]
    distance = torch.sqrt(away_y[:, None] ** 2 + away_x[None, :] ** 2)
    allowed = (distance >= nearest) & (distance <= farthest)
    allowed[[0, -1], :] = False
    allowed[:, [0, -1]] = False
    if not bool(allowed.any()):
        allowed[reach_y, reach_x] = True  # no sample lies between the two distances: stay
    found = []
    weighted = total.conj() * fall
    for frame in moved:
        # The frame's own part of the sum is |frame|²: real, and taken out without another complex product.
        product = frame * weighted - (frame.real**2 + frame.imag**2) * fall
        correlation = torch.fft.irfft2(product, s=band.shape)
        window = torch.roll(correlation, (reach_y, reach_x), (0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
        flat = int(torch.where(allowed, window, window.new_tensor(-torch.inf)).argmax())
        row, column = divmod(flat, 2 * reach_x + 1)
        dx = _parabola(window[row, column - 1 : column + 2])
        dy = _parabola(window[row - 1 : row + 2, column])
        found.append(((column - reach_x + dx) * band.pixel_size[1], (row - reach_y + dy) * band.pixel_size[0]))
    return torch.tensor(found, dtype=torch.float64, device=moved.device)


def _parabola(three: torch.Tensor) -> float:
    """Offset of the vertex from the middle of three samples, within ±½."""
    left, middle, right = (float(v) for v in three)
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return 0.0
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend))


def _window(dose_step: float | None) -> int:
    """Odd number of frames that receive 5 e/Å², at least 5."""
    frames = 5 if not dose_step else max(5, round(5.0 / dose_step))
    return frames + 1 - frames % 2


def _polynomial(values: torch.Tensor, order: int) -> torch.Tensor:
    """Least-squares polynomial through ``values [n, 2]``."""
    n = len(values)
    t = torch.linspace(-1.0, 1.0, n, dtype=torch.float64, device=values.device)
    basis = torch.stack([t**power for power in range(min(order, n - 1) + 1)], dim=1)
    return basis @ torch.linalg.lstsq(basis, values).solution


def _running_line(values: torch.Tensor, window: int) -> torch.Tensor:
    """Savitzky-Golay smoothing of order 1; at the ends the line of the last whole window."""
    n = len(values)
    window = min(window, n if n % 2 else n - 1)
    if window < 3:
        return values.clone()
    half = window // 2
    out = torch.empty_like(values)
    for i in range(n):
        start = min(max(i - half, 0), n - window)
        t = torch.arange(window, dtype=torch.float64, device=values.device) - half
        part = values[start : start + window]
        slope = (t[:, None] * part).sum(0) / (t * t).sum()
        out[i] = part.mean(0) + slope * (i - start - half)
    return out


def _refine(
    frames: WhiteFrames, start: torch.Tensor, rounds: int, settled: bool, options: WholeFrameOptions, progress: Progress
) -> WholeFrameMotion:
    """Newton steps on all shifts together until no frame moves 0.03 Å."""
    shifts = start - start[0]
    sd: float | None = None
    converged = False
    done = 0
    known = None
    for number in range(8):
        progress(0.5 + 0.5 * number / 8, "whole-frame motion, fine")
        known = evidence_of_shifts(frames.transforms, frames.powers, frames.quality, shifts, frames.band)
        proposed, sd = _newton(known, shifts, frames.exposure, options.smooth)
        update = float((proposed - shifts).norm(dim=1).max())
        shifts = proposed
        done = number + 1
        if update < 0.03:
            converged = True
            break
    assert known is not None
    return WholeFrameMotion(shifts, known.curvature, known.snr, sd, (rounds, done), settled and converged)


def _newton(
    known: Evidence, shifts: torch.Tensor, exposure: torch.Tensor | None, smooth: bool
) -> tuple[torch.Tensor, float | None]:
    """Shifts after one step, the first frame held at zero, and the prior's width."""
    inner = known.curvature[1:, 1:]
    right = inner @ shifts[1:] + known.gradient[1:]
    if smooth and len(shifts) > 3:
        every = torch.eye(len(inner), dtype=torch.float64, device=shifts.device)
        order = torch.zeros(1, dtype=torch.int64, device=shifts.device)
        fit = smoothest_fit([inner, inner], right, exposure, every, order)
        values, sd = fit.values, fit.acceleration_sd
    else:
        # A frame that knows nothing must not make the matrix singular: it stays within 100 Å of where it is.
        loose = 1e-4 * torch.eye(len(inner), dtype=torch.float64, device=inner.device)
        values, sd = torch.linalg.solve(inner + loose, right + 1e-4 * shifts[1:]), None
    return torch.nn.functional.pad(values, (0, 0, 1, 0)), sd
