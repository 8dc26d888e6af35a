"""Images to polar Fourier grids and back by Kaiser-Bessel gridding (Fessler & Sutton 2003, IEEE Trans. SP 51:560)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from vitreous.algorithms.classify2d.polar import PolarGrid
from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.shift import fourier_shift
from vitreous.algorithms.fourier.sizes import smooth_up

_WIDTH = 6
_BETA = 13.9
_MARGIN = 12


@dataclass(frozen=True)
class Gridding:
    """A sparse interpolation between a twice padded transform and the points of a polar grid.

    Attributes:
        grid: polar grid.
        box: side of the images, px, centre at box // 2.
        pixels: side of the images that are gridded, px: of the cropped transform where that is smaller, else the box.
        side: ``pixels`` made even; the padded transform has twice as many.
        falloff: float32 ``[pixels]``, transform of the interpolation kernel along one axis.
        forward: two sparse matrices (real part, imaginary part) ``[R M/2, 2 side (side + 1)]``.
        backward: their transposes.
    """

    grid: PolarGrid
    box: int
    pixels: int
    side: int
    falloff: torch.Tensor
    forward: tuple[torch.Tensor, torch.Tensor]
    backward: tuple[torch.Tensor, torch.Tensor]


def gridding(grid: PolarGrid, box: int, device: torch.device | str = "cpu") -> Gridding:
    """Prepare the interpolation for images of ``box`` px."""
    small = smooth_up(2 * (grid.rings + _MARGIN))
    pixels = small if small < box else box
    side = pixels + pixels % 2
    # One Fourier pixel of the box is this many of the padded transform, as its side is 2 side small pixels.
    scale = 2.0 * side / pixels
    y, x = (scale * points.numpy().ravel() for points in grid.points())
    rows, columns, values, signs = _entries(y, x, side)
    shape = (len(y), 2 * side * (side + 1))
    real = _sparse(rows, columns, values, shape)
    imaginary = _sparse(rows, columns, values * signs, shape)
    pair = (real.to(device), imaginary.to(device))
    back = tuple(_sparse(columns, rows, v, shape[::-1]).to(device) for v in (values, values * signs))
    return Gridding(grid, box, pixels, side, _falloff(pixels, side).to(device), pair, (back[0], back[1]))


def _kernel(distance: np.ndarray) -> np.ndarray:
    inside = np.clip(1.0 - (2.0 * distance / _WIDTH) ** 2, 0.0, None)
    return np.asarray(np.i0(_BETA * np.sqrt(inside)) / np.i0(_BETA))


def _falloff(pixels: int, side: int) -> torch.Tensor:
    """Transform of the kernel at each pixel from the centre, by the trapezoid rule."""
    fine = np.linspace(-_WIDTH / 2, _WIDTH / 2, 2001)
    offset = np.arange(pixels) - pixels // 2
    wave = np.cos(2.0 * math.pi * offset[:, None] * fine[None] / (2.0 * side))
    return torch.from_numpy((wave * _kernel(np.abs(fine))).sum(axis=1) * (fine[1] - fine[0])).to(torch.float32)


def _entries(y: np.ndarray, x: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows (points), columns (stored coefficients), weights, and -1 where the conjugate is stored."""
    near = np.arange(_WIDTH)
    first_y, first_x = np.floor(y).astype(np.int64) - 2, np.floor(x).astype(np.int64) - 2
    jy = (first_y[:, None] + near)[:, :, None] + np.zeros((1, 1, _WIDTH), dtype=np.int64)
    jx = (first_x[:, None] + near)[:, None, :] + np.zeros((1, _WIDTH, 1), dtype=np.int64)
    weight = _kernel(np.abs(jy - y[:, None, None])) * _kernel(np.abs(jx - x[:, None, None]))
    # The padded image is centred at pixel ``side``: each step in frequency changes the sign.
    weight = weight * (1 - 2 * ((jy + jx) & 1))
    jx = np.where(jx > side, jx - 2 * side, jx)
    mirrored = jx < 0
    jy, jx = np.where(mirrored, -jy, jy), np.where(mirrored, -jx, jx)
    columns = (jy % (2 * side)) * (side + 1) + jx
    rows = np.broadcast_to(np.arange(len(y))[:, None, None], columns.shape)
    sign = np.where(mirrored, -1.0, 1.0)
    return rows.ravel(), columns.ravel(), weight.ravel(), sign.ravel()


def _sparse(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    places = torch.from_numpy(np.stack((rows, columns)))
    coordinates = torch.sparse_coo_tensor(
        places, torch.from_numpy(values).to(torch.float32), shape, check_invariants=False
    )
    with warnings.catch_warnings():  # torch calls the format young each time a process first uses it
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return coordinates.coalesce().to_sparse_csr()


def _roll_off(plan: Gridding, device: torch.device) -> torch.Tensor:
    """Weight ``[pixels, pixels//2+1]``: 1 up to the last ring, then a cosine to 0, so that the cut does not ring."""
    fy, fx = frequencies((plan.pixels, plan.pixels), 1.0 / plan.pixels, device)
    width = 0.5 * plan.pixels - plan.grid.rings - 1
    beyond = ((torch.sqrt(fy * fy + fx * fx) - plan.grid.rings - 1) / max(width, 1.0)).clamp(0.0, 1.0)
    return 0.5 + 0.5 * torch.cos(math.pi * beyond)


def _resampled(images: torch.Tensor, pixels: int, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Images of other pixels over the same extent, centre to centre, their sums kept."""
    box = images.shape[-1]
    if pixels == box:
        return images
    # The centre of the new pixels in old ones is where the old centre must go.
    centre = torch.tensor([[(pixels // 2) * box / pixels - box // 2] * 2], dtype=torch.float64)
    spectrum = fourier_shift(torch.fft.rfft2(images), (box, box), centre)
    spectrum = fourier_resize(spectrum, (box, box), (pixels, pixels))
    return torch.fft.irfft2(spectrum if weight is None else spectrum * weight, s=(pixels, pixels))


def to_polar(plan: Gridding, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Transforms of images at the points of a polar grid.

    Args:
        plan: from ``gridding``.
        images: float32 ``[n, box, box]``; the centre box // 2 is the origin.

    Returns:
        Real and imaginary part, float32 ``[n, R, M/2]`` each, of Σ I(x) exp(-2πi k·x/box) / box.
    """
    n, box, side, pixels = len(images), plan.box, plan.side, plan.pixels
    weight = _roll_off(plan, images.device) if pixels < box else None
    small = _resampled(images, pixels, weight) / plan.falloff[:, None] / plan.falloff
    padded = images.new_zeros((n, 2 * side, 2 * side))
    start = side - pixels // 2
    padded[:, start : start + pixels, start : start + pixels] = small
    wide = torch.fft.rfft2(padded).reshape(n, -1).T
    shape = (plan.grid.rings, plan.grid.half)
    real, imaginary = (
        torch.sparse.mm(matrix, part.contiguous()).T.reshape(n, *shape).contiguous() / box
        for matrix, part in zip(plan.forward, (wide.real, wide.imag), strict=True)
    )
    return real, imaginary


def from_polar(plan: Gridding, real: torch.Tensor, imaginary: torch.Tensor) -> torch.Tensor:
    """Images whose transforms have these values on a polar grid: the weighted adjoint of ``to_polar``.

    Args:
        plan: from ``gridding``.
        real, imaginary: float32 ``[n, R, M/2]``.

    Returns:
        float32 ``[n, box, box]``, without a mean.
    """
    n, box, side, pixels = len(real), plan.box, plan.side, plan.pixels
    weights = plan.grid.weights().to(real.device)[:, None]
    parts = [
        torch.sparse.mm(matrix, (part * weights).reshape(n, -1).T.contiguous()).T.reshape(n, 2 * side, side + 1)
        for matrix, part in zip(plan.backward, (real, imaginary), strict=True)
    ]
    wide = torch.complex(parts[0].contiguous(), parts[1].contiguous())
    for column in (0, side):
        edge = wide[:, :, column]
        wide[:, :, column] = edge + torch.conj(torch.roll(torch.flip(edge, dims=(1,)), 1, dims=1))
    start = side - pixels // 2
    padded = torch.fft.irfft2(wide, s=(2 * side, 2 * side), norm="forward")
    small = padded[:, start : start + pixels, start : start + pixels] / plan.falloff[:, None] / plan.falloff
    return _resampled(small, box) * ((box / pixels) ** 2 / box)
