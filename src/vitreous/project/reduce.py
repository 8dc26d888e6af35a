"""Many values in time made few: least, greatest and median of each stretch, so that no outlier vanishes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDTHS = (
    1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 1800.0,
    3600.0, 5400.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0, 172800.0, 604800.0,
)  # fmt: skip
"""Widths of stretches in s; round ones, so that they stay where they are while time goes on."""


@dataclass(frozen=True)
class Reduced:
    """Figures of stretches of time; those without a known value are NaN.

    Attributes:
        least, greatest, median: of the known values of each stretch.
    """

    least: np.ndarray
    greatest: np.ndarray
    median: np.ndarray


def width_for(span: float, parts: int) -> float:
    """The least round width in s with which at most ``parts`` stretches cover a span of s."""
    wanted = span / max(1, parts - 1)
    return next((width for width in WIDTHS if width >= wanted), float(np.ceil(wanted / 604800.0) * 604800.0))


def stretches(start: float, end: float, parts: int) -> tuple[np.ndarray, float]:
    """Starts of the stretches from ``start`` to ``end`` (s), on multiples of their width, and the width."""
    width = width_for(end - start, parts)
    first = np.floor(start / width)
    number = int(np.floor(end / width) - first) + 1
    return (first + np.arange(number)) * width, width


def reduce(times: np.ndarray, values: np.ndarray, starts: np.ndarray, width: float) -> Reduced:
    """Least, greatest and median in each stretch.

    Args:
        times: s, rising.
        values: one of each time; NaN is unknown.
        starts: of the stretches, s, ``width`` apart; times outside them are left out.
        width: s.
    """
    number = starts.size
    result = Reduced(*(np.full(number, np.nan) for _ in range(3)))
    known = np.isfinite(values) & (times >= starts[0]) & (times < starts[-1] + width)
    chosen = values[known]
    if chosen.size == 0:
        return result
    place = np.clip(((times[known] - starts[0]) / width).astype(np.int64), 0, number - 1)
    # One sort for all stretches: the value, scaled to less than one, stands behind the number of the stretch.
    low, high = float(chosen.min()), float(chosen.max())
    order = np.argsort(place + (chosen - low) * (0.999999 / ((high - low) or 1.0)))
    ordered, counts = chosen[order], np.bincount(place, minlength=number)
    ends = np.cumsum(counts)
    full = np.flatnonzero(counts)
    first, last = (ends - counts)[full], ends[full] - 1
    result.least[full], result.greatest[full] = ordered[first], ordered[last]
    result.median[full] = 0.5 * (ordered[(first + last) // 2] + ordered[(first + last + 1) // 2])
    return result


def count(times: np.ndarray, starts: np.ndarray, width: float) -> np.ndarray:
    """How many times are in each stretch."""
    edges = np.append(starts, starts[-1] + width)
    return np.asarray(np.diff(np.searchsorted(times, edges)))


def robust_range(values: np.ndarray) -> tuple[float, float] | None:
    """Least and greatest value without those far out, ``None`` where nothing is known.

    Far out is what lies well beyond all but the outermost hundredths (by a quarter of their span), and more than four
    interquartile ranges beyond the quartiles.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return None
    least, low, high, most = (float(value) for value in np.percentile(known, (1.0, 25.0, 75.0, 99.0)))
    reach, air = 4.0 * (high - low), 0.25 * (most - least)
    inside = known[(known >= min(least - air, low - reach)) & (known <= max(most + air, high + reach))]
    return float(inside.min()), float(inside.max())


def plain_numbers(values: np.ndarray, digits: int = 6) -> list[float | None]:
    """Numbers with so many significant digits, ``None`` where unknown; short in JSON."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    scale = 10.0 ** (digits - 1 - np.nan_to_num(size, posinf=0.0, neginf=0.0))
    rounded = np.round(values * scale) / scale
    return [value if value == value else None for value in rounded.tolist()]
