"""Sums of frames with the specimen's motion undone: odd, even and exposure-filtered.

Each frame is read where the specimen has moved to, by quintic B-splines (Unser 1999, IEEE Signal Process. Mag. 16:22).
Their prefilter is a convolution, and commutes with motions as smooth as a specimen's: it is applied once, to the sums.
So is the exposure filter: its weights q_k(s) of all frames are a sum of few products c_r(k) h_r(s) (singular value
decomposition), so that a handful of sums with weights c_r carry all that the filters h_r then need. No frame is
transformed at full size.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.exposure_filter import exposure_weight
from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.movies.backend import use_kernels
from vitreous.algorithms.movies.field import power_matrix, spatial_basis
from vitreous.algorithms.movies.sampling import Sampling
from vitreous.core.progress import Progress, silent

_RANK_ERROR = 3e-3  # of the largest weight: far below the noise of any image


@dataclass(frozen=True)
class FrameSums:
    """Images ``[ny, nx]``, float32, in electrons per pixel.

    Attributes:
        odd: sum of frames 1, 3, 5 … of those used (counted from 1).
        even: sum of frames 2, 4, 6 …
        filtered: exposure-filtered sum, ``None`` where no weights were given.
    """

    odd: torch.Tensor
    even: torch.Tensor
    filtered: torch.Tensor | None


def exposure_table(
    shape: tuple[int, int], extent: tuple[float, float], exposures: torch.Tensor, voltage: float, restore_power: bool
) -> torch.Tensor:
    """Weights of each frame by ring, float32 ``[n, n_rings]``; ring = round(|s| · min(extent)), out to the corner.

    Args:
        shape, extent: real-space size in px and in Å, ``(y, x)``.
        exposures: e/Å² ``[n]`` at the *end* of each frame, pre-exposure included.
        voltage: kV.
        restore_power: divide by √Σ q², so that the noise of the sum is white (Grant & Grigorieff 2015, eq. 9), and
            times √n, so that its level is that of the plain sum.
    """
    corner = 0.5 * ((shape[0] / extent[0]) ** 2 + (shape[1] / extent[1]) ** 2) ** 0.5
    n_rings = int(corner * min(extent)) + 2
    frequency = torch.arange(n_rings, dtype=torch.float32, device=exposures.device) / min(extent)
    q = torch.stack([exposure_weight(frequency, float(dose), voltage) for dose in exposures])
    if not restore_power:
        return q
    return q * (len(q) ** 0.5 / (q**2).sum(0).sqrt().clamp_min(1e-12))


def low_rank(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors ``c [n, r]``, ``h [r, n_rings]`` with c h = weights to 0.3 % of the largest weight."""
    u, sigma, v = torch.linalg.svd(weights.to(torch.float64), full_matrices=False)
    limit = _RANK_ERROR * float(weights.abs().max())
    rank = 1
    while rank < len(sigma) and float((weights - (u[:, :rank] * sigma[:rank]) @ v[:rank]).abs().max()) > limit:
        rank += 1
    return (u[:, :rank] * sigma[:rank]).to(torch.float32), v[:rank].to(torch.float32)


def sum_frames(
    chunks: Iterable[torch.Tensor],
    sampling: Sampling,
    shifts: torch.Tensor,
    field: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
    progress: Progress = silent,
) -> FrameSums:
    """Add frames after undoing the specimen's motion.

    Args:
        chunks: frames in order, ``[c, ny, nx]`` each, any real number type, corrected for gain and defects.
        sampling: sizes in and out.
        shifts: Å ``[n, 2]`` (x, y), whole-frame motion.
        field: Å ``[n, 2, 15]``, local motion as in ``LocalMotion.field``.
        weights: float32 ``[n, n_rings]`` from :func:`exposure_table` of the padded frame.
        progress: told the fraction done.
    """
    n = len(shifts)
    device = shifts.device
    parity = torch.zeros(n, 2, device=device)
    parity[0::2, 0] = 1.0
    parity[1::2, 1] = 1.0
    filters = None
    factors = parity
    if weights is not None:
        share, filters = low_rank(weights)
        factors = torch.cat([parity, share], dim=1)
    displacement = _displacements(sampling, shifts, field)
    planes = torch.zeros(factors.shape[1], *sampling.frame, device=device)
    done = 0
    for chunk in chunks:
        part = slice(done, done + len(chunk))
        _add_moved(chunk, displacement[part], factors[part], planes)
        done += len(chunk)
        progress(0.9 * done / n, "summing frames")
    return _finished(planes, filters, sampling)


def _displacements(sampling: Sampling, shifts: torch.Tensor, field: torch.Tensor | None) -> torch.Tensor:
    """Whole motion of each frame in px as polynomials, float64 ``[n, 2, 15]``."""
    n = len(shifts)
    local = torch.zeros(n, 2, 15, dtype=torch.float64, device=shifts.device) if field is None else field.clone()
    local[:, :, 0] += shifts
    step = [sampling.extent[1] / sampling.padded[1], sampling.extent[0] / sampling.padded[0]]
    return local / torch.tensor(step, dtype=torch.float64, device=shifts.device)[:, None]


def _add_moved(chunk: torch.Tensor, field: torch.Tensor, factors: torch.Tensor, planes: torch.Tensor) -> None:
    """Add moved frames to planes, on CPU by rows in threads."""
    if not use_kernels(chunk):
        for frame, one, factor in zip(chunk, field, factors, strict=True):
            row = moved(frame.to(torch.float32), one)
            for plane, weight in zip(planes, factor.tolist(), strict=True):
                if weight:
                    plane.add_(row, alpha=weight)
        return
    from vitreous.algorithms.movies import kernels

    powers = torch.stack([power_matrix(one) for one in field]).to(torch.float32)
    height = planes.shape[1]
    threads = max(1, torch.get_num_threads())
    bounds = [height * i // threads for i in range(threads + 1)]

    def rows(span: tuple[int, int]) -> None:
        kernels.add_moved(chunk.numpy(), powers.numpy(), factors.contiguous().numpy(), *span, planes.numpy())

    if threads == 1:
        rows((0, height))
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(rows, pairwise(bounds)))


def moved(image: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """Plain twin of the CPU kernel: quintic B-spline values at (x + u_x, y + u_y), the border repeated.

    Args:
        image: float32 ``[ny, nx]``.
        field: ``[2, 15]``, px, over ``field.TERMS`` with x, y in -½..½.
    """
    height, width = image.shape
    row = torch.arange(height, device=image.device)[:, None]
    column = torch.arange(width, device=image.device)[None, :]
    basis = spatial_basis(*torch.broadcast_tensors(column / width - 0.5, row / height - 0.5))
    dx, dy = (basis @ axis for axis in field.to(basis.dtype))
    del basis
    fx, fy = torch.floor(dx), torch.floor(dy)
    wx, wy = _quintic_weights(dx - fx), _quintic_weights(dy - fy)
    # Displacements change so slowly that a row's own may stand for its neighbours' within the reach of a spline.
    along_y = torch.zeros_like(image)
    rows = row + fy.long()
    for j in range(6):
        along_y += wy[j] * torch.gather(image, 0, (rows + (j - 2)).clamp(0, height - 1))
    out = torch.zeros_like(image)
    columns = column + fx.long()
    for i in range(6):
        out += wx[i] * torch.gather(along_y, 1, (columns + (i - 2)).clamp(0, width - 1))
    return out


def _quintic_weights(t: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Values of the quintic B-spline at the six nearest samples, 0 ≤ t < 1."""
    a1, a2, a3 = (1.0 - t) ** 5, (2.0 - t) ** 5, (3.0 - t) ** 5
    b0, b1, b2 = t**5, (1.0 + t) ** 5, (2.0 + t) ** 5
    return (
        a1 / 120.0,
        (a2 - 6.0 * a1) / 120.0,
        (a3 - 6.0 * a2 + 15.0 * a1) / 120.0,
        (b2 - 6.0 * b1 + 15.0 * b0) / 120.0,
        (b1 - 6.0 * b0) / 120.0,
        b0 / 120.0,
    )


def _finished(planes: torch.Tensor, filters: torch.Tensor | None, sampling: Sampling) -> FrameSums:
    """Prefilter, exposure filter, resampling and cropping of the sums."""
    padded = sampling.padded
    device = planes.device
    fy, fx = frequencies(padded, device=device)
    spline_y, spline_x = (
        (66.0 + 52.0 * torch.cos(2.0 * torch.pi * f) + 2.0 * torch.cos(4.0 * torch.pi * f)) / 120.0 for f in (fy, fx)
    )
    prefilter = (1.0 / spline_y) * (1.0 / spline_x)

    def image(transform: torch.Tensor) -> torch.Tensor:
        same = padded == sampling.resampled
        resized = transform if same else fourier_resize(transform, padded, sampling.resampled)
        ny, nx = sampling.output
        return torch.fft.irfft2(resized, s=sampling.resampled)[:ny, :nx].contiguous()

    def transform(plane: torch.Tensor) -> torch.Tensor:
        if padded == sampling.frame:
            return torch.fft.rfft2(plane)
        whole = torch.full(padded, float(plane.mean()), device=device)
        whole[: plane.shape[0], : plane.shape[1]] = plane
        return torch.fft.rfft2(whole)

    odd, even = (image(transform(plane).mul_(prefilter)) for plane in planes[:2])
    if filters is None:
        return FrameSums(odd, even, None)
    ring = _rings(sampling, device)
    total = torch.zeros(padded[0], padded[1] // 2 + 1, dtype=torch.complex64, device=device)
    for plane, shape in zip(planes[2:], filters, strict=True):
        total += transform(plane).mul_(shape[ring])
    return FrameSums(odd, even, image(total.mul_(prefilter)))


def _rings(sampling: Sampling, device: torch.device) -> torch.Tensor:
    """Ring number of each coefficient of the padded frame, int64."""
    (ny, nx), (size_y, size_x) = sampling.padded, sampling.extent
    ky = torch.fft.fftfreq(ny, 1.0 / ny, device=device)[:, None]
    kx = torch.arange(nx // 2 + 1, device=device, dtype=torch.float32)[None, :]
    least = min(sampling.extent)
    return torch.round(torch.sqrt((ky * (least / size_y)) ** 2 + (kx * (least / size_x)) ** 2)).long()
