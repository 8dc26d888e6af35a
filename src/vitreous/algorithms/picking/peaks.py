"""Maxima of a score map, to a fraction of a pixel."""

from __future__ import annotations

import torch


def local_maxima(score: torch.Tensor, excluded: torch.Tensor, floor: float, reach: float) -> torch.Tensor:
    """Pixels that are the greatest within ``reach`` px (a square) and not below ``floor``.

    A maximum that is excluded still hides what is beside it: the flank of something avoided is no particle.

    Args:
        score: ``[y, x]``.
        excluded: bool ``[y, x]``.
        floor: least score.
        reach: px.

    Returns:
        int64 ``[n, 2]`` (row, column), by falling score.
    """
    half = max(1, int(reach))
    side = 2 * half + 1
    highest = running_maximum(running_maximum(score, side).T, side).T
    found = torch.nonzero((score >= highest) & (score >= floor) & ~excluded)
    order = torch.argsort(score[found[:, 0], found[:, 1]], descending=True, stable=True)
    return found[order]


def running_maximum(values: torch.Tensor, side: int) -> torch.Tensor:
    """Greatest value within a centred window of odd ``side`` px along y, by doubling the window."""
    half = side // 2
    found = torch.nn.functional.pad(values, (0, 0, half, half), value=-torch.inf)
    width = 1
    while 2 * width <= side:
        found = torch.maximum(found[:-width], found[width:])
        width *= 2
    rest = side - width
    return torch.maximum(found[: len(found) - rest], found[rest:]) if rest else found


def refined(score: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions ``[n, 2]`` (y, x) and heights of maxima by a parabola along each axis, at most half a pixel away."""
    ny, nx = score.shape
    y, x = places[:, 0], places[:, 1]
    middle = score[y, x]
    height = middle.clone()
    moved = []
    for before, after in (
        (score[(y - 1).clamp_min(0), x], score[(y + 1).clamp_max(ny - 1), x]),
        (score[y, (x - 1).clamp_min(0)], score[y, (x + 1).clamp_max(nx - 1)]),
    ):
        bend = before - 2.0 * middle + after
        slope = 0.5 * (after - before)
        step = torch.where(bend < 0.0, -slope / bend.clamp_max(-1e-12), 0.0).clamp(-0.5, 0.5)
        moved.append(step)
        height = height + slope * step + 0.5 * bend * step.square()
    return places.to(torch.float32) + torch.stack(moved, 1), height
