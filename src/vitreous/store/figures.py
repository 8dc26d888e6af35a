"""Histograms and summaries of one column of a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


@dataclass(frozen=True)
class Histogram:
    """Counts between edges.

    Attributes:
        edges: n + 1 rising numbers, in the column's unit; empty where no value is known.
        counts: n; each part includes its lower edge, the last one its upper edge too.
        below, above: values outside the edges.
        unknown: rows without a value.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class Summary:
    """Figures of one column; what can't be said is ``None``.

    Attributes:
        known, unknown: rows with and without a value.
        minimum, maximum, mean, stddev: of numbers, in the column's unit.
        percentiles: percent → value, of numbers.
        distinct: different texts.
        frequent: the most frequent texts with their numbers, at most 20.
    """

    known: int
    unknown: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    stddev: float | None = None
    percentiles: dict[float, float] = field(default_factory=dict)
    distinct: int | None = None
    frequent: tuple[tuple[str, int], ...] = ()


def check_edges(bins: int, edges: Sequence[float] | None) -> None:
    """Raise ``UsageError`` where these can't be the parts of a histogram."""
    if edges is None:
        if not 1 <= bins <= 10_000:
            raise UsageError(f"a histogram of {bins} parts", hint="Give 1 to 10000 parts")
        return
    if len(edges) < 2 or not all(low < high for low, high in itertools.pairwise(edges)):
        raise UsageError("the edges of a histogram must rise", hint="Give two or more rising numbers")


def even_edges(low: float, high: float, bins: int) -> tuple[float, ...]:
    """``bins`` equal parts from ``low`` to ``high``; one unit wide where all values are equal."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return tuple(float(edge) for edge in np.linspace(low, high, bins + 1))


def histogram_of(values: np.ndarray, bins: int, edges: Sequence[float] | None) -> Histogram:
    """Histogram of numbers; NaN is unknown."""
    known = values[~np.isnan(values)]
    unknown = int(values.size - known.size)
    return even_counts(known, bins, unknown) if edges is None else counts_between(known, edges, unknown)


def even_counts(known: np.ndarray, bins: int, unknown: int = 0) -> Histogram:
    """Histogram in ``bins`` equal parts of the range; half the time of ``numpy.histogram`` with millions of values."""
    if known.size == 0:
        return Histogram((), (), unknown=unknown)
    edges = even_edges(float(known.min()), float(known.max()), bins)
    numbers = known if known.dtype in (np.float32, np.float64) else known.astype(np.float64)
    places = numbers - numbers.dtype.type(edges[0])
    places *= numbers.dtype.type(bins / (edges[-1] - edges[0]))
    indices = places.astype(np.int32)
    np.clip(indices, 0, bins - 1, out=indices)  # the last part includes its upper edge
    counts = np.bincount(indices, minlength=bins)
    return Histogram(edges, tuple(int(number) for number in counts), unknown=unknown)


def counts_between(known: np.ndarray, edges: Sequence[float], unknown: int = 0) -> Histogram:
    """Histogram between given edges."""
    limits = np.asarray(edges, dtype=np.float64)
    counts, _ = np.histogram(known, limits)
    below, above = int((known < limits[0]).sum()), int((known > limits[-1]).sum())
    return Histogram(tuple(float(edge) for edge in edges), tuple(int(n) for n in counts), below, above, unknown)


def summary_of_numbers(values: np.ndarray) -> Summary:
    """Figures of numbers; NaN is unknown."""
    known = values[~np.isnan(values)]
    unknown = int(values.size - known.size)
    if known.size == 0:
        return Summary(0, unknown)
    points = np.percentile(known, PERCENTILES)
    return Summary(
        known=int(known.size),
        unknown=unknown,
        minimum=float(known.min()),
        maximum=float(known.max()),
        mean=float(known.mean()),
        stddev=float(known.std()),
        percentiles={percent: float(value) for percent, value in zip(PERCENTILES, points, strict=True)},
    )


def summary_of_texts(rows: Sequence[tuple[Any, int]]) -> Summary:
    """Figures of texts, from ``(text or None, how often)``."""
    known = [(str(text), int(number)) for text, number in rows if text is not None]
    unknown = sum(int(number) for text, number in rows if text is None)
    frequent = sorted(known, key=lambda pair: (-pair[1], pair[0]))[:20]
    return Summary(sum(n for _, n in known), unknown, distinct=len(known), frequent=tuple(frequent))
