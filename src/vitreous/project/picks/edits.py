"""Picks added and removed by hand on one image: lists that are changed step by step, whoever else changes them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import counted

Point = tuple[float, float]

SAME = 0.05
"""px within which two places are one."""
MOST = 20_000
"""Picks by hand of one image: what is more comes from a mistake, and would make every page of it slow."""


@dataclass(frozen=True)
class Edits:
    """What was changed by hand on an image, in px of the micrograph.

    Attributes:
        added: picks that were set by hand.
        removed: places of picks that were taken away.
    """

    added: tuple[Point, ...] = ()
    removed: tuple[Point, ...] = ()

    def stamp(self) -> str:
        """Changes whenever the edits do."""
        return hashlib.blake2b(json.dumps([self.added, self.removed]).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Change:
    """One save of the editor: what it adds to the edits, and what it takes back of them.

    Attributes:
        add, remove: picks that are set, and picks of the picker that are taken away.
        unadd, unremove: picks by hand that are taken away again, and picks of the picker that come back.
    """

    add: tuple[Point, ...] = ()
    remove: tuple[Point, ...] = ()
    unadd: tuple[Point, ...] = ()
    unremove: tuple[Point, ...] = ()

    def inverse(self) -> Change:
        """What takes it back."""
        return Change(self.unadd, self.unremove, self.add, self.remove)


def edits_of(parameters: Mapping[str, Any], job_type: str) -> Edits:
    """The edits in an image's own parameters."""
    return Edits(*(_points(parameters.get(f"{job_type}.{name}") or ()) for name in ("added", "removed")))


def _points(values: Iterable[Sequence[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in values)


def merged(now: Edits, change: Change) -> tuple[Edits, Change]:
    """The edits after a save.

    Only what the save names is touched, so that what somebody else has changed meanwhile stays.

    Args:
        now: edits as they stand.
        change: what is saved.

    Returns:
        The edits, and the part of the change that had an effect.

    Raises:
        UsageError: a place is no finite number, or there are too many.
    """
    for x, y in (*change.add, *change.remove):
        if not (math.isfinite(x) and math.isfinite(y)):
            raise UsageError(f"({x}, {y}) is no place on an image", hint="Give finite coordinates in px")
    added, unadded = _without(now.added, change.unadd)
    removed, unremoved = _without(now.removed, change.unremove)
    new = _not_yet(added, change.add)
    gone = _not_yet(removed, change.remove)
    after = Edits((*added, *new), (*removed, *gone))
    for name, points in (("added", after.added), ("removed", after.removed)):
        if len(points) > MOST:
            raise UsageError(
                f"{counted(len(points), 'pick')} {name} by hand on one image, at most {MOST} go",
                hint="Move the threshold in place of single picks",
            )
    return after, Change(new, gone, unadded, unremoved)


def _without(points: tuple[Point, ...], taken: Iterable[Point]) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """The points but for those at the places taken, and those that were there to be taken."""
    left, found = list(points), []
    for place in taken:
        index = next((i for i, point in enumerate(left) if _same(point, place)), None)
        if index is not None:
            found.append(left.pop(index))
    return tuple(left), tuple(found)


def _not_yet(points: tuple[Point, ...], new: Iterable[Point]) -> tuple[Point, ...]:
    chosen: list[Point] = []
    for x, y in new:
        place = (round(x, 2), round(y, 2))
        if not any(_same(point, place) for point in (*points, *chosen)):
            chosen.append(place)
    return tuple(chosen)


def _same(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) <= SAME and abs(a[1] - b[1]) <= SAME
