"""Sampling of directions and of Fourier coefficients, for finding the projection that an image is most like."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import grid_sample


def sphere(step: float) -> torch.Tensor:
    """Directions over the whole sphere about ``step`` degrees apart: (rot, tilt, 0) degrees, float64 ``[n, 3]``.

    Source: spiral of Saff & Kuijlaars 1997 (Math. Intelligencer 19:5).
    """
    count = round(4.0 * math.pi / math.radians(step) ** 2)
    k = torch.arange(count, dtype=torch.float64)
    tilt = torch.rad2deg(torch.acos(1.0 - 2.0 * (k + 0.5) / count))
    rot = (k * 137.50776405003785) % 360.0
    return torch.stack((rot, tilt, torch.zeros_like(k)), dim=1)


def half_disc(extent: float, limit: float) -> torch.Tensor:
    """Frequencies (x, y) in cycles per box with 1 ≤ |k| ≤ extent / limit, one of each ±k; float64 ``[n, 2]``."""
    reach = math.floor(extent / limit)
    y, x = torch.meshgrid(torch.arange(-reach, reach + 1), torch.arange(0, reach + 1), indexing="ij")
    r2 = x * x + y * y
    keep = (r2 >= 1) & (r2 <= reach * reach) & ((x > 0) | (y > 0))
    return torch.stack((x[keep], y[keep]), dim=1).to(torch.float64)


def coefficients(images: torch.Tensor, points: torch.Tensor, padding: int = 4) -> torch.Tensor:
    """Transforms about the centre at ``points`` (x, y; cycles per box) ``[m, 2]``: complex64 ``[n, m]``."""
    n, box = images.shape[0], images.shape[-1]
    side = padding * box
    padded = torch.zeros(n, side, side)
    start = side // 2 - box // 2
    padded[:, start : start + box, start : start + box] = images
    spectrum = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(padded, dim=(-2, -1))), dim=(-2, -1))
    parts = torch.view_as_real(spectrum).permute(0, 3, 1, 2)
    grid = ((points * padding + side // 2) * 2.0 / (side - 1) - 1.0).to(torch.float32)
    values = grid_sample(parts, grid[None, None].expand(n, -1, -1, -1), mode="bilinear", align_corners=True)[:, :, 0]
    return torch.complex(values[:, 0], values[:, 1])


def per_shell(values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Values with unit power in each shell, so that a product's real part adds up FRCs; as real ``[..., 2 m]``."""
    shell = points.norm(dim=1).round().to(torch.int64)
    power = torch.zeros(*values.shape[:-1], int(shell.max()) + 1).index_add_(-1, shell, values.abs().square())
    scaled = values / power.sqrt().clamp_min(1e-20)[..., shell]
    return torch.view_as_real(scaled).flatten(-2)
