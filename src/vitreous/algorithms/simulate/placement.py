"""Where particles lie: random positions that keep their distance."""

from __future__ import annotations

import math

import torch

from vitreous.core.errors import UsageError

_TRIES = 400
_DENSEST = 0.54
"""Random sequential placement of discs jams near 0.547 of the area."""


def random_positions(
    count: int, shape: tuple[int, int], distance: float, margin: float, generator: torch.Generator
) -> torch.Tensor:
    """Random positions no two of which are closer than ``distance``.

    Args:
        count: how many.
        shape: ``(ny, nx)`` px.
        distance: smallest distance of two centres, px.
        margin: smallest distance of a centre from the image's edge, px; negative values let particles be cut.
        generator: random numbers.

    Returns:
        px, float64 ``[count, 2]`` (x, y).

    Raises:
        UsageError: they do not fit.
    """
    ny, nx = shape
    width, height = nx - 1 - 2 * margin, ny - 1 - 2 * margin
    most = _most(width, height, distance)
    if count > most:
        raise UsageError(
            f"{count} particles that keep {distance:.0f} px from each other don't fit into {nx} x {ny} px",
            hint=f"Ask for at most {most}, or a larger image",
            particles=count,
        )
    found = torch.empty(0, 2, dtype=torch.float64, device=generator.device)
    low = torch.tensor([margin, margin], dtype=torch.float64, device=generator.device)
    span = torch.tensor([width, height], dtype=torch.float64, device=generator.device)
    for _ in range(_TRIES * max(1, count)):
        if len(found) == count:
            return found
        point = low + span * torch.rand(1, 2, generator=generator, dtype=torch.float64, device=generator.device)
        if len(found) == 0 or float((found - point).square().sum(dim=1).min()) >= distance * distance:
            found = torch.cat((found, point))
    if len(found) == count:
        return found
    raise UsageError(
        f"only {len(found)} of {count} particles found a place without overlap",
        hint=f"Ask for at most {int(0.9 * len(found))}",
        particles=count,
    )


def _most(width: float, height: float, distance: float) -> int:
    if width < 0 or height < 0:
        return 0
    area = (width + distance) * (height + distance)
    return max(1, math.floor(_DENSEST * area / (0.25 * math.pi * distance * distance)))
