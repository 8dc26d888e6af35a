"""How picks are spread over score and local power, and how many pass thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitreous.project.picks.packed import Packed

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Limits:
    """Thresholds of score and local power, both included; ``None``: as picked (least score), or no limit."""

    min_score: float | None = None
    max_score: float | None = None
    min_power: float | None = None
    max_power: float | None = None


@dataclass(frozen=True)
class Density:
    """Counts of picks over score (columns) and local power (rows).

    Attributes:
        score_edges, power_edges: of the bins, even; picks beyond them are counted in the outermost bins.
        counts: ``[power bin][score bin]``.
        total, kept: picks in all, and those that pass the thresholds of the job.
        kept_from: least score of those that the job kept; ``None`` where it kept none.
        unknown: picks without score or power, which are in no bin.
        score_range, power_range: least and greatest known value; ``None`` where none is known.
        images: that have been picked on.
        examples: (number, name, kept picks) of images with few, middling and many picks.
    """

    score_edges: list[float]
    power_edges: list[float]
    counts: list[list[int]]
    total: int
    kept: int
    kept_from: float | None
    unknown: int
    score_range: tuple[float, float] | None
    power_range: tuple[float, float] | None
    images: int
    examples: list[tuple[int, str, int]]


@dataclass(frozen=True)
class Counts:
    """What thresholds leave.

    Attributes:
        total, kept: picks in all, and those that are left.
        images: that have been picked on; ``with_picks``: those to which some are left.
        least, median, most, mean: picks left per image.
        edges, counts: images by picks that are left to them.
    """

    total: int
    kept: int
    images: int
    with_picks: int
    least: int
    median: float
    most: int
    mean: float
    edges: list[float]
    counts: list[int]


def passing(picks: Packed, limits: Limits) -> Mask:
    """Which picks pass: without a least score those that were kept, with one all that reach it."""
    found = picks.kept.copy() if limits.min_score is None else picks.score >= np.float32(limits.min_score)
    if limits.max_score is not None:
        found &= picks.score <= np.float32(limits.max_score)
    if limits.min_power is not None:
        found &= picks.power >= np.float32(limits.min_power)
    if limits.max_power is not None:
        found &= picks.power <= np.float32(limits.max_power)
    return found


def per_image(picks: Packed, mask: Mask) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Picks of each image that are in the mask, ``[images]``."""
    sums = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
    return np.asarray(sums[picks.starts[1:]] - sums[picks.starts[:-1]], np.int64)


def density(picks: Packed, bins: tuple[int, int] = (96, 64)) -> Density:
    """The picks over score and local power.

    Args:
        picks: of all images.
        bins: of score, of power.
    """
    known = np.isfinite(picks.score) & np.isfinite(picks.power)
    score, power = picks.score[known], picks.power[known]
    score_edges, power_edges = _edges(score, bins[0]), _edges(power, bins[1])
    place = _bin(power, power_edges) * bins[0] + _bin(score, score_edges)
    counts = np.bincount(place, minlength=bins[0] * bins[1]).reshape(bins[1], bins[0])
    return Density(
        score_edges=[float(edge) for edge in score_edges],
        power_edges=[float(edge) for edge in power_edges],
        counts=counts.tolist(),
        total=len(picks.score),
        kept=int(picks.kept.sum()),
        kept_from=_least(picks.score[picks.kept]),
        unknown=int(len(picks.score) - known.sum()),
        score_range=_range(score),
        power_range=_range(power),
        images=len(picks.files),
        examples=examples(picks),
    )


def _least(values: np.ndarray[Any, Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.min()) if len(known) else None


def _range(values: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    return (float(values.min()), float(values.max())) if len(values) else None


def _edges(values: np.ndarray[Any, Any], bins: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Even edges from the least value to one that a thousandth of the values exceed: a few bright spots must not
    press all others into one bin."""
    if len(values) == 0:
        return np.linspace(0.0, 1.0, bins + 1)
    low = float(values.min())
    place = min(len(values) - 1, int(0.999 * len(values)))
    high = float(np.partition(values, place)[place])
    return np.linspace(low, high if high > low else low + max(1e-6, abs(low) * 1e-3), bins + 1)


def _bin(values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    bins = len(edges) - 1
    scaled = (values - np.float32(edges[0])) * np.float32(bins / (edges[-1] - edges[0]))
    return np.clip(scaled, 0, bins - 1).astype(np.int32)


def examples(picks: Packed) -> list[tuple[int, str, int]]:
    """Three images with few, middling and many kept picks: at a tenth, the half and nine tenths of their order."""
    if not picks.files:
        return []
    counts = per_image(picks, picks.kept)
    order = np.argsort(counts, kind="stable")
    places = dict.fromkeys(int(order[round(share * (len(order) - 1))]) for share in (0.1, 0.5, 0.9))
    return [(picks.files[place].item, picks.files[place].name, int(counts[place])) for place in places]


def counted(picks: Packed, limits: Limits, bins: int = 30) -> Counts:
    """How many picks the thresholds leave, in all and to each image."""
    mask = passing(picks, limits)
    each = per_image(picks, mask)
    most = int(each.max()) if len(each) else 0
    width = max(1, -(-(most + 1) // bins))
    edges = np.arange(0, (most // width + 2) * width, width)
    return Counts(
        total=len(mask),
        kept=int(mask.sum()),
        images=len(each),
        with_picks=int((each > 0).sum()),
        least=int(each.min()) if len(each) else 0,
        median=float(np.median(each)) if len(each) else 0.0,
        most=most,
        mean=float(each.mean()) if len(each) else 0.0,
        edges=[float(edge) for edge in edges],
        counts=np.histogram(each, edges)[0].tolist(),
    )
