"""The noise's power spectrum, from particle-free tiles of the micrograph itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import interpolate, pad

from vitreous.algorithms.fourier.grids import frequencies
from vitreous.algorithms.picking.maps import local_mean, sampled_means
from vitreous.core.errors import ComputeError

_MIN_SIDE = 16
_FEWEST = 4
_RICHEST = (75, 95)
"""Which tiles, in percent by rising variance, show what particles add; those above may hold contamination."""


@dataclass(frozen=True)
class Background:
    """Power spectrum of the noise.

    Attributes:
        power: mean |F|² per pixel at ``frequency``, float32 ``[n]``.
        excess: power of the tiles that hold most, over that of the noise, less 1 (not negative): what particles add.
        frequency: cycles per pixel, ascending, from the tiles' lowest.
        corners: (row, column) of the tiles that were taken, ``[m, 2]``.
        side: of the tiles, px.
    """

    power: torch.Tensor
    excess: torch.Tensor
    frequency: torch.Tensor
    corners: torch.Tensor
    side: int

    def on(self, values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """``power`` or ``excess`` interpolated to the ``rfft2`` layout of an image ``shape`` of the same pixels."""
        fy, fx = frequencies(shape, device=self.power.device)
        s = torch.sqrt(fy * fy + fx * fx)
        step = self.frequency[1] - self.frequency[0]
        place = ((s - self.frequency[0]) / step).clamp(0.0, len(self.power) - 1.001)
        low = place.to(torch.int64)
        share = place - low
        return torch.lerp(values[low], values[low + 1], share)


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
    some = min(boxes, max(_FEWEST, len(tiles) // 5))
    fy, fx = frequencies((side, side), device=image.device)
    ring = torch.round(torch.sqrt(fy * fy + fx * fx) * side).to(torch.int64)
    count = side // 2
    usable = (ring >= 1) & (ring <= count)
    total, rich, number = (image.new_zeros(count + 1) for _ in range(3))
    taken = None
    for rank_by in (half, ~half):
        variance = power[:, rank_by & usable].mean(-1)
        chosen = _ranked(variance, kind)[:some]
        full = torch.argsort(variance)[_RICHEST[0] * len(tiles) // 100 : max(1, _RICHEST[1] * len(tiles) // 100)]
        taken = chosen if taken is None else taken
        measured = usable & ~rank_by
        total += torch.bincount(ring[measured], power[chosen].mean(0)[measured], minlength=count + 1)
        rich += torch.bincount(ring[measured], power[full].mean(0)[measured], minlength=count + 1)
        number += torch.bincount(ring[measured], minlength=count + 1)
    noise, full_power = (_smoothed((one / number.clamp_min(1.0))[1:]) for one in (total, rich))
    noise = noise.clamp_min(float(noise.max()) * 1e-6)
    assert taken is not None
    return Background(
        noise,
        (full_power / noise - 1.0).clamp_min(0.0),
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


def noise_level(image: torch.Tensor, avoided: torch.Tensor, background: Background) -> torch.Tensor:
    """How the noise's power changes over the micrograph (ice of uneven thickness), relative to the background tiles.

    The lower quartile of the variances of tiles in a neighbourhood of six tiles' width, smoothed: particles, which are
    small and never everywhere, do not raise it.

    Returns:
        float32 of the image's shape, between a quarter and four.
    """
    side = background.side
    step = max(1, side // 2)
    mean, square = sampled_means(torch.stack((image, image.square())), ~avoided, side | 1, step)
    variance = square - mean.square()
    good = ~avoided[step // 2 :: step, step // 2 :: step]
    reach = min(6, (min(variance.shape) - 1) // 2)
    if reach < 1 or not bool(good.any()):
        return torch.ones_like(image)
    shut = torch.where(good, variance, torch.inf)
    around = pad(shut[None, None], (reach,) * 4, value=float("inf"))[0, 0]
    windows = around.unfold(0, 2 * reach + 1, 1).unfold(1, 2 * reach + 1, 1).flatten(2)
    number = torch.isfinite(windows).sum(-1)
    place = (number // 4).clamp(max=windows.shape[-1] - 1)
    level = torch.sort(windows, dim=-1)[0].gather(-1, place[..., None])[..., 0]
    known = torch.isfinite(level) & (number > 0)
    level = local_mean(torch.where(known, level, 0.0), known, 2 * (reach // 2) + 1)
    wide = interpolate(level[None, None], size=image.shape, mode="bilinear")[0, 0]
    centres = background.corners + side // 2
    rows, columns = centres[:, 0].clamp(max=image.shape[0] - 1), centres[:, 1].clamp(max=image.shape[1] - 1)
    return (wide / wide[rows, columns].mean().clamp_min(1e-30)).clamp(0.25, 4.0)
