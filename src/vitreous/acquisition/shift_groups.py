"""Groups of images recorded with about the same beam or image shift, found as the images come."""

from __future__ import annotations

import math
from collections.abc import Iterable

Shift = tuple[float, float]


class ShiftGroups:
    """Centres of the groups so far, numbered from 1 in order of arrival.

    The same shifts in the same order give the same groups, so that a restart replays those of the items it knows.
    """

    def __init__(self, tolerance: float, known: Iterable[Shift] = ()) -> None:
        """Begin with shifts of items that are there already.

        Args:
            tolerance: shifts nearer to a centre than this belong to it; in the unit of the shifts.
            known: x and y of the shifts, in order of arrival.
        """
        self.tolerance = tolerance
        self._sums: list[tuple[float, float, int]] = []
        for shift in known:
            self.add(shift)

    def add(self, shift: Shift) -> int:
        """The group of a shift: the nearest centre within the tolerance, else a new one."""
        distances = [math.dist(shift, (x / n, y / n)) for x, y, n in self._sums]
        best = min(range(len(distances)), key=distances.__getitem__, default=None)
        if best is None or distances[best] > self.tolerance:
            self._sums.append((shift[0], shift[1], 1))
            return len(self._sums)
        x, y, n = self._sums[best]
        self._sums[best] = (x + shift[0], y + shift[1], n + 1)
        return best + 1
