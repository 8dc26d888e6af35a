"""Consensus of several pickers: particles that enough of them chose at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitreous.algorithms.coordinates.pairs import checked_points, near_pairs
from vitreous.core.errors import UsageError


@dataclass(frozen=True)
class Consensus:
    """Places that at least one picker chose.

    Attributes:
        positions: mean of the picks of each place, ``[n, 2]`` float64, in the unit of the input.
        votes: pickers that chose it, ``[n]`` int64, 1 to the number of pickers.
        members: ``[n, pickers]`` int64: index of each picker's particle, -1 where it did not choose the place.
        spread: greatest distance of two picks of the place, ``[n]`` float64; 0 of a single one.
    """

    positions: np.ndarray
    votes: np.ndarray
    members: np.ndarray
    spread: np.ndarray

    def agreed(self, votes: int) -> np.ndarray:
        """Indices of the places with at least so many votes."""
        return np.flatnonzero(self.votes >= votes)


def consensus(pickers: Sequence[np.ndarray], radius: float) -> Consensus:
    """Join the picks of several pickers to places.

    Pairs of picks are joined from the nearest on (complete linkage: all picks of one place lie within ``radius`` of
    each other, and each picker has at most one of them), so the result does not depend on the order of the pickers or
    of their picks but for picks at exactly equal distances. Each pick belongs to exactly one place. Places are in the
    order of the first picker's picks, then of the second's that are in no place yet, and so on.

    Args:
        pickers: positions of each picker's particles, ``[n_i, 2]``, in one unit.
        radius: how far picks of one particle may lie apart, same unit.

    Raises:
        UsageError: no picker, a radius that is not positive, a position that is not finite.
    """
    if not pickers or not radius > 0:
        raise UsageError(f"{len(pickers)} pickers, radius {radius:g}", hint="Give pickers and a radius greater than 0")
    points = [checked_points(one) for one in pickers]
    offsets = np.cumsum([0, *(len(one) for one in points)])
    place = list(range(int(offsets[-1])))
    picks = [[i] for i in place]  # place → numbers of its picks, counted over all pickers
    owner = np.repeat(np.arange(len(points)), [len(one) for one in points])
    everywhere = np.concatenate(points)
    for i, j in zip(*_sorted_pairs(points, offsets, radius), strict=True):
        one, two = place[i], place[j]
        if one != two and _may_join(picks[one] + picks[two], owner, everywhere, radius):
            one, two = min(one, two), max(one, two)
            picks[one] = sorted(picks[one] + picks[two])
            for pick in picks[two]:
                place[pick] = one
            picks[two] = []
    return _described([one for one in picks if one], owner, offsets, everywhere)


def _sorted_pairs(points: Sequence[np.ndarray], offsets: np.ndarray, radius: float) -> tuple[list[int], list[int]]:
    firsts, seconds, distances = [], [], []
    for a in range(len(points)):
        for b in range(a + 1, len(points)):
            i, j, distance = near_pairs(points[a], points[b], radius)
            firsts.append(i + offsets[a])
            seconds.append(j + offsets[b])
            distances.append(distance)
    if not firsts:
        return [], []
    first, second, distance = (np.concatenate(parts) for parts in (firsts, seconds, distances))
    order = np.lexsort((second, first, distance))
    return first[order].tolist(), second[order].tolist()


def _may_join(picks: list[int], owner: np.ndarray, points: np.ndarray, radius: float) -> bool:
    if len(set(owner[picks].tolist())) < len(picks):
        return False
    return len(picks) == 2 or _greatest_distance(points[picks]) <= radius


def _greatest_distance(points: np.ndarray) -> float:
    return float(np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1)).max())


def _described(places: list[list[int]], owner: np.ndarray, offsets: np.ndarray, points: np.ndarray) -> Consensus:
    n, pickers = len(places), len(offsets) - 1
    members = np.full((n, pickers), -1, dtype=np.int64)
    positions, spread = np.zeros((n, 2)), np.zeros(n)
    for row, picks in enumerate(places):
        members[row, owner[picks]] = np.asarray(picks) - offsets[owner[picks]]
        positions[row] = points[picks].mean(axis=0)
        spread[row] = _greatest_distance(points[picks])
    return Consensus(positions, np.asarray([len(one) for one in places], dtype=np.int64), members, spread)
