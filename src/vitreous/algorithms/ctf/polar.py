"""A power spectrum gathered into cells of direction and frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.algorithms.ctf.spectrum import Spectrum


@dataclass(frozen=True)
class PolarSpectrum:
    """Means over cells, each float64 ``[sectors, shells]`` but where said.

    The phase of the CTF is linear in the four moments, so a cell's mean phase is exact however its pixels lie.

    Attributes:
        power: mean power.
        count: pixels in the cell; 0 where it is empty (its means are then 0).
        s2, s4: means of s² and s⁴ (1/Å², 1/Å⁴).
        s2_cos, s2_sin: means of s² cos 2α, s² sin 2α.
        angle: float64 ``[sectors]``, direction of a sector's middle, radians from +x.
        frequency: float64 ``[shells]``, middle of a shell, 1/Å.
        looks: independent spectra in each pixel.
        extent: side of a tile, Å.
    """

    power: torch.Tensor
    count: torch.Tensor
    s2: torch.Tensor
    s4: torch.Tensor
    s2_cos: torch.Tensor
    s2_sin: torch.Tensor
    angle: torch.Tensor
    frequency: torch.Tensor
    looks: float
    extent: float


def polar_spectrum(
    spectrum: Spectrum, min_frequency: float, max_frequency: float, n_sectors: int, shell_width: float
) -> PolarSpectrum:
    """Gather a spectrum into ``n_sectors`` over 180° and shells ``shell_width`` pixels wide.

    Pixels next to the axes (|kx| or |ky| below 2) are left out: they hold the camera's lines and columns.
    """
    fy, fx = spectrum.frequencies()
    device = spectrum.power.device
    fy, fx = fy.to(torch.float64), fx.to(torch.float64)
    x2, y2, xy = fx * fx, fy * fy, 2.0 * fx * fy
    s2 = x2 + y2
    step = 1.0 / spectrum.extent
    limit = min(max_frequency, 0.5 / spectrum.pixel_size)
    first = min_frequency / (step * shell_width)
    shells = max(1, math.floor(limit / (step * shell_width) - first))
    s = torch.sqrt(s2)
    shell = torch.floor(s / (step * shell_width) - first).to(torch.int64)
    sector = torch.floor(torch.atan2(fy, fx) % math.pi * (n_sectors / math.pi)).to(torch.int64).clamp_(0, n_sectors - 1)
    keep = (shell >= 0) & (shell < shells) & (fx >= 1.5 * step) & (fy.abs() >= 1.5 * step)
    index = (sector * shells + shell)[keep]

    def gather(values: torch.Tensor) -> torch.Tensor:
        return torch.bincount(index, values.expand_as(s2)[keep], minlength=n_sectors * shells)

    count = torch.bincount(index, minlength=n_sectors * shells).to(torch.float64)
    divisor = count.clamp_min(1.0)
    means = [gather(v) / divisor for v in (spectrum.power.to(torch.float64), s2, s2 * s2, x2 - y2, xy)]
    power, m2, m4, mc, ms = (m.reshape(n_sectors, shells) for m in means)
    angle = (torch.arange(n_sectors, device=device, dtype=torch.float64) + 0.5) * (math.pi / n_sectors)
    frequency = (torch.arange(shells, device=device, dtype=torch.float64) + 0.5 + first) * (step * shell_width)
    return PolarSpectrum(
        power, count.reshape(n_sectors, shells), m2, m4, mc, ms, angle, frequency, spectrum.looks, spectrum.extent
    )
