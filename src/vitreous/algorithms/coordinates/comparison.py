"""Comparison of picks with a reference set: precision, recall, F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitreous.algorithms.coordinates.pairs import checked_points, near_pairs
from vitreous.core.errors import UsageError

_TOO_FAR = 4.0
"""Cost, in radii, of a pair that is too far apart: more than any exchange of partners within the radius can save."""


@dataclass(frozen=True)
class Comparison:
    """How picks agree with a reference set.

    Attributes:
        picks, reference: indices of the pairs that belong together, each ``[pairs]`` int64.
        distance: of each pair, ``[pairs]``, in the unit of the input.
        n_picks, n_reference: sizes of the two sets.
    """

    picks: np.ndarray
    reference: np.ndarray
    distance: np.ndarray
    n_picks: int
    n_reference: int

    @property
    def precision(self) -> float | None:
        """Share of the picks that the reference set has; ``None`` without picks."""
        return len(self.picks) / self.n_picks if self.n_picks else None

    @property
    def recall(self) -> float | None:
        """Share of the reference set that was picked; ``None`` where it is empty."""
        return len(self.picks) / self.n_reference if self.n_reference else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 2 pairs / (picks + reference); ``None`` where both sets are empty."""
        total = self.n_picks + self.n_reference
        return 2 * len(self.picks) / total if total else None

    @property
    def rms_distance(self) -> float | None:
        """Root mean square distance of the pairs; ``None`` where there is none."""
        return float(np.sqrt(np.mean(self.distance**2))) if len(self.distance) else None


def compare(picks: np.ndarray, reference: np.ndarray, radius: float) -> Comparison:
    """Pair picks with reference particles one to one: as many pairs as there can be, at the least sum of distances.

    Within each group of points that are near each other this is the assignment problem (Kuhn 1955, Naval Res.
    Logist. Q. 2:83); a pick can't count for two particles, nor two picks for one.

    Args:
        picks, reference: positions ``[n, 2]`` and ``[m, 2]`` in one unit.
        radius: greatest distance of a pair, same unit.

    Raises:
        UsageError: the radius is not positive, a position is not finite.
    """
    if not radius > 0:
        raise UsageError(f"radius {radius:g}", hint="Give a radius greater than 0, such as half the particle's")
    first, second = checked_points(picks), checked_points(reference)
    i, j, distance = near_pairs(first, second, radius)
    pairs = _assigned(i, j, distance, radius)
    order = pairs[np.lexsort((j[pairs], i[pairs]))]
    return Comparison(i[order], j[order], distance[order], len(first), len(second))


def _assigned(i: np.ndarray, j: np.ndarray, distance: np.ndarray, radius: float) -> np.ndarray:
    """Indices of the pairs that are taken."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(i):
        return np.zeros(0, dtype=np.int64)
    n, m = int(i.max()) + 1, int(j.max()) + 1
    graph = coo_array((np.ones(len(i)), (i, n + j)), shape=(n + m, n + m))
    group = connected_components(graph, directed=False)[1][i]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    taken = [_in_group(part, i, j, distance, radius) for part in np.split(order, starts[1:])]
    return np.concatenate(taken)


def _in_group(pairs: np.ndarray, i: np.ndarray, j: np.ndarray, distance: np.ndarray, radius: float) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    if len(pairs) == 1:
        return pairs
    rows, row = np.unique(i[pairs], return_inverse=True)
    columns, column = np.unique(j[pairs], return_inverse=True)
    cost = np.full((len(rows), len(columns)), _TOO_FAR * radius * min(len(rows), len(columns)))
    cost[row, column] = distance[pairs]
    number = np.full(cost.shape, -1, dtype=np.int64)
    number[row, column] = pairs
    chosen = number[linear_sum_assignment(cost)]
    return chosen[chosen >= 0]
