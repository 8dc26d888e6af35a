"""Picks that mean the same particle."""

from __future__ import annotations

import torch

_AT_ONCE = 2048


def without_duplicates(positions: torch.Tensor, scores: torch.Tensor, distance: float) -> torch.Tensor:
    """Which positions stay where no two may be closer than ``distance``: of a close pair the better score.

    The best of all stays, all closer to it go, then the best of the rest stays, and so on; of equal scores the first.

    Args:
        positions: ``[m, 2]``, any unit.
        scores: ``[m]``; NaN is the lowest.
        distance: in the unit of the positions; 0 keeps all.

    Returns:
        bool ``[m]``.
    """
    keep = torch.ones(len(positions), dtype=torch.bool, device=positions.device)
    if distance <= 0.0 or len(positions) < 2:
        return keep
    known = torch.where(torch.isnan(scores), torch.full_like(scores, -torch.inf), scores)
    order = torch.argsort(known, descending=True, stable=True)
    ordered = positions[order].to(torch.float64)
    gone: set[int] = set()
    for better, worse in _close_pairs(ordered, distance):
        if better not in gone:
            gone.add(worse)
    keep[order[torch.tensor(sorted(gone), dtype=torch.int64, device=order.device)]] = False
    return keep


def _close_pairs(positions: torch.Tensor, distance: float) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that are closer than ``distance``, in order of i."""
    found: list[tuple[int, int]] = []
    squared = positions.square().sum(dim=1)
    origin = positions.mean(dim=0)
    near = positions - torch.where(torch.isfinite(origin), origin, 0.0)
    squared = near.square().sum(dim=1)
    for start in range(0, len(near), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        apart = squared[part, None] + squared - 2.0 * (near[part] @ near.T)
        i, j = torch.nonzero(apart < distance * distance, as_tuple=True)
        later = j > i + start
        found.extend(zip((i[later] + start).tolist(), j[later].tolist(), strict=True))
    return found
