"""Bring the background of particle images to mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.core.errors import UsageError

_FEWEST = 16


@dataclass(frozen=True)
class Normalised:
    """Images and what was done to them.

    Attributes:
        images: float32 ``[m, n, n]``.
        mean, stddev: float32 ``[m]``: of the background before, in the units of the pixels, after the ramp and dust.
        dust: int64 ``[m]``: pixels that were replaced.
        usable: bool ``[m]``: the background varies and all pixels are numbers; the other images are zero.
    """

    images: torch.Tensor
    mean: torch.Tensor
    stddev: torch.Tensor
    dust: torch.Tensor
    usable: torch.Tensor


def background_mask(size: int, radius: float, device: torch.device | str | None = None) -> torch.Tensor:
    """Pixels farther than ``radius`` px from the centre ``size // 2``: bool ``[size, size]``.

    Raises:
        UsageError: fewer than 16 pixels are left.
    """
    offset = torch.arange(size, device=device, dtype=torch.float32) - size // 2
    outside = offset[:, None].square() + offset.square() > radius * radius
    left = int(outside.sum())
    if left < _FEWEST:
        raise UsageError(
            f"a background circle of {radius:.1f} px leaves {left} px of a box of {size} px",
            hint="Give a smaller background diameter, or a larger box",
            radius=radius,
        )
    return outside


def normalised(
    images: torch.Tensor,
    background: torch.Tensor,
    *,
    ramp: bool = True,
    white_dust: float | None = None,
    black_dust: float | None = None,
    generator: torch.Generator | None = None,
) -> Normalised:
    """Subtract the background's plane or mean, replace dust, divide by the background's standard deviation.

    Args:
        images: float32 ``[m, n, n]``; not changed.
        background: bool ``[n, n]``, of ``background_mask``.
        ramp: subtract the plane that fits the background best (least squares), not only its mean.
        white_dust, black_dust: pixels this many standard deviations of the whole image above (below) its mean become
            Gaussian noise of the background; ``None`` leaves them. The particle's own contrast widens that range, so
            that negative stain or a strong signal is not taken for dust.
        generator: of that noise, on the CPU, so that it is the same everywhere; needed where dust is replaced.
    """
    m, n = images.shape[0], images.shape[-1]
    weight = background.reshape(-1).to(torch.float32)
    flat = images.reshape(m, n * n).to(torch.float32)
    basis, fit = _plane(background, ramp)
    level = flat @ fit
    flat = torch.addmm(flat, level, basis, alpha=-1.0)
    mean, stddev = _moments(flat, weight)
    replaced = torch.zeros(m, dtype=torch.int64, device=images.device)
    if white_dust is not None or black_dust is not None:
        flat, replaced = _without_dust(flat, mean, stddev, white_dust, black_dust, generator)
        dusty = replaced > 0
        again_mean, again_stddev = _moments(flat[dusty], weight)
        mean[dusty], stddev[dusty] = again_mean, again_stddev
    # A pixel that is no number makes all of these none; grey values that are equal differ by rounding alone.
    usable = torch.isfinite(stddev) & (stddev > 1e-5 * level[:, 0].abs()) & (stddev > 1e-30)
    scale = torch.where(usable, 1.0 / torch.where(usable, stddev, 1.0), 0.0)
    out = flat.sub_(mean[:, None]).mul_(scale[:, None])
    if not bool(usable.all()):
        out[~usable] = 0.0
    return Normalised(out.reshape(m, n, n), mean + level[:, 0], stddev, replaced, usable)


def _plane(background: torch.Tensor, ramp: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Basis ``[k, n²]`` (constant, and x and y with ``ramp``), and the matrix ``[n², k]`` that fits its factors."""
    n = background.shape[-1]
    offset = (torch.arange(n, device=background.device, dtype=torch.float64) - n // 2) / n
    constant = torch.ones(n, n, dtype=torch.float64, device=background.device)
    planes = [constant, offset[None, :].expand(n, n), offset[:, None].expand(n, n)] if ramp else [constant]
    basis = torch.stack(planes).reshape(len(planes), n * n)
    held = basis * background.reshape(-1)
    fit = torch.linalg.solve(held @ basis.T, held)
    return basis.to(torch.float32), fit.T.to(torch.float32).contiguous()


def _moments(flat: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the background of each row."""
    number = weight.sum()
    mean = flat @ weight / number
    variance = flat.square() @ weight / number - mean.square()
    return mean, variance.clamp_min(0.0).sqrt()


def _without_dust(
    flat: torch.Tensor,
    mean: torch.Tensor,
    stddev: torch.Tensor,
    white: float | None,
    black: float | None,
    generator: torch.Generator | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    middle, spread = _moments(flat, torch.ones_like(flat[0]))
    high = torch.full_like(mean, torch.inf) if white is None else middle + white * spread
    low = torch.full_like(mean, -torch.inf) if black is None else middle - black * spread
    # Most images hold none, and their extremes say so for little.
    lowest, highest = torch.aminmax(flat, dim=1)
    dusty = torch.nonzero((lowest < low) | (highest > high)).reshape(-1)
    replaced = torch.zeros(len(flat), dtype=torch.int64, device=flat.device)
    if len(dusty) == 0:
        return flat, replaced
    part = flat[dusty]
    bad = (part < low[dusty, None]) | (part > high[dusty, None])
    noise = torch.randn(part.shape, generator=generator).to(flat.device)
    clean = torch.where(bad, mean[dusty, None] + stddev[dusty, None] * noise, part)
    replaced[dusty] = bad.sum(dim=1)
    return flat.index_copy(0, dusty, clean), replaced
