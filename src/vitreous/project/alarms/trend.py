"""Finds changes in the course of a session: a cumulative sum of block medians against what the session is used to.

Each figure is taken in blocks of nine images, by their median: an odd image, or the first of each stage position, does
not count. A block is compared with the session's own blocks (median and spread), and what exceeds the allowance is
added up (E. S. Page, Biometrika 41, 1954, 100-115); the sum's limit follows from the false-alarm rate that is allowed
(D. Siegmund, Sequential Analysis, Springer 1985, eq. 2.57).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

BLOCK = 9
"""Images of a block."""
START = 8
"""Blocks of the start of a session, in which nothing is told."""
GAP = 3
"""Newest blocks that are not compared with: a change that has begun must not look usual."""
REFERENCE = 67
"""Blocks (about 600 images) that say what is usual."""
ALLOWANCE = 1.0
"""Standard deviations of a block that are never added up: half of the change that is found soonest."""
CAP = 3.0
"""Standard deviations that one block can count at most: one bad block alone raises nothing."""
FALSE_ALARMS = 0.02
"""Of one series, per 1,000 images, that are allowed."""
BACK = 1.5
"""Standard deviations within which a block is back at what is usual."""
CALM = 3
"""Blocks in a row back at what is usual after which a change has passed."""
SETTLED = 67
"""Blocks (about 600 images) after which a level that stays is the usual one."""


@dataclass(frozen=True)
class Series:
    """How one column is watched.

    Attributes:
        log: compare ratios, for figures whose spread grows with them.
        least: smallest standard deviation that is believed, in the column's unit (or of its natural logarithm): changes
            of less than about twice that are not worth telling.
        sides: which changes are told.
        relative_to: the column from which it is taken; images without that are left out.
    """

    log: bool
    least: float
    sides: Literal["up", "down", "both"]
    relative_to: str | None = None


SERIES: Mapping[str, Series] = {
    "counts_per_frame": Series(True, 0.05, "both"),
    "relative_stddev": Series(True, 0.10, "up"),
    "drift_total": Series(True, 0.35, "up"),
    "defocus": Series(False, 800.0, "both", relative_to="target_defocus"),
    "defocus_difference": Series(False, 60.0, "up"),
    "fit_resolution": Series(True, 0.1, "up"),
    "iciness": Series(False, 0.25, "up"),
}
"""Column → how its course is watched."""


@dataclass(frozen=True)
class Course:
    """What is known of a series.

    Attributes:
        usual: block medians that say what is usual, the oldest first; with the newest ``GAP`` of a quiet course.
        partial: values of the block that is not full yet.
        up, down: sums of what exceeded the allowance.
        changed: 1 or -1 while a change lasts, else 0.
        since: number of the first exposure of the change, as far as the sums tell.
        recent: block medians since the change.
        calm: blocks in a row back at what is usual.
        begun: first exposure of the sum that is growing.
        score: standard deviations of the newest block from what is usual, without cap.
    """

    usual: tuple[float, ...] = ()
    partial: tuple[float, ...] = ()
    up: float = 0.0
    down: float = 0.0
    changed: int = 0
    since: int | None = None
    recent: tuple[float, ...] = ()
    calm: int = 0
    begun: int | None = None
    score: float = 0.0


@cache
def limit_of_sum(false_alarms: float = FALSE_ALARMS, sides: int = 1, block: int = BLOCK) -> float:
    """The sum from which on a change is told.

    Siegmund's mean number of normal blocks until a false alarm is (exp(2kb) - 2kb - 1) / (2k²), with the allowance k
    and b = limit + 1.166.

    Args:
        false_alarms: per 1,000 images of a series.
        sides: 1 or 2 sums.
        block: images of a block.
    """
    wanted = 1000.0 * sides / (false_alarms * block)
    k = ALLOWANCE
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        exponent = 2.0 * k * (middle + 1.166)
        if (math.exp(exponent) - exponent - 1.0) / (2.0 * k * k) < wanted:
            low = middle
        else:
            high = middle
    return high


def follow(course: Course, series: Series, values: Sequence[float], items: Sequence[int]) -> Course:
    """The course after further images, in their order; values that are not known (NaN) are left out."""
    for value, item in zip(prepared(values, series), items, strict=True):
        if not math.isfinite(value):
            continue
        course = replace(course, partial=(*course.partial, float(value)))
        if len(course.partial) == BLOCK:
            course = _with_block(course, series, float(np.median(course.partial)), item)
    return course


def prepared(values: Sequence[float], series: Series) -> np.ndarray:
    """The values as they are compared: their logarithm where ratios count, NaN where there is none."""
    array = np.asarray(values, dtype=np.float64)
    if not series.log:
        return array
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(array > 0, np.log(array), np.nan)


def usual_level(course: Course, series: Series) -> tuple[float, float, float]:
    """What is usual: the middle, and the spreads below and above it.

    The spread is the greatest of the median deviation and of the distance to the tenth or ninetieth percentile (both as
    standard deviations of a normal distribution) and ``least``: what comes and goes with each grid square is usual.
    """
    blocks = np.asarray(course.usual if course.changed else course.usual[:-GAP])
    middle = float(np.median(blocks))
    deviation = 1.4826 * float(np.median(np.abs(blocks - middle)))
    low, high = np.percentile(blocks, (10.0, 90.0))
    below, above = (middle - float(low)) / 1.2816, (float(high) - middle) / 1.2816
    return middle, max(deviation, below, series.least), max(deviation, above, series.least)


def _with_block(course: Course, series: Series, block: float, item: int) -> Course:
    course = replace(course, partial=())
    if len(course.usual) < START + GAP:
        return replace(course, usual=(*course.usual, block))
    middle, below, above = usual_level(course, series)
    score = (block - middle) / (above if block > middle else below)
    course = replace(course, score=score)
    return _lasting(course, block, score) if course.changed else _quiet(course, series, block, score, item)


def _quiet(course: Course, series: Series, block: float, score: float, item: int) -> Course:
    counted = max(-CAP, min(CAP, score))
    up = max(0.0, course.up + counted - ALLOWANCE) if series.sides != "down" else 0.0
    down = max(0.0, course.down - counted - ALLOWANCE) if series.sides != "up" else 0.0
    begun = None if up == down == 0.0 else course.begun if course.begun is not None else item
    limit = limit_of_sum(sides=2 if series.sides == "both" else 1)
    side = 1 if up > limit else -1 if down > limit else 0
    if side == 0:
        usual = (*course.usual, block)[-(REFERENCE + GAP) :]
        return replace(course, usual=usual, up=up, down=down, begun=begun)
    # The blocks in which it grew are no part of what is usual.
    recent, usual = (*course.usual[-GAP + 1 :], block), course.usual[: -GAP + 1]
    return replace(course, usual=usual, up=0.0, down=0.0, changed=side, since=begun, begun=None, recent=recent, calm=0)


def _lasting(course: Course, block: float, score: float) -> Course:
    calm = course.calm + 1 if course.changed * score < BACK else 0
    recent = (*course.recent, block)
    if calm >= CALM:
        usual = (*course.usual, *recent[-CALM:])[-(REFERENCE + GAP) :]
        return replace(course, usual=usual, changed=0, since=None, recent=(), calm=0)
    if len(recent) >= SETTLED:
        return replace(course, usual=recent, changed=0, since=None, recent=(), calm=0)
    return replace(course, recent=recent, calm=calm)


@dataclass(frozen=True)
class Change:
    """A change that was found in a whole series.

    Attributes:
        found: index of the image at which it was told.
        ended: index of the image at which it had passed, ``None`` where it lasts.
        side: 1 up, -1 down.
    """

    found: int
    ended: int | None
    side: int


def changes_of(values: Sequence[float], series: Series) -> list[Change]:
    """The changes of a whole series, as they would have been told while it came."""
    found: list[Change] = []
    course = Course()
    for index, value in enumerate(values):
        before = course.changed
        course = follow(course, series, [value], [index])
        if course.changed and not before:
            found.append(Change(index, None, course.changed))
        elif before and not course.changed:
            found[-1] = replace(found[-1], ended=index)
    return found


def scores(courses: Iterable[tuple[str, Course]]) -> dict[str, float]:
    """Column → standard deviations of its newest block from what is usual; of those that have a course."""
    return {name: course.score for name, course in courses if len(course.usual) >= START}


def level_now(course: Course, series: Series) -> float:
    """The level of a change that lasts: the median of its newest three blocks, in the column's unit."""
    value = float(np.median(course.recent[-3:]))
    return math.exp(value) if series.log else value


def level_before(course: Course, series: Series) -> float:
    """What was usual before, in the column's unit."""
    value = usual_level(course, series)[0]
    return math.exp(value) if series.log else value
