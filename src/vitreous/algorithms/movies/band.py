"""The band of spatial frequencies that alignment looks at, ring by ring."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.fourier.shells import half_plane_weight, shell_index


@dataclass(frozen=True)
class Band:
    """Rings of a transform that carry weight; every other coefficient belongs to the unused last ring.

    Attributes:
        shape: real-space ``(ny, nx)``.
        pixel_size: Å.
        ring: int32 ``[ny, nx//2+1]``, 0..n_rings; ``n_rings`` means "not used".
        n_rings: number of usable rings.
        modes: float32 ``[n_rings]``, coefficients of the full plane in each ring.
        frequency: float32 ``[n_rings]``, 1/Å.
        column_weight: float32 ``[nx//2+1]``, 2 where a column stands for two of the full plane, else 1.
        theta_y, theta_x: float32 ``[ny]``, ``[nx//2+1]``, 2π s in 1/Å.
    """

    shape: tuple[int, int]
    pixel_size: float
    ring: torch.Tensor
    n_rings: int
    modes: torch.Tensor
    frequency: torch.Tensor
    column_weight: torch.Tensor
    theta_y: torch.Tensor
    theta_x: torch.Tensor

    def ring_power(self, transform: torch.Tensor) -> torch.Tensor:
        """Mean of |T|² over each ring of complex ``transform [ny, nx//2+1]``, float32 ``[n_rings]``."""
        total = torch.zeros(self.n_rings + 1, dtype=torch.float64, device=transform.device)
        if transform.device.type == "cpu":
            from vitreous.algorithms.movies import kernels

            kernels.ring_power(transform.numpy(), self.ring.numpy(), self.column_weight.numpy(), total.numpy())
        else:
            power = (transform.real**2 + transform.imag**2) * self.column_weight
            total.index_add_(0, self.ring.reshape(-1), power.reshape(-1).to(torch.float64))
        return (total[: self.n_rings] / self.modes.clamp_min(1.0)).to(torch.float32)

    def scaled(self, transform: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """``transform [ny, nx//2+1]`` times ``table [n_rings]`` by ring; zero where no ring is used."""
        padded = torch.nn.functional.pad(table, (0, 1))
        if transform.device.type != "cpu":
            return transform * padded[self.ring.long()]
        from vitreous.algorithms.movies import kernels

        out = torch.empty_like(transform)
        kernels.scale_rings(transform.numpy(), self.ring.numpy(), padded.numpy(), out.numpy())
        return out


def make_band(
    shape: tuple[int, int],
    pixel_size: float,
    *,
    low_resolution: float = 300.0,
    high_resolution: float = 0.0,
    cross: tuple[int, int] | None = (1, 1),
    device: torch.device | str | None = None,
) -> Band:
    """Rings between two resolutions, without the central cross.

    Args:
        shape: real-space ``(ny, nx)``.
        pixel_size: Å.
        low_resolution, high_resolution: Å; coarser and finer frequencies are left out (Nyquist bounds the fine side).
        cross: half-widths in Fourier pixels of the masked lines along x and along y (lines through the origin carry
            detector artefacts); ``None`` keeps them. Zero frequency is never used.
        device: where the tables live.
    """
    ny, nx = shape
    fy, fx = frequencies(shape, pixel_size, device)
    s = torch.sqrt(fy * fy + fx * fx)
    ring = shell_index(shape, device)
    nyquist = 0.5 / pixel_size
    highest = min(nyquist, 1.0 / high_resolution) if high_resolution > 0 else nyquist
    used = (s >= 1.0 / low_resolution) & (s < highest) & (s > 0)
    if cross is not None:
        wide_y = int(cross[0])
        wide_x = int(cross[1])
        used = used & (torch.round(fy.abs() * ny * pixel_size) >= wide_y)
        used = used & (torch.round(fx * nx * pixel_size) >= wide_x)
    n_rings = math.floor(highest * pixel_size * min(shape)) + 1
    ring = torch.where(used & (ring < n_rings), ring, torch.full_like(ring, n_rings))
    column_weight = half_plane_weight(shape, device)[0]
    counts = torch.zeros(n_rings + 1, dtype=torch.float64, device=device)
    counts.index_add_(0, ring.reshape(-1), column_weight.expand(ny, -1).reshape(-1).to(torch.float64))
    return Band(
        shape=shape,
        pixel_size=pixel_size,
        ring=ring.to(torch.int32),
        n_rings=n_rings,
        modes=counts[:n_rings].to(torch.float32),
        frequency=torch.arange(n_rings, device=device, dtype=torch.float32) / (min(shape) * pixel_size),
        column_weight=column_weight,
        theta_y=2.0 * math.pi * fy[:, 0],
        theta_x=2.0 * math.pi * fx[0],
    )
