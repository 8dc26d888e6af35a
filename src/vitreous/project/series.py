"""Columns of numbers against the time of recording, made few where there are many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.model.columns import find_column
from vitreous.project.alarms.limits import LEVELS, Limits, limits
from vitreous.project.gauges import gauge_curves
from vitreous.project.reduce import count, plain_numbers, reduce, robust_range, stretches, width_for
from vitreous.project.session import Session
from vitreous.project.timeline import Timeline, passing, timeline
from vitreous.store.library import cached
from vitreous.store.lock import read_lock

OVERVIEW_PARTS = 240
RATE_PARTS = 90
LEAST_RATE_WIDTH = 300.0
"""s; counting in shorter stretches shows the microscope's rhythm, not the session's pace."""
COLUMNS_AT_ONCE = 12


@dataclass(frozen=True)
class Window:
    """A stretch of the session.

    Attributes:
        start, end: s since 1970.
    """

    start: float
    end: float


@dataclass(frozen=True)
class Wanted:
    """Which stretch is asked for.

    Attributes:
        seconds: so long before the end; the whole session unless given.
        since, until: s since 1970; they win over ``seconds``.
    """

    seconds: float | None = None
    since: float | None = None
    until: float | None = None


def window(session: Session, wanted: Wanted) -> Window | None:
    """The stretch that is meant; its end is now where an engine works on the project, else the last image.

    ``None`` where there is no image.

    Raises:
        UsageError: it ends before it begins.
    """
    times = timeline(session).times
    if times.size == 0:
        return None
    first, last = float(times[0]), float(times[-1])
    now = float(np.ceil(session.clock() / 10.0) * 10.0)  # whole steps, so that answers can be kept for a while
    end = max(last, now) if read_lock(session.folder).held else last
    if wanted.until is not None:
        end = wanted.until
    start = wanted.since if wanted.since is not None else first
    if wanted.since is None and wanted.seconds is not None:
        start = max(end - wanted.seconds, min(first, end - 60.0))  # a session that has just begun fills the axis
    if start > end:
        raise UsageError("the interval ends before it begins", hint="Give from before to")
    return Window(start, max(end, start + 1.0))


def series(
    session: Session, columns: Sequence[str], wanted: Wanted, points: int = 1500, where: str | None = None
) -> dict[str, Any]:
    """Time series of columns on one time axis; JSON-able.

    Args:
        session: the project.
        columns: of numbers.
        wanted: which stretch.
        points: the most that are given; more images are put together, with least, greatest and median of each stretch.
        where: a condition on the images, as people type it.

    Returns:
        ``from``, ``to`` (of the stretch), ``first``, ``last`` (of the session), ``images``, ``reduced``, ``width`` (s
        of a point), ``times``, ``ids`` and ``names`` (of the images, where each is a point), ``columns`` (see
        ``_column``), ``rate`` (images/h in the stretch),
        ``queue`` and ``free_space`` (see ``gauge_curves``) and ``overview`` (images in
        stretches of the whole session).

    Raises:
        UsageError: no such column of numbers, or a condition that can't be read.
    """
    if len(columns) > COLUMNS_AT_ONCE:
        raise UsageError(f"{len(columns)} columns at once", hint=f"Choose at most {COLUMNS_AT_ONCE}")
    if wanted.seconds is None and wanted.since is None:
        timeline(session, columns)  # all in one pass
    found = window(session, wanted)
    line = timeline(session, columns, None if found is None else found.start)
    if found is None:
        return _empty(columns, limits(session))
    key = ("series", tuple(columns), found, points, where, json.dumps(limits(session)))
    return cached(session.db, key, lambda: _series(session, line, columns, found, points, where))


def _series(
    session: Session, line: Timeline, columns: Sequence[str], within: Window, points: int, where: str | None
) -> dict[str, Any]:
    chosen = np.zeros(line.times.size, dtype=bool)
    first, last = (int(n) for n in np.searchsorted(line.times, (within.start, within.end + 1e-3)))
    chosen[first:last] = True
    passed = passing(session, where)
    if passed is not None:
        chosen &= passed
    times, ids = line.times[chosen], line.ids[chosen]
    reduced = times.size > points
    starts, width = stretches(within.start, within.end, points)
    levels, givers = limits(session), _givers(session, columns)
    told = {}
    for name in columns:
        values = line.values[name][chosen]
        drawn = _drawn(times, values, starts, width) if reduced else {"median": plain_numbers(values)}
        told[name] = {**drawn, **_column(name, values, times, levels.get(name), givers.get(name))}
    return {
        "from": within.start,
        "to": within.end,
        "first": float(line.times[0]),
        "last": float(line.times[-1]),
        "images": int(times.size),
        "reduced": reduced,
        "width": width if reduced else None,
        "times": (starts + width / 2 if reduced else times).round(2).tolist(),
        "ids": [] if reduced else ids.tolist(),
        "names": [] if reduced else names_of(session, ids.tolist()),
        "columns": told,
        "rate": _rate(times, within),
        **gauge_curves(session, within.start, within.end),
        "overview": _overview(line.times, passed),
    }


def _empty(columns: Sequence[str], levels: Mapping[str, Limits]) -> dict[str, Any]:
    nothing = np.zeros(0)
    told = {name: {"median": [], **_column(name, nothing, nothing, levels.get(name), None)} for name in columns}
    times: dict[str, Any] = {"from": None, "to": None, "first": None, "last": None, "images": 0}
    none: dict[str, Any] = {"times": [], "values": [], "width": None}
    rest: dict[str, Any] = {"reduced": False, "width": None, "times": [], "ids": [], "names": []}
    return {**times, **rest, "columns": told, "rate": none, "queue": none, "free_space": none, "overview": none}


def _drawn(times: np.ndarray, values: np.ndarray, starts: np.ndarray, width: float) -> dict[str, Any]:
    found = reduce(times, values, starts, width)
    return {
        "median": plain_numbers(found.median),
        "least": plain_numbers(found.least),
        "greatest": plain_numbers(found.greatest),
    }


def _column(
    name: str, values: np.ndarray, times: np.ndarray, levels: Limits | None, giver: str | None
) -> dict[str, Any]:
    """What a panel of one column needs beside its points.

    ``known`` values; ``typical`` (their median); ``last`` value and its time; ``job`` that gave it; ``limits``;
    ``low`` and ``high`` of the scale, and how many values are ``under`` and ``over`` it.
    """
    declared = find_column(name)
    known = np.isfinite(values)
    some = bool(known.any())
    latest = int(np.flatnonzero(known)[-1]) if some else -1
    low, high = _scale(values, levels) if some else (None, None)
    return {
        "unit": None if declared is None else declared.unit,
        "meaning": name if declared is None else declared.meaning,
        "known": int(known.sum()),
        "typical": float(np.median(values[known])) if some else None,
        "last": float(values[latest]) if some else None,
        "last_time": float(times[latest]) if some else None,
        "job": giver,
        "limits": levels,
        "low": low,
        "high": high,
        "under": int((values < low).sum()) if some else 0,
        "over": int((values > high).sum()) if some else 0,
    }


def _scale(values: np.ndarray, levels: Limits | None) -> tuple[float, float]:
    """The scale of a panel: values that are not far out, and those limits that are near them."""
    found = robust_range(values)
    assert found is not None
    low, high = found
    reach = 0.5 * (high - low) or abs(high) or 1.0
    near = [
        level
        for name in LEVELS
        if levels is not None and (level := levels[name]) is not None and low - reach <= level <= high + reach  # type: ignore[literal-required]
    ]
    return min([low, *near]), max([high, *near])


def _rate(times: np.ndarray, within: Window) -> dict[str, Any]:
    """Images/h in stretches of the window; the last one, which goes on, counts the time that has passed."""
    parts = max(2, min(RATE_PARTS, int((within.end - within.start) / LEAST_RATE_WIDTH)))
    span = within.end - within.start
    width = max(min(LEAST_RATE_WIDTH, width_for(span, 6)), width_for(span, parts))
    starts = np.arange(np.floor(within.start / width), np.floor(within.end / width) + 1) * width
    begun = np.maximum(starts, within.start)
    passed = np.clip(np.minimum(starts + width, within.end) - begun, 1.0, None)
    hourly = count(times, starts, width) * 3600.0 / np.maximum(passed, min(60.0, width))
    return {"times": (starts + width / 2).round(2).tolist(), "values": plain_numbers(hourly, 4), "width": width}


def _overview(times: np.ndarray, passed: np.ndarray | None) -> dict[str, Any]:
    """Images in stretches of the whole session."""
    starts, width = stretches(float(times[0]), float(times[-1]) + 1.0, OVERVIEW_PARTS)
    chosen = times if passed is None else times[passed]
    return {"times": starts.tolist(), "values": count(chosen, starts, width).tolist(), "width": width}


def names_of(session: Session, ids: Sequence[int]) -> list[str]:
    """Names of images, in this order."""
    text = "SELECT id, name FROM exposure WHERE id IN (SELECT value FROM json_each(?))"
    found = {row[0]: row[1] for row in session.db.connection.execute(text, (json.dumps(list(ids)),))}
    return [found.get(number, f"#{number}") for number in ids]


def _givers(session: Session, columns: Sequence[str]) -> dict[str, str]:
    """Column → the newest job that gave it, such as ``J3 Find CTF``."""
    slots = dict(session.db.connection.execute("SELECT name, slot FROM exposure_column").fetchall())
    jobs = dict(session.db.connection.execute("SELECT id, coalesce(nullif(title, ''), type) FROM job").fetchall())
    found: dict[str, str] = {}
    for slot in {slots[name] for name in columns if name in slots}:
        row = session.db.connection.execute(
            f'SELECT "{slot}_job" FROM exposure WHERE "{slot}_job" IS NOT NULL ORDER BY id DESC LIMIT 1'
        ).fetchone()
        if row is not None and row[0] in jobs:
            found |= {name: f"J{row[0]} {jobs[row[0]]}" for name in columns if slots.get(name) == slot}
    return found
