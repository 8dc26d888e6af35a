"""Sums of frames with the specimen's motion undone: odd, even and exposure-filtered.

Whole-frame motion is undone by phase ramps, exactly. Local motion is smooth and slow: consecutive frames over which it
changes by less than a fraction of a pixel are added in Fourier space first, and each such group is interpolated once,
by cubic B-splines whose prefilter (Unser 1999, IEEE Signal Process. Mag. 16:22, eq. 4) is folded into the phase ramps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.exposure_filter import exposure_weight
from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.shift import phase_ramps
from vitreous.algorithms.movies.field import field_at, power_matrix, spatial_basis
from vitreous.core.progress import Progress, silent


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
        exposures: e/Å² ``[n]`` at the *end* of each frame, pre-exposure included.
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


def motion_groups(field: torch.Tensor | None, pixel_size: float, n_frames: int, tolerance: float = 0.4) -> list[range]:
    """Runs of frames over which the local motion changes by less than ``tolerance`` px anywhere in the image."""
    if field is None:
        return [range(n_frames)]
    edge = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64, device=field.device)
    y, x = torch.meshgrid(edge, edge, indexing="ij")
    motion = field_at(field, x, y).reshape(n_frames, -1, 2)
    groups: list[range] = []
    start = 0
    for frame in range(1, n_frames):
        if float((motion[frame] - motion[start]).norm(dim=-1).max()) > tolerance * pixel_size:
            groups.append(range(start, frame))
            start = frame
    return [*groups, range(start, n_frames)]


def sum_frames(
    transforms: Iterable[torch.Tensor],
    shape: tuple[int, int],
    extent: tuple[float, float],
    shifts: torch.Tensor,
    field: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
    progress: Progress = silent,
) -> FrameSums:
    """Add frames after undoing the specimen's motion.

    Args:
        transforms: complex64 ``[ny, nx//2+1]`` each, one per frame in order; may be made one at a time.
        shape: real-space ``(ny, nx)``.
        extent: real-space size ``(y, x)``, Å.
        shifts: Å ``[n, 2]`` (x, y), whole-frame motion.
        field: Å ``[n, 2, 15]``, local motion as in ``LocalMotion.field``.
        weights: float32 ``[n, n_rings]`` from :func:`exposure_table`.
    """
    n = len(shifts)
    step = torch.tensor([extent[1] / shape[1], extent[0] / shape[0]], dtype=torch.float64, device=shifts.device)
    kinds = 2 if weights is None else 3
    device = shifts.device
    total = torch.zeros(kinds, *shape, device=device)
    source = iter(transforms)
    squares = _ring_squares(shape, extent, device)
    prefilter = None if field is None else _spline_prefilter(shape, device)
    done = 0
    for group in motion_groups(field, float(step.min()), n):
        sums = torch.zeros(kinds, shape[0], shape[1] // 2 + 1, dtype=torch.complex64, device=device)
        for frame in group:
            ramp_y, ramp_x = phase_ramps(shape, -shifts[frame] / step, device)
            if prefilter is not None:
                ramp_y, ramp_x = ramp_y * prefilter[0], ramp_x * prefilter[1]
            table = None if weights is None else weights[frame]
            _add(next(source), ramp_y, ramp_x, squares, table, sums[frame % 2], sums[2] if kinds == 3 else None)
            done += 1
            progress(done / n, "summing frames")
        images = torch.stack([_real_image(one, shape) for one in sums])
        if field is None:
            total += images
        else:
            _add_warped(images, field[list(group)].mean(0) / step[:, None], total)
    return FrameSums(total[0], total[1], total[2] if kinds == 3 else None)


def _ring_squares(
    shape: tuple[int, int], extent: tuple[float, float], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Squares along y and x whose sum is the squared ring number."""
    ky = torch.fft.fftfreq(shape[0], 1.0 / shape[0], device=device)
    kx = torch.arange(shape[1] // 2 + 1, device=device, dtype=torch.float32)
    return (ky * (min(extent) / extent[0])) ** 2, (kx * (min(extent) / extent[1])) ** 2


def _spline_prefilter(shape: tuple[int, int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Reciprocal of the sampled cubic B-spline's transform, 3 / (2 + cos 2πf), along y and x."""
    fy, fx = frequencies(shape, device=device)
    return 3.0 / (2.0 + torch.cos(2.0 * torch.pi * fy)), 3.0 / (2.0 + torch.cos(2.0 * torch.pi * fx))


def _add(
    transform: torch.Tensor,
    ramp_y: torch.Tensor,
    ramp_x: torch.Tensor,
    squares: tuple[torch.Tensor, torch.Tensor],
    table: torch.Tensor | None,
    plain: torch.Tensor,
    filtered: torch.Tensor | None,
) -> None:
    """Add a moved frame to its plain sum and, weighted by ring, to the filtered one."""
    square_y, square_x = squares
    if transform.device.type == "cpu":
        from vitreous.algorithms.movies import kernels

        arrays = (transform.numpy(), ramp_y[:, 0].numpy(), ramp_x[0].numpy())
        if table is None or filtered is None:
            kernels.add_shifted(arrays[0][None], arrays[1][None], arrays[2][None], plain.numpy())
        else:
            kernels.add_frame(
                *arrays, square_y.numpy(), square_x.numpy(), table.numpy(), plain.numpy(), filtered.numpy()
            )
        return
    moved = transform * ramp_y * ramp_x
    plain += moved
    if table is not None and filtered is not None:
        filtered += moved * table[torch.round(torch.sqrt(square_y[:, None] + square_x)).long()]


def _real_image(half: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Inverse transform; on CPU by the faster forward one of the packed plane (Hartley transform, Bracewell 1983)."""
    if half.device.type != "cpu":
        return torch.fft.irfft2(half, s=shape)
    from vitreous.algorithms.movies import kernels

    packed = torch.empty(shape)
    kernels.hartley_pack(half.numpy(), packed.numpy())
    again = torch.fft.rfft2(packed)
    kernels.hartley_unpack(again.numpy(), 1.0 / (shape[0] * shape[1]), packed.numpy())
    return packed


def _add_warped(images: torch.Tensor, field: torch.Tensor, total: torch.Tensor) -> None:
    """``total += images`` read where the specimen has moved to; images hold B-spline coefficients, field is in px."""
    if images.device.type == "cpu":
        from vitreous.algorithms.movies import kernels

        kernels.add_warped(images.numpy(), power_matrix(field).to(torch.float32).numpy(), total.numpy())
        return
    total += warped(images, field)


def warped(images: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """Plain twin of the CPU kernel: cubic B-splines at (x + u_x, y + u_y), the border repeated.

    Args:
        images: float32 ``[m, ny, nx]``, B-spline coefficients.
        field: ``[2, 15]``, px, over ``field.TERMS`` with x, y in -½..½.
    """
    _, height, width = images.shape
    device = images.device
    row = torch.arange(height, device=device, dtype=torch.float32)[:, None]
    column = torch.arange(width, device=device, dtype=torch.float32)[None, :]
    u, v = column / width - 0.5, row / height - 0.5
    basis = spatial_basis(*torch.broadcast_tensors(u, v))
    dx, dy = (basis @ axis for axis in field.to(torch.float32))
    fx, fy = torch.floor(dx), torch.floor(dy)
    wx, wy = _spline_weights(dx - fx), _spline_weights(dy - fy)
    out = torch.zeros_like(images)
    for j in range(4):
        rows = (row + fy + (j - 1)).clamp(0, height - 1).long()
        for i in range(4):
            columns = (column + fx + (i - 1)).clamp(0, width - 1).long()
            out += (wy[j] * wx[i]) * images[:, rows, columns]
    return out


def _spline_weights(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values of the cubic B-spline at the four nearest samples, 0 ≤ t < 1."""
    first = (1.0 - t) ** 3 / 6.0
    last = t**3 / 6.0
    second = 2.0 / 3.0 - 0.5 * t * t * (2.0 - t)
    return first, second, 1.0 - first - second - last, last
