"""The band of spatial frequencies that alignment looks at, ring by ring."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.fourier.crop import fourier_resize
from vitreous.algorithms.fourier.shells import half_plane_weight
from vitreous.algorithms.movies.backend import use_kernels


@dataclass(frozen=True)
class Band:
    """Rings of a transform that carry weight; every other coefficient belongs to the unused last ring.

    Attributes:
        shape: real-space ``(ny, nx)``.
        extent: real-space size ``(y, x)`` in Å: frequencies are multiples of its reciprocals, however the transform
            was cropped, and so stay right where sides are cropped by slightly different factors.
        ring: int32 ``[ny, nx//2+1]``, 0..n_rings; ``n_rings`` means "not used".
        n_rings: number of usable rings.
        modes: float32 ``[n_rings]``, coefficients of the full plane in each ring.
        frequency: float32 ``[n_rings]``, 1/Å.
        column_weight: float32 ``[nx//2+1]``, 2 where a column stands for two of the full plane, else 1.
        theta_y, theta_x: float32 ``[ny]``, ``[nx//2+1]``, 2π s in 1/Å.
    """

    shape: tuple[int, int]
    extent: tuple[float, float]
    ring: torch.Tensor
    n_rings: int
    modes: torch.Tensor
    frequency: torch.Tensor
    column_weight: torch.Tensor
    theta_y: torch.Tensor
    theta_x: torch.Tensor

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Sampling along y and x, Å."""
        return self.extent[0] / self.shape[0], self.extent[1] / self.shape[1]

    def ramps(self, shifts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Phase factors that undo a motion of ``shifts [n, 2]`` (x, y) Å: complex64 ``[n, ny]``, ``[n, nx//2+1]``."""
        angle_y = shifts[:, 1, None] * self.theta_y.to(torch.float64)
        angle_x = shifts[:, 0, None] * self.theta_x.to(torch.float64)
        ramp_y = torch.polar(torch.ones_like(angle_y), angle_y)
        ramp_x = torch.polar(torch.ones_like(angle_x), angle_x)
        return ramp_y.to(torch.complex64), ramp_x.to(torch.complex64)

    def ring_power(self, transform: torch.Tensor) -> torch.Tensor:
        """Mean of |T|² over each ring of complex ``transform [ny, nx//2+1]``, float32 ``[n_rings]``."""
        total = torch.zeros(self.n_rings + 1, dtype=torch.float64, device=transform.device)
        if use_kernels(transform):
            from vitreous.algorithms.movies import kernels

            kernels.ring_power(transform.numpy(), self.ring.numpy(), self.column_weight.numpy(), total.numpy())
        else:
            power = (transform.real**2 + transform.imag**2) * self.column_weight
            total.index_add_(0, self.ring.reshape(-1), power.reshape(-1).to(torch.float64))
        return (total[: self.n_rings] / self.modes.clamp_min(1.0)).to(torch.float32)

    def scaled(self, transform: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """``transform [ny, nx//2+1]`` times ``table [n_rings]`` by ring; zero where no ring is used."""
        padded = torch.nn.functional.pad(table, (0, 1))
        if not use_kernels(transform):
            return transform * padded[self.ring.long()]
        from vitreous.algorithms.movies import kernels

        out = torch.empty_like(transform)
        kernels.scale_rings(transform.numpy(), self.ring.numpy(), padded.numpy(), out.numpy())
        return out

    def cropped(self, shape: tuple[int, int], n_rings: int) -> Band:
        """The band of a transform cropped to ``shape``, of which the first ``n_rings`` rings are kept."""
        # Ring numbers are kept one higher while cropping, so that what the crop leaves empty reads as "not used".
        unused = self.ring.clamp_max(n_rings) - n_rings
        ring = fourier_resize(unused, self.shape, shape) + n_rings
        return _assemble(shape, self.extent, ring, n_rings)


def make_band(
    shape: tuple[int, int],
    extent: tuple[float, float],
    *,
    low_resolution: float = 300.0,
    high_resolution: float = 0.0,
    cross: tuple[int, int] | None = (1, 1),
    device: torch.device | str | None = None,
) -> Band:
    """Rings between two resolutions, without the central cross.

    Args:
        shape: real-space ``(ny, nx)``.
        extent: real-space size ``(y, x)``, Å.
        low_resolution, high_resolution: Å; coarser and finer frequencies are left out (Nyquist bounds the fine side).
        cross: half-widths in Fourier pixels of the masked lines along x and along y (lines through the origin carry
            detector artefacts); ``None`` keeps them. Zero frequency is never used.
        device: where the tables live.
    """
    ny, nx = shape
    ky = torch.fft.fftfreq(ny, 1.0 / ny, device=device)[:, None]
    kx = torch.arange(nx // 2 + 1, device=device, dtype=torch.float32)[None, :]
    s = torch.sqrt((ky / extent[0]) ** 2 + (kx / extent[1]) ** 2)
    nyquist = 0.5 * min(ny / extent[0], nx / extent[1])
    highest = min(nyquist, 1.0 / high_resolution) if high_resolution > 0 else nyquist
    used = (s >= 1.0 / low_resolution) & (s < highest) & (s > 0)
    if cross is not None:
        used = used & (ky.abs() >= cross[0]) & (kx >= cross[1])
    n_rings = math.floor(highest * min(extent)) + 1
    ring = torch.round(s * min(extent)).to(torch.int32)
    ring = torch.where(used & (ring < n_rings), ring, torch.full_like(ring, n_rings))
    return _assemble(shape, extent, ring, n_rings)


def _assemble(shape: tuple[int, int], extent: tuple[float, float], ring: torch.Tensor, n_rings: int) -> Band:
    """Count modes and tabulate frequencies."""
    ny, nx = shape
    device = ring.device
    column_weight = half_plane_weight(shape, device)[0]
    counts = torch.zeros(n_rings + 1, dtype=torch.float64, device=device)
    counts.index_add_(0, ring.reshape(-1), column_weight.expand(ny, -1).reshape(-1).to(torch.float64))
    return Band(
        shape=shape,
        extent=extent,
        ring=ring.contiguous(),
        n_rings=n_rings,
        modes=counts[:n_rings].to(torch.float32),
        frequency=torch.arange(n_rings, device=device, dtype=torch.float32) / min(extent),
        column_weight=column_weight,
        theta_y=2.0 * math.pi / extent[0] * torch.fft.fftfreq(ny, 1.0 / ny, device=device),
        theta_x=2.0 * math.pi / extent[1] * torch.arange(nx // 2 + 1, device=device, dtype=torch.float32),
    )
