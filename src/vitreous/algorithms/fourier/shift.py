"""Translation of images by phase ramps."""

from __future__ import annotations

import math

import torch

from vitreous.algorithms.fourier.grids import frequencies


def phase_ramps(
    shape: tuple[int, int], shifts: torch.Tensor, device: torch.device | str | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Separable phase factors that move image content by ``shifts``.

    Args:
        shape: real-space ``(ny, nx)``.
        shifts: px, ``[..., 2]`` as (x, y); content moves towards +x, +y for positive values.

    Returns:
        ``ramp_y [..., ny, 1]``, ``ramp_x [..., 1, nx//2+1]``, complex64; multiply the transform by both.
    """
    fy, fx = frequencies(shape, device=device)
    shifts = shifts.to(device=fy.device, dtype=torch.float64)
    angle_x = -2.0 * math.pi * shifts[..., 0, None, None] * fx
    angle_y = -2.0 * math.pi * shifts[..., 1, None, None] * fy
    ramp_x = torch.polar(torch.ones_like(angle_x), angle_x).to(torch.complex64)
    ramp_y = torch.polar(torch.ones_like(angle_y), angle_y).to(torch.complex64)
    return ramp_y, ramp_x


def fourier_shift(transform: torch.Tensor, shape: tuple[int, int], shifts: torch.Tensor) -> torch.Tensor:
    """Move image content by ``shifts`` (x, y) px: ``transform [..., ny, nx//2+1]``, ``shifts [..., 2]``."""
    ramp_y, ramp_x = phase_ramps(shape, shifts, transform.device)
    return transform * ramp_y * ramp_x
