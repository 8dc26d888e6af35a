"""The noise's power spectrum, from particle-free tiles of the micrograph itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.core.errors import ComputeError

_MIN_SIDE = 16
_FEWEST = 4


@dataclass(frozen=True)
class Background:
    """Power spectrum of the noise.

    Attributes:
        power: mean |F|² per pixel at ``frequency``, float32 ``[n]``.
        frequency: cycles per pixel, ascending, from the tiles' lowest.
        corners: (row, column) of the tiles that were taken, ``[m, 2]``.
        side: of the tiles, px.
    """

    power: torch.Tensor
    frequency: torch.Tensor
    corners: torch.Tensor
    side: int

    def on(self, shape: tuple[int, int]) -> torch.Tensor:
        """Power interpolated to the ``rfft2`` layout of an image ``shape`` of the same pixels."""
        fy, fx = frequencies(shape, device=self.power.device)
        s = torch.sqrt(fy * fy + fx * fx)
        step = self.frequency[1] - self.frequency[0]
        place = ((s - self.frequency[0]) / step).clamp(0.0, len(self.power) - 1.001)
        low = place.to(torch.int64)
        share = place - low
        return torch.lerp(self.power[low], self.power[low + 1], share)


def measure_background(
    image: torch.Tensor, avoided: torch.Tensor, width: float, boxes: int, kind: Literal["lowest", "mean"]
) -> Background:
    """Average the spectra of the tiles that hold least but noise.

    Tiles are ranked by one half of their Fourier coefficients, drawn at random, and the power is measured with the
    other half, and the other way round: noise that happens to be weak can't be both what a tile is chosen for and what
    is measured, so the power is not too low.

    Args:
        image: float32 ``[ny, nx]``.
        avoided: bool ``[ny, nx]``; tiles that hold more than a tenth of it are not looked at.
        width: side of the tiles, px.
        boxes: how many tiles to take.
        kind: ``lowest`` variance, or variance nearest to the ``mean``.

    Raises:
        ComputeError: fewer than four tiles are left.
    """
    ny, nx = image.shape
    side = min(max(_MIN_SIDE, 2 * round(0.5 * width)), 2 * (min(ny, nx) // 4))
    tiles, corners = _tiles(image, avoided, side)
    if len(tiles) < _FEWEST:
        raise ComputeError(
            f"only {len(tiles)} tiles of {side} px are neither avoided nor outside",
            hint="The micrograph is nearly all carbon, ice or contamination: leave it out, or avoid less",
        )
    spectra = torch.fft.rfft2(tiles - tiles.mean((-2, -1), keepdim=True))
    power = torch.view_as_real(spectra).square().sum(-1) / side**2
    half = torch.rand(power.shape[1:], generator=torch.Generator().manual_seed(1)).to(image.device) < 0.5
    some = min(boxes, max(_FEWEST, len(tiles) // 2))
    fy, fx = frequencies((side, side), device=image.device)
    ring = torch.round(torch.sqrt(fy * fy + fx * fx) * side).to(torch.int64)
    count = side // 2
    usable = (ring >= 1) & (ring <= count)
    total, number = image.new_zeros(count + 1), image.new_zeros(count + 1)
    taken = None
    for rank_by in (half, ~half):
        chosen = _ranked(power[:, rank_by & usable].mean(-1), kind)[:some]
        taken = chosen if taken is None else taken
        measured = usable & ~rank_by
        total += torch.bincount(ring[measured], power[chosen].mean(0)[measured], minlength=count + 1)
        number += torch.bincount(ring[measured], minlength=count + 1)
    found = (total / number.clamp_min(1.0))[1:]
    assert taken is not None
    return Background(
        _smoothed(found).clamp_min(float(found.max()) * 1e-6),
        torch.arange(1, count + 1, device=image.device) / side,
        corners[taken],
        side,
    )


def _tiles(image: torch.Tensor, avoided: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tiles at half steps that hold hardly anything avoided, ``[n, side, side]``, and their corners."""
    step = side // 2
    tiles = image.unfold(0, side, step).unfold(1, side, step)
    bad = avoided.to(torch.float32).unfold(0, side, step).unfold(1, side, step).mean((-2, -1))
    rows, columns = torch.nonzero(bad < 0.1, as_tuple=True)
    return tiles[rows, columns], torch.stack((rows, columns), 1) * step


def _ranked(variance: torch.Tensor, kind: Literal["lowest", "mean"]) -> torch.Tensor:
    return torch.argsort(variance if kind == "lowest" else (variance - variance.mean()).abs())


def _smoothed(power: torch.Tensor) -> torch.Tensor:
    """Running mean over three rings, of logarithms; the ends stay."""
    logs = power.clamp_min(1e-30).log()
    out = logs.clone()
    out[1:-1] = (logs[:-2] + logs[1:-1] + logs[2:]) / 3.0
    return out.exp()
