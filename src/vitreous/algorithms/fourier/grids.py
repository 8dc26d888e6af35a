"""Spatial frequencies of a transform in ``rfft2`` layout."""

from __future__ import annotations

import torch


def frequencies(
    shape: tuple[int, int], pixel_size: float = 1.0, device: torch.device | str | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frequencies along y and x.

    Args:
        shape: real-space shape ``(ny, nx)``.
        pixel_size: Å/px; with 1 the unit is cycles per pixel.

    Returns:
        ``fy [ny, 1]`` and ``fx [1, nx//2+1]``, float32, 1/Å.
    """
    ny, nx = shape
    fy = torch.fft.fftfreq(ny, pixel_size, device=device, dtype=torch.float32)[:, None]
    fx = torch.fft.rfftfreq(nx, pixel_size, device=device, dtype=torch.float32)[None, :]
    return fy, fx


def frequency_squared(
    shape: tuple[int, int], pixel_size: float = 1.0, device: torch.device | str | None = None
) -> torch.Tensor:
    """s² ``[ny, nx//2+1]``, float32, 1/Å²."""
    fy, fx = frequencies(shape, pixel_size, device)
    return fy * fy + fx * fx
