"""How much waits and how the disk fills: sampled by the engine, and told as curves and as hours until it is full."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitreous.project.reduce import plain_numbers, reduce, stretches
from vitreous.project.session import Session
from vitreous.project.status import LEAST_FREE
from vitreous.store.gauges import Gauges, Sample, newest_sample, queue_depth, record_sample, samples, thin_samples
from vitreous.store.library import cached

SAMPLE_SECONDS = 60.0
QUIET_SECONDS = 600.0
"""s after which a sample is written though nothing has changed: what is written has pages ask anew."""
SMALL_CHANGE = 20_000_000
"""Bytes of free space that are no change."""
HELD_SECONDS = 900.0
"""s for which a sample stands; where the next comes later, no engine ran meanwhile."""
SLOPE_SECONDS = 3 * 3600.0
LEAST_SLOPE_SECONDS = 600.0
LEAST_SAMPLES = 4
MOST_SAMPLES = 60
CURVE_POINTS = 720


def take_sample(session: Session, workers: int, *, whatever: bool = False) -> bool:
    """Write how the disk and the queue are just now, unless that is as it was; returns whether it was written.

    Args:
        session: open for writing.
        workers: that the engine has.
        whatever: write it in any case, and thin all that is old.

    Raises:
        ResourceError: the disk is full.
    """
    usage, (waiting, running) = shutil.disk_usage(session.folder), queue_depth(session.db)
    sample = Sample(session.clock(), usage.free, usage.total, waiting, running, workers)
    before = newest_sample(session.db)
    if not whatever and before is not None and _is_alike(before, sample):
        return False
    with session.db.transaction():
        record_sample(session.db, sample)
        thin_samples(session.db, sample.time, 0.0 if whatever or before is None else before.time - 8 * 86_400.0)
    return True


def _is_alike(before: Sample, now: Sample) -> bool:
    counts = (before.waiting, before.running, before.workers) == (now.waiting, now.running, now.workers)
    return counts and abs(before.free - now.free) < SMALL_CHANGE and 0 <= now.time - before.time < QUIET_SECONDS


@dataclass(frozen=True)
class Filling:
    """How the disk fills.

    Attributes:
        hourly: GB/h by which the free space shrinks; negative where it grows.
        seconds: over which that was seen.
    """

    hourly: float
    seconds: float


def filling(session: Session) -> Filling | None:
    """How fast the disk fills by the samples of the last three hours; ``None`` where they are few or old."""
    now = session.clock()
    latest = newest_sample(session.db)
    if latest is None or now - latest.time > HELD_SECONDS:
        return None
    found = cached(session.db, "gauges of the last hours", lambda: _recent(session, latest.time))
    return found[0] if found else None


def _recent(session: Session, end: float) -> list[Filling]:
    some = samples(session.db, end - SLOPE_SECONDS, end)
    # What was before a pause of the engine tells nothing of the pace now.
    pauses = np.flatnonzero(np.diff(some.times) > HELD_SECONDS)
    first = int(pauses[-1]) + 1 if pauses.size else 0
    return shrinking(some.times[first:], some.free[first:])


def shrinking(times: np.ndarray, free: np.ndarray) -> list[Filling]:
    """How fast free space shrinks: the median of the slopes between all pairs, which a single deletion can't move.

    Args:
        times: s, rising.
        free: bytes.

    Returns:
        One answer, or none where the samples are few or span little time.
    """
    if times.size < LEAST_SAMPLES or times[-1] - times[0] < LEAST_SLOPE_SECONDS:
        return []
    chosen = np.unique(np.linspace(0, times.size - 1, min(times.size, MOST_SAMPLES)).astype(np.int64))
    at, left = times[chosen], free[chosen]
    first, second = np.triu_indices(at.size, 1)
    slope = np.median((left[second] - left[first]) / (at[second] - at[first]))
    return [Filling(float(-slope * 3600.0 / 1e9), float(times[-1] - times[0]))]


def hours_left(session: Session, free: float, hourly: float | None) -> float | None:
    """h until only what is to be kept is free; ``None`` where the disk does not fill, or nobody knows how fast.

    Args:
        session: the project, whose settings tell what is kept.
        free: bytes.
        hourly: GB/h.
    """
    if hourly is None or hourly < 1e-3:
        return None
    return max(0.0, free - kept_free(session)) / 1e9 / hourly


def kept_free(session: Session) -> float:
    """Bytes that are to be kept free on the project's disk."""
    reserve = session.settings().get("disk_reserve")
    return max(1e9 * (1.0 if reserve is None else float(reserve)), LEAST_FREE)


def gauge_curves(session: Session, start: float, end: float, points: int = CURVE_POINTS) -> dict[str, Any]:
    """Queue and free space against time; JSON-able.

    Args:
        session: the project.
        start, end: s since 1970.
        points: the most that are given.

    Returns:
        ``queue`` (tasks that wait or are under way: the most in each stretch) and ``free_space`` (GB: the least), each
        ``times``, ``values`` (``None`` where no engine ran) and ``width``; empty where there is no sample.
    """
    found = samples(session.db, start - HELD_SECONDS, end)
    if found.times.size == 0:
        empty: dict[str, Any] = {"times": [], "values": [], "width": None}
        return {"queue": empty, "free_space": empty}
    starts, width = stretches(start, end, points)
    if width < SAMPLE_SECONDS:
        starts, width = stretches(start, end, max(2, int((end - start) / SAMPLE_SECONDS)))
    queue = reduce(found.times, found.waiting + found.running, starts, width).greatest
    free = reduce(found.times, found.free / 1e9, starts, width).least
    told = {}
    for name, values, all_values in (
        ("queue", queue, found.waiting + found.running),
        ("free_space", free, found.free / 1e9),
    ):
        whole = _held(found, all_values, values, starts, width)
        middle = np.minimum(starts + width / 2, end)
        told[name] = {"times": middle.round(2).tolist(), "values": plain_numbers(whole, 6), "width": width}
    return told


def _held(found: Gauges, every: np.ndarray, values: np.ndarray, starts: np.ndarray, width: float) -> np.ndarray:
    """Where a stretch has no sample, the one before it stands for a while."""
    ends = starts + width
    place = np.searchsorted(found.times, ends) - 1
    before = np.maximum(place, 0)
    stands = (place >= 0) & (ends - found.times[before] < HELD_SECONDS + width) & (starts <= found.times[-1])
    return np.where(np.isnan(values) & stands, every[before], values)
