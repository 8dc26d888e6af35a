"""Figures that say in a few numbers how a specimen drifted."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_EARLY = 4.0  # e/Å², as RELION's rlnAccumMotionEarly


@dataclass(frozen=True)
class DriftStatistics:
    """Whole-frame drift.

    Attributes:
        total: Å, length of the path.
        early: Å, of it while the exposure is at most 4 e/Å²; ``None`` where the exposure is not known.
        late: Å, the rest of it.
        range: Å, √(range_x² + range_y²).
        longest_step: Å between consecutive frames.
        deceleration: Å per frame, minus the slope of step length against frame number; ``None`` below 3 frames.
        jitter: 1000 × Σ (distance of each point from the middle of its neighbours) / Σ step lengths.
    """

    total: float
    early: float | None
    late: float | None
    range: float
    longest_step: float
    deceleration: float | None
    jitter: float | None


def drift_statistics(shifts: torch.Tensor, exposure: torch.Tensor | None = None) -> DriftStatistics:
    """Statistics of a trajectory ``shifts [n, 2]`` in Å; ``exposure [n]`` e/Å² at the end of each frame."""
    path = shifts.detach().to("cpu", torch.float64)
    steps = torch.diff(path, dim=0).norm(dim=1)
    total = float(steps.sum())
    early = late = None
    if exposure is not None:
        early = float(steps[exposure.cpu()[1:] <= _EARLY].sum())
        late = total - early
    extent = path.max(0).values - path.min(0).values
    slope = jitter = None
    if len(steps) >= 2:
        t = torch.arange(len(steps), dtype=torch.float64)
        t = t - t.mean()
        slope = float((t * steps).sum() / (t * t).sum())
        middle = 0.5 * (path[:-2] + path[2:])
        jitter = 1000.0 * float((path[1:-1] - middle).norm(dim=1).sum()) / total if total > 0 else 0.0
    return DriftStatistics(
        total=total,
        early=early,
        late=late,
        range=float(extent.norm()),
        longest_step=float(steps.max()) if len(steps) else 0.0,
        deceleration=None if slope is None else -slope,
        jitter=jitter,
    )
