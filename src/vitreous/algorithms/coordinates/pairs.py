"""Pairs of points that lie near each other."""

from __future__ import annotations

import numpy as np

from vitreous.core.errors import UsageError


def checked_points(points: np.ndarray) -> np.ndarray:
    """Points as float64 ``[n, 2]``; ``UsageError`` where they are not, or are not finite."""
    found = np.asarray(points, dtype=np.float64).reshape(-1, 2) if np.size(points) == 0 else np.asarray(points, float)
    if found.ndim != 2 or found.shape[1] != 2:
        raise UsageError(f"points of shape {found.shape}", hint="Give [n, 2]: x and y of each")
    if not np.isfinite(found).all():
        bad = int(np.count_nonzero(~np.isfinite(found).all(axis=1)))
        raise UsageError(f"{bad} of {len(found)} positions are not finite", hint="Leave them out")
    return found


def near_pairs(first: np.ndarray, second: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of a point of ``first`` and one of ``second`` at most ``radius`` apart.

    Args:
        first, second: ``[n, 2]`` and ``[m, 2]``, in the unit of ``radius``.
        radius: greater than 0.

    Returns:
        Indices into ``first`` and ``second`` and their distances, each ``[pairs]``, the nearest first; ties by index.
    """
    from scipy.spatial import cKDTree

    if not len(first) or not len(second):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0)
    found = cKDTree(first).sparse_distance_matrix(cKDTree(second), radius, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"], found["v"]))
    return found["i"][order].astype(np.int64), found["j"][order].astype(np.int64), found["v"][order]
