"""Sums of the expectation step as whole numbers: they add up to the same bits in any order and any division."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vitreous.algorithms.classify2d.polar import PolarGrid
from vitreous.algorithms.classify2d.prepare import FOLDS

_UNIT = float(1 << 28)
"""Whole numbers per 1; the largest sum is then 3e10."""


@dataclass(frozen=True)
class Rows:
    """What the expectation step says of each image; lengths n.

    Attributes:
        rows: int64, numbers of the images.
        classes: int32 from 0.
        psi: float32, degrees.
        origin: float32 ``[n, 2]``, px (x, y).
        max_probability, log_likelihood: float32.
    """

    rows: np.ndarray
    classes: np.ndarray
    psi: np.ndarray
    origin: np.ndarray
    max_probability: np.ndarray
    log_likelihood: np.ndarray


@dataclass(frozen=True)
class Sums:
    """Weighted sums over images on one polar grid; ``a + b`` is exact.

    Attributes:
        rings, angles: of the grid.
        numerator: int64 ``[folds, 2 parts, H, K, R]``, Σ Γ P⁻¹(c X S₀/S).
        denominator: int64, the same shape, Σ Γ P⁻¹(c² S₀/S).
        power: int64 ``[G, R]``, Σ mean |X|² of each ring.
        counts: int64 ``[G]``, images.
        populations: int64 ``[K]``, Σ Γ.
        shift_power: int64, Σ Γ |t|², px².
        table: what is said of each image.
    """

    rings: int
    angles: int
    numerator: torch.Tensor
    denominator: torch.Tensor
    power: torch.Tensor
    counts: torch.Tensor
    populations: torch.Tensor
    shift_power: torch.Tensor
    table: Rows

    def __add__(self, other: Sums) -> Sums:
        names = ("numerator", "denominator", "power", "counts", "populations", "shift_power")
        added = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Sums(self.rings, self.angles, **added, table=joined_rows((self.table, other.table)))


def no_sums(grid: PolarGrid, classes: int, groups: int, device: torch.device | str) -> Sums:
    """Sums over no image on a grid, with K ``classes`` and G ``groups``."""

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, dtype=torch.int64, device=device)

    fields = (FOLDS, 2, grid.harmonics, classes, grid.rings)
    return Sums(
        grid.rings,
        grid.angles,
        zeros(*fields),
        zeros(*fields),
        zeros(groups, grid.rings),
        zeros(groups),
        zeros(classes),
        zeros(),
        joined_rows([]),
    )


def whole(values: torch.Tensor) -> torch.Tensor:
    """Values as whole numbers, int64."""
    return torch.round(values.to(torch.float64) * _UNIT).to(torch.int64)


def real(values: torch.Tensor) -> torch.Tensor:
    """Whole numbers as values, float64."""
    return values.to(torch.float64) / _UNIT


def joined_rows(tables: Sequence[Rows]) -> Rows:
    """Tables one below the other, sorted by row."""
    if not tables:
        none = np.zeros(0, np.float32)
        return Rows(np.zeros(0, np.int64), np.zeros(0, np.int32), none, np.zeros((0, 2), np.float32), none, none)
    rows = np.concatenate([table.rows for table in tables])
    order = np.argsort(rows, kind="stable")
    names = ("classes", "psi", "origin", "max_probability", "log_likelihood")
    columns = {name: np.concatenate([getattr(table, name) for table in tables])[order] for name in names}
    return Rows(rows[order], **columns)
