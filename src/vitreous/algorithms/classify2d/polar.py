"""Polar Fourier grids: rings of equal frequency, on which a rotation is a cyclic shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.model import amplitude_phase
from vitreous.core.optics import Microscope

_STEP = 4


@dataclass(frozen=True)
class PolarGrid:
    """Points of the half plane at rings 1..R and angles 2πj/M, j < M/2; the other half is its conjugate.

    Values are pairs of real planes ``[..., R, M/2]``; harmonics are pairs ``[M/2+1, ..., R]``, where
    ``F_m = Σ_j f(θ_j) exp(-2πi m j/M)`` over the full turn. As ``f(θ+π) = conj f(θ)``, even harmonics come from the
    real part alone and odd ones from the imaginary part alone.

    Attributes:
        rings: R.
        angles: M, a multiple of 4.
    """

    rings: int
    angles: int

    @property
    def half(self) -> int:
        """Stored angles, M/2."""
        return self.angles // 2

    @property
    def harmonics(self) -> int:
        """Stored harmonics, M/2+1."""
        return self.angles // 2 + 1

    def weights(self) -> torch.Tensor:
        """Area 2πr/M of each sample in Fourier pixels, float32 ``[R]``; a sum over the plane becomes a weighted one."""
        return torch.arange(1, self.rings + 1, dtype=torch.float32) * (2.0 * math.pi / self.angles)

    def points(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Fourier index along y and x, float64 ``[R, M/2]``."""
        radius = torch.arange(1, self.rings + 1, dtype=torch.float64)[:, None]
        angle = torch.arange(self.half, dtype=torch.float64)[None] * (2.0 * math.pi / self.angles)
        return radius * torch.sin(angle), radius * torch.cos(angle)


def angles_needed(ring: int, box: int, radii: float, angular_step: float) -> int:
    """Angles that sample a product of two images without aliasing.

    Args:
        ring: finest ring.
        box: px.
        radii: sum of the radii of the two images' supports, px.
        angular_step: degrees; the grid is at least as fine.
    """
    return math.ceil(max(2.0 * math.pi * ring / box * radii + 6.0, 360.0 / angular_step))


def grid_for(ring: int, needed: int) -> PolarGrid:
    """The thinnest grid with ``ring`` rings and at least ``needed`` angles."""
    return PolarGrid(ring, _STEP * math.ceil(needed / _STEP))


def resampling(source: PolarGrid, target: PolarGrid, device: torch.device | str = "cpu") -> tuple[torch.Tensor, ...]:
    """Matrices ``[M/2, M'/2]`` that take real and imaginary planes from one number of angles to another.

    The real part has even harmonics only and the imaginary part odd ones only, so that each is resampled alone by
    trigonometric interpolation; harmonics that the target can't hold are left out.
    """
    angle = torch.arange(source.half, dtype=torch.float64)[:, None] * (2.0 * math.pi / source.angles)
    turned = angle - torch.arange(target.half, dtype=torch.float64) * (2.0 * math.pi / target.angles)
    last = min(source.half, target.half)
    matrices = []
    for odd in (0, 1):
        m = torch.arange(odd, last, 2, dtype=torch.float64)
        weight = torch.where(m == 0, 1.0, 2.0)[:, None, None]
        kernel = (weight * torch.cos(m[:, None, None] * turned)).sum(dim=0) / source.half
        matrices.append(kernel.to(torch.float32).contiguous().to(device))
    return tuple(matrices)


@dataclass(frozen=True)
class Turns:
    """Matrices of the discrete transforms over the angle of one grid, float32 on one device.

    Attributes:
        grid: what they belong to.
        even, odd: ``[2 H_e, M/2]`` and ``[2 H_o, M/2]``, real part to harmonics 0, 2, … and imaginary to 1, 3, …
        curve: ``[2 H, M]``, harmonics (real rows, then imaginary rows) to the real correlation at all M angles.
        back: ``[2 H, M]``, weights at all angles to harmonics (real rows, then imaginary rows).
    """

    grid: PolarGrid
    even: torch.Tensor
    odd: torch.Tensor
    curve: torch.Tensor
    back: torch.Tensor


def turns(grid: PolarGrid, device: torch.device | str = "cpu") -> Turns:
    """The transform matrices of a grid."""
    m = torch.arange(grid.harmonics, dtype=torch.float64)[:, None]
    phase = m * torch.arange(grid.angles, dtype=torch.float64)[None] * (2.0 * math.pi / grid.angles)
    cos, sin = torch.cos(phase), torch.sin(phase)
    half_cos, half_sin = 2.0 * cos[:, : grid.half], 2.0 * sin[:, : grid.half]
    even = torch.cat((half_cos[0::2], -half_sin[0::2]))
    # i·(cos - i sin) = sin + i cos
    odd = torch.cat((half_sin[1::2], half_cos[1::2]))
    twice = torch.full_like(m, 2.0)
    twice[0] = twice[-1] = 1.0
    curve = torch.cat((twice * cos, -twice * sin)) / grid.angles
    back = torch.cat((cos, -sin))
    return Turns(grid, *(x.to(torch.float32).contiguous().to(device) for x in (even, odd, curve, back)))


def to_harmonics(turn: Turns, real: torch.Tensor, imaginary: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Harmonics of planes ``[n, R, M/2]``: real and imaginary part, each ``[H, n, R]``; ``None`` stands for zero."""
    n, rings, half = real.shape
    out = real.new_zeros if imaginary is None else real.new_empty
    harmonics = out((2, turn.grid.harmonics, n, rings))
    flat = harmonics.view(2, turn.grid.harmonics, n * rings)
    even = torch.matmul(turn.even, real.reshape(n * rings, half).T)
    flat[:, 0::2] = even.view(2, -1, n * rings)
    if imaginary is not None:
        odd = torch.matmul(turn.odd, imaginary.reshape(n * rings, half).T)
        flat[:, 1::2] = odd.view(2, -1, n * rings)
    return harmonics[0], harmonics[1]


def from_harmonics(grid: PolarGrid, harmonics: torch.Tensor) -> torch.Tensor:
    """Values ``[..., M/2]``, complex, of harmonics ``[..., H]``, complex: the inverse of ``to_harmonics``."""
    m = torch.arange(1, grid.half, device=harmonics.device)
    sign = 1.0 - 2.0 * (m % 2)
    negative = torch.flip(sign * torch.conj(harmonics[..., 1 : grid.half]), dims=(-1,))
    full = torch.cat((harmonics, negative), dim=-1)
    return torch.fft.ifft(full, dim=-1)[..., : grid.half]


def shift_angles(grid: PolarGrid, shifts: torch.Tensor, box: int) -> torch.Tensor:
    """Phase angles in radians, float32 ``[n, R, M/2]``, that move image content by ``shifts`` px ``[n, 2]`` (x, y)."""
    y, x = grid.points()
    moved = shifts.to(torch.float64) * (-2.0 * math.pi / box)
    angle = moved[:, 0, None, None] * x.to(moved.device) + moved[:, 1, None, None] * y.to(moved.device)
    return angle.to(torch.float32)


def polar_ctf(
    grid: PolarGrid,
    extent: float,
    microscope: Microscope,
    defocus: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Contrast transfer functions of n images on a polar grid, float32 ``[n, R, M/2]``.

    The formula of ``algorithms.ctf.model.phase`` with the angle of the grid; RELION's sign, + at zero frequency.

    Args:
        grid: polar grid.
        extent: side of the box, Å.
        microscope: of all n images.
        defocus: defocus U and V (Å), astigmatism angle and phase shift (degrees), each float64 ``[n]``.
    """
    u, v, astigmatism, shift = (x[:, None, None] for x in defocus)
    device = u.device
    s2 = (torch.arange(1, grid.rings + 1, dtype=torch.float64, device=device)[:, None] / extent) ** 2
    angle = torch.arange(grid.half, dtype=torch.float64, device=device)[None] * (2.0 * math.pi / grid.angles)
    spread = 0.5 * (u - v)
    wavelength = microscope.wavelength
    spherical = 0.5 * math.pi * microscope.spherical_aberration * 1e7 * wavelength**3 * s2 * s2
    constant = torch.deg2rad(shift) + amplitude_phase(microscope)
    round_part = spherical - (math.pi * wavelength) * s2 * (0.5 * (u + v)) - constant
    if not bool(spread.any()):
        return (-torch.sin(round_part)).to(torch.float32).expand(-1, -1, grid.half)
    turned = torch.cos(2.0 * (angle - torch.deg2rad(astigmatism)))
    gamma = round_part.to(torch.float32) - ((math.pi * wavelength) * s2).to(torch.float32) * (
        spread.to(torch.float32) * turned.to(torch.float32)
    )
    return -torch.sin(gamma)
