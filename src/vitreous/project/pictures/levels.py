"""An image at reduced sizes, its range of values, and its grey levels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vitreous.project.pictures.source import STRIP_ROWS, Rows, finite, strips

TILE = 512
"""px along a side of a tile."""
SMALLEST = 256
"""px of the longer side at which no further reduction is made."""
SAMPLES = 60_000
"""Pixels from which the range of values is found."""
SHOWN = (0.1, 99.9)
"""Percentiles between which 8 bits are spread."""
SUGGESTED = (0.5, 99.5)
"""Percentiles that look well."""


@dataclass(frozen=True)
class Range:
    """Values of the pixels at one level: what 8 bits span (``low`` to ``high``), and what looks well (``dark``,
    ``bright``)."""

    low: float
    high: float
    dark: float
    bright: float


@dataclass(frozen=True)
class Plane:
    """One image, ready to be shown at any size.

    Attributes:
        full: its rows, level 0.
        reduced: levels 1, 2 …: means of 2 x 2, 4 x 4 … pixels, float32.
        ranges: of each level.
        minimum, maximum, mean, stddev: of all pixels.
    """

    full: Rows
    reduced: tuple[np.ndarray, ...]
    ranges: tuple[Range, ...]
    minimum: float
    maximum: float
    mean: float
    stddev: float

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.full.nbytes + sum(level.nbytes for level in self.reduced)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """``(ny, nx)`` of each level."""
        return (self.full.shape, *((level.shape[0], level.shape[1]) for level in self.reduced))

    def part(self, level: int, y: slice, x: slice) -> np.ndarray:
        """Rows and columns of a level, float32."""
        if level == 0:
            ny = self.full.shape[0]
            return finite(self.full.rows(min(y.start, ny), min(y.stop, ny))[:, x])
        return self.reduced[level - 1][y, x]

    def level_for(self, size: int) -> int:
        """The level from which a picture of ``size`` px (the longer side) is best made: the smallest that is not
        smaller, so that a little is to be reduced."""
        fitting = [index for index, shape in enumerate(self.shapes) if max(shape) >= size]
        return fitting[-1] if fitting else 0

    def level_at_most(self, size: int) -> int:
        """The first level whose longer side is at most ``size`` px."""
        fitting = [index for index, shape in enumerate(self.shapes) if max(shape) <= size]
        return fitting[0] if fitting else len(self.shapes) - 1


def halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, float32; an odd last row or column is left out."""
    ny, nx = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    pairs = np.add(image[0:ny:2, :nx], image[1:ny:2, :nx], dtype=np.float32)
    out = pairs[:, 0::2] + pairs[:, 1::2]
    out *= 0.25
    return out


def make_plane(image: Rows) -> Plane:
    """Reduce an image, and measure it, in one pass over its rows."""
    ny, nx = image.shape
    first = np.empty((ny // 2, nx // 2), np.float32)
    total = squares = 0.0
    low, high = math.inf, -math.inf
    step = max(1, round(math.sqrt(ny * nx / SAMPLES)))
    seen, ones = [], np.ones(STRIP_ROWS * nx, np.float32)
    for start, rows in strips(image):
        if min(first.shape) > 0 and len(rows) > 1:
            first[start // 2 : (start + len(rows)) // 2] = halved(rows)
        low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        seen.append(rows[:: min(step, len(rows)), ::step].ravel())
        sample = rows.reshape(-1)
        total += float(np.dot(sample, ones[: sample.size]))
        squares += float(np.dot(sample, sample))
    n = ny * nx
    mean = total / n
    reduced = [first] if max(ny, nx) > SMALLEST and min(first.shape) > 1 else []
    while reduced and max(reduced[-1].shape) > SMALLEST and min(reduced[-1].shape) > 3:
        reduced.append(halved(reduced[-1]))
    ranges = (range_of(np.concatenate(seen)), *(range_of(_sample(level)) for level in reduced))
    stddev = math.sqrt(max(0.0, squares / n - mean * mean))
    return Plane(image, tuple(reduced), ranges, low, high, mean, stddev)


def _sample(image: np.ndarray) -> np.ndarray:
    step = max(1, int(math.sqrt(image.size / SAMPLES)))
    return image[::step, ::step].ravel()


def range_of(sample: np.ndarray) -> Range:
    """The range of some pixels; never empty."""
    low, dark, bright, high = (float(v) for v in np.percentile(sample, (SHOWN[0], *SUGGESTED, SHOWN[1])))
    if not high > low:
        # Of a nearly even image the few other pixels are what there is to see.
        low, high = float(sample.min()), float(sample.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return Range(low, high, *((dark, bright) if bright > dark else (low, high)))


def grey(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """8 bits from ``low`` (0) to ``high`` (255), in strips that stay in the cache."""
    out = np.empty(image.shape, np.uint8)
    scale = np.float32(255.0 / max(high - low, 1e-30))
    for first in range(0, image.shape[0], 64):
        rows = image[first : first + 64] - np.float32(low)
        rows *= scale
        rows += np.float32(0.5)
        np.clip(rows, 0.0, 255.0, out=rows)
        out[first : first + 64] = rows
    return out


def tile(plane: Plane, level: int, x: int, y: int, limits: tuple[float, float] | None = None) -> np.ndarray:
    """A tile in 8 bits, its first row the highest y: as pictures are drawn.

    Tiles are counted from the lower left corner (x = y = 0).
    """
    part = plane.part(level, slice(y * TILE, (y + 1) * TILE), slice(x * TILE, (x + 1) * TILE))
    chosen = plane.ranges[level]
    return grey(part, *(limits or (chosen.low, chosen.high)))[::-1]


def histogram(plane: Plane, bins: int = 256) -> tuple[list[int], float, float]:
    """How often values occur at a level that is shown often: counts, and the ends of the range of the bins."""
    level = plane.level_at_most(1536)
    chosen = plane.ranges[level]
    margin = 0.25 * (chosen.high - chosen.low)
    low, high = chosen.low - margin, chosen.high + margin
    ny, nx = plane.shapes[level]
    counts, _ = np.histogram(plane.part(level, slice(0, ny), slice(0, nx)), bins, (low, high))
    return [int(count) for count in counts], low, high
