"""Averages over rings of constant spatial frequency."""

from __future__ import annotations

import torch

from vitreous.algorithms.fourier.grids import frequencies


def shell_index(shape: tuple[int, int], device: torch.device | str | None = None) -> torch.Tensor:
    """Ring number of each ``rfft2`` coefficient, int64 ``[ny, nx//2+1]``: round(|f| · min(ny, nx)), f in cycles/px."""
    fy, fx = frequencies(shape, device=device)
    return torch.round(torch.sqrt(fy * fy + fx * fx) * min(shape)).to(torch.int64)


def half_plane_weight(shape: tuple[int, int], device: torch.device | str | None = None) -> torch.Tensor:
    """How often each ``rfft2`` column stands in the full plane (1 or 2), float32 ``[1, nx//2+1]``."""
    nx = shape[1]
    weight = torch.full((1, nx // 2 + 1), 2.0, device=device)
    weight[0, 0] = 1.0
    if nx % 2 == 0:
        weight[0, -1] = 1.0
    return weight


def shell_mean(values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Mean of real ``values [ny, nx//2+1]`` over each ring up to Nyquist, float64 ``[min(shape)//2+1]``."""
    index = shell_index(shape, values.device)
    count = min(shape) // 2 + 1
    weight = half_plane_weight(shape, values.device).expand_as(values).to(torch.float64)
    inside = index < count
    flat = index[inside]
    total = torch.bincount(flat, weight[inside] * values[inside].to(torch.float64), minlength=count)
    number = torch.bincount(flat, weight[inside], minlength=count)
    return total / number.clamp_min(1.0)
