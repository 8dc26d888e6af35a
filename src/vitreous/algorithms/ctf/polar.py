"""A power spectrum gathered into cells of direction and frequency."""

from __future__ import annotations

import functools
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


@dataclass(frozen=True)
class _Cells:
    """Which cell each pixel belongs to (the last number: none), and what does not depend on the power."""

    index: torch.Tensor
    count: torch.Tensor
    s2: torch.Tensor
    s4: torch.Tensor
    s2_cos: torch.Tensor
    s2_sin: torch.Tensor
    angle: torch.Tensor
    frequency: torch.Tensor


def polar_spectrum(
    spectrum: Spectrum, min_frequency: float, max_frequency: float, n_sectors: int, shell_width: float
) -> PolarSpectrum:
    """Gather a spectrum into ``n_sectors`` over 180° and shells ``shell_width`` pixels wide.

    Pixels next to the axes are left out (``Spectrum.off_axes``).
    """
    limit = min(max_frequency, 0.5 / spectrum.pixel_size)
    cells = _cells(
        spectrum.box,
        spectrum.pixel_size,
        min_frequency,
        limit,
        n_sectors,
        shell_width,
        str(spectrum.power.device),
    )
    power, _, _ = spectrum.off_axes(limit)
    size = cells.count.numel()
    total = torch.bincount(cells.index, power.reshape(-1).to(torch.float64), minlength=size + 1)[:size]
    mean = total.reshape(cells.count.shape) / cells.count.clamp_min(1.0)
    return PolarSpectrum(
        mean, cells.count, cells.s2, cells.s4, cells.s2_cos, cells.s2_sin, cells.angle, cells.frequency,
        spectrum.looks, spectrum.extent,
    )  # fmt: skip


@functools.lru_cache(maxsize=8)
def _cells(
    box: int,
    pixel_size: float,
    min_frequency: float,
    max_frequency: float,
    n_sectors: int,
    shell_width: float,
    device: str,
) -> _Cells:
    """The cells of all spectra of one kind: images of a session share them."""
    nothing = Spectrum(torch.zeros((box, box // 2 + 1), device=device), pixel_size, 1.0, 0)
    _, fy, fx = nothing.off_axes(max_frequency)
    fy, fx = fy.to(torch.float64), fx.to(torch.float64)
    x2, y2, xy = fx * fx, fy * fy, 2.0 * fx * fy
    s2 = x2 + y2
    width = shell_width / nothing.extent
    first = min_frequency / width
    shells = max(1, math.floor(max_frequency / width - first))
    size = n_sectors * shells
    shell = torch.floor(torch.sqrt(s2) / width - first).to(torch.int64)
    sector = torch.floor(torch.atan2(fy, fx) % math.pi * (n_sectors / math.pi)).to(torch.int64).clamp_(0, n_sectors - 1)
    outside = (shell < 0) | (shell >= shells)
    index = torch.where(outside, torch.full_like(shell, size), sector * shells + shell).reshape(-1)
    count = torch.bincount(index, minlength=size + 1)[:size].to(torch.float64)

    def mean(values: torch.Tensor) -> torch.Tensor:
        total = torch.bincount(index, values.reshape(-1), minlength=size + 1)[:size]
        return (total / count.clamp_min(1.0)).reshape(n_sectors, shells)

    steps = torch.arange(max(n_sectors, shells), device=device, dtype=torch.float64) + 0.5
    angle, frequency = steps[:n_sectors] * (math.pi / n_sectors), (steps[:shells] + first) * width
    return _Cells(
        index, count.reshape(n_sectors, shells), mean(s2), mean(s2 * s2), mean(x2 - y2), mean(xy), angle, frequency
    )
