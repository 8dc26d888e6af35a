"""Random fields in Fourier space: real white noise with a given power, frame after frame repeatable."""

from __future__ import annotations

import math

import torch


def white_spectrum(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Transform of real white noise of unit variance per pixel, ``rfft2`` layout, unnormalised forward, complex64.

    Drawn in Fourier space. The columns at zero and Nyquist frequency are drawn with twice the power, because ``irfft2``
    uses only their Hermitian half.
    """
    ny, nx = shape
    size = (ny, nx // 2 + 1, 2)
    parts = torch.randn(size, generator=generator, device=generator.device)
    parts *= math.sqrt(0.5 * ny * nx)
    parts[:, 0] *= math.sqrt(2.0)
    if nx % 2 == 0:
        parts[:, -1] *= math.sqrt(2.0)
    return torch.view_as_complex(parts)


def generator_for(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for each purpose, so that one option's numbers do not change another's."""
    value = 1469598103934665603  # FNV-1a, 64 bit
    for byte in f"{seed}/{purpose}".encode():
        value = ((value ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return torch.Generator(device=device).manual_seed(value & 0x7FFFFFFFFFFFFFFF)
