"""Projections of a volume by central slices of its Fourier transform (Bracewell 1956)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import grid_sample

from vitreous.algorithms.fourier.grids import frequencies


@dataclass(frozen=True)
class SliceSource:
    """A padded transform, ready for slicing.

    Attributes:
        transform: float32 ``[1, 2, N, N, N//2+1]``, real and imaginary part, zero frequency at ``[N//2, N//2, 0]``,
            in units of the map times Å³ (the continuous transform).
        extent: side of the padded volume, Å.
        pixel_size: of the volume, Å.
    """

    transform: torch.Tensor
    extent: float
    pixel_size: float


def slice_source(volume: torch.Tensor, pixel_size: float, padding: float = 2.0) -> SliceSource:
    """Pad a cubic volume, divide out the fall-off of trilinear interpolation, transform it.

    Args:
        volume: ``[n, n, n]``, float, centre at n // 2.
        pixel_size: Å.
        padding: side of the padded volume over ``n``; 2 keeps interpolation ghosts outside the box.
    """
    n = volume.shape[0]
    side = 2 * round(0.5 * n * padding)
    offset = torch.arange(n, device=volume.device, dtype=torch.float32) - n // 2
    falloff = torch.sinc(offset / side).square()
    corrected = volume.to(torch.float32) / falloff[:, None, None] / falloff[:, None] / falloff
    padded = torch.zeros(side, side, side, device=volume.device)
    start = side // 2 - n // 2
    padded[start : start + n, start : start + n, start : start + n] = corrected
    half = side // 2
    spectrum = torch.fft.rfftn(torch.roll(padded, (half, half, half), (0, 1, 2)))
    del padded
    spectrum = torch.roll(spectrum, (half, half), (0, 1)) * pixel_size**3
    parts = torch.view_as_real(spectrum).permute(3, 0, 1, 2).contiguous()[None]
    return SliceSource(parts, side * pixel_size, pixel_size)


def central_slices(
    source: SliceSource, rotations: torch.Tensor, box: int, pixel_size: float, shifts: torch.Tensor | None = None
) -> torch.Tensor:
    """Projections of the volume: ``P(x, y) = ∫ V(R (x, y, z)) dz``.

    Args:
        source: from :func:`slice_source`.
        rotations: ``[m, 3, 3]``, ``x_volume = R x_image``.
        box: side of the images in px; even, centre at box // 2.
        pixel_size: of the images, Å.
        shifts: px ``[m, 2]`` (x, y), moves the content towards +x, +y.

    Returns:
        float32 ``[m, box, box]``, map units times Å, band-limited to the smaller of the two Nyquist frequencies.
    """
    device = source.transform.device
    wide = 2 * math.ceil(0.5 * max(box, source.extent / pixel_size))
    fy, fx = frequencies((wide, wide), pixel_size, device)
    plane = torch.stack((fx.expand(wide, -1), fy.expand(-1, fx.shape[1])), dim=-1)
    points = torch.einsum("mij,yxj->myxi", rotations[..., :2].to(device=device, dtype=torch.float32), plane)
    slices = _interpolate(source, points)
    limit = 0.5 / max(pixel_size, source.pixel_size)
    slices *= (plane.square().sum(-1) < limit * limit) / pixel_size**2
    if shifts is None:
        shifts = torch.zeros(len(rotations), 2)
    moved = shifts.to(device=device, dtype=torch.float32) + wide // 2
    cycles = (plane * pixel_size * moved[:, None, None]).sum(-1)
    images = torch.fft.irfft2(slices * torch.polar(torch.ones_like(cycles), -2.0 * math.pi * cycles), s=(wide, wide))
    start = wide // 2 - box // 2
    return images[:, start : start + box, start : start + box].contiguous()


def _interpolate(source: SliceSource, points: torch.Tensor) -> torch.Tensor:
    """Trilinear values of the transform at ``points [m, y, x, 3]`` (1/Å, x y z); zero beyond the volume's Nyquist."""
    side = source.transform.shape[2]
    index = points * source.extent
    flipped = index[..., 0] < 0
    index = torch.where(flipped[..., None], -index, index)
    index[..., 1:] += side // 2
    last = torch.tensor([side // 2, side - 1, side - 1], device=points.device, dtype=torch.float32)
    grid = (2.0 * index / last - 1.0)[None].reshape(1, len(points), *points.shape[1:])
    values = grid_sample(source.transform, grid, mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    return torch.complex(values[0], torch.where(flipped, -values[1], values[1]))
