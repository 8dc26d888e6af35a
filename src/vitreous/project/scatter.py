"""Any two columns of the images against each other, and which images lie within a line drawn around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.model.columns import find_column
from vitreous.project.reduce import plain_numbers
from vitreous.project.series import Wanted, window
from vitreous.project.session import Session
from vitreous.project.timeline import NUMBERS, TIME, Timeline, passing, texts, timeline
from vitreous.store.columns import exposure_columns
from vitreous.store.library import cached

CATEGORIES = 7
"""Texts that have a colour of their own; the rest share one."""

TIME_COLUMN = "time"


def chosen_images(session: Session, wanted: Wanted, where: str | None) -> np.ndarray:
    """Which images of the timeline lie in the stretch of time and meet the condition."""
    line, within, passed = timeline(session), window(session, wanted), passing(session, where)
    chosen = np.ones(line.times.size, dtype=bool) if passed is None else passed.copy()
    if within is not None:
        chosen &= (line.times >= within.start) & (line.times <= within.end + 1e-3)
    return chosen


def scatter(
    session: Session,
    x: str,
    y: str,
    colour: str | None = None,
    wanted: Wanted | None = None,
    where: str | None = None,
    limit: int = 20_000,
) -> dict[str, Any]:
    """Points of two columns with the numbers of their images; JSON-able.

    Args:
        session: the project.
        x, y: columns of numbers, or ``time``.
        colour: a column of numbers or text, or ``time``.
        wanted: which stretch of time; all unless given.
        where: a condition on the images, as people type it.
        limit: points at most; of more, as many are drawn by lot, the same each time.

    Returns:
        ``x``, ``y``, ``ids``, ``total`` (before the draw), ``unknown`` (images that lack one of the values), and
        ``colour``: ``None``, or ``{"kind": "number", "values", "low", "high"}``, or ``{"kind": "text", "values"``
        (numbers into ``labels``, -1 for unknown)``, "labels", "counts"}``.

    Raises:
        UsageError: no such column.
    """
    stretch = wanted or Wanted()

    def make() -> dict[str, Any]:
        chosen, line = chosen_images(session, stretch, where), timeline(session)
        begin = float(line.times[np.argmax(chosen)]) if chosen.any() else np.inf
        timeline(session, _numbers(x, y, *([colour] if colour and _is_number(session, colour) else [])), begin)
        across, up = values_of(session, line, x, begin), values_of(session, line, y, begin)
        both = chosen & np.isfinite(across) & np.isfinite(up)
        places = np.flatnonzero(both)
        shown = places if places.size <= limit else places[_lot(line.ids[places], limit)]
        return {
            "x": plain_numbers(across[shown], _digits(x)),
            "y": plain_numbers(up[shown], _digits(y)),
            "x_unit": _unit(x),
            "y_unit": _unit(y),
            "ids": line.ids[shown].tolist(),
            "total": int(places.size),
            "unknown": int(chosen.sum() - places.size),
            "colour": None if colour is None else _colour(session, colour, shown, begin),
        }

    return cached(session.db, ("scatter", x, y, colour, stretch, window(session, stretch), where, limit), make)


def values_of(session: Session, line: Timeline, column: str, since: float | None = None) -> np.ndarray:
    """Values of a column of numbers from a time on, or the times."""
    return line.times if column == TIME_COLUMN else timeline(session, [column], since).values[column]


def within(
    session: Session, x: str, y: str, outline: Sequence[tuple[float, float]], wanted: Wanted, where: str | None
) -> list[int]:
    """Numbers of the images whose point lies within an outline, in the units of the columns.

    Raises:
        UsageError: no such column, or an outline of fewer than three points.
    """
    if len(outline) < 3:
        raise UsageError("an outline needs three points", hint="Draw around the images")
    line, chosen = timeline(session, _numbers(x, y)), chosen_images(session, wanted, where)
    across, up = values_of(session, line, x), values_of(session, line, y)
    places = np.flatnonzero(chosen & np.isfinite(across) & np.isfinite(up))
    inside = inside_outline(across[places], up[places], np.asarray(outline, dtype=np.float64))
    found: list[int] = line.ids[places[inside]].tolist()
    return found


def inside_outline(x: np.ndarray, y: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Whether points are within a closed outline ``[n, 2]``: a ray to the right crosses it an odd number of times."""
    inside = np.zeros(x.size, dtype=bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crossed = (y1 > y) != (y2 > y)
        inside ^= crossed & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def choose(session: Session, wanted: Wanted, where: str | None) -> dict[str, Any]:
    """The images of a stretch of time that meet a condition: their number, and the condition that chooses them."""
    number = int(chosen_images(session, wanted, where).sum())
    found = window(session, wanted)
    parts = [f"({where.strip()})"] if where and where.strip() else []
    if found is not None and (wanted.since is not None or wanted.seconds is not None):
        parts.append(_in_time(session, found.start, found.end))
    return {"count": number, "expression": " and ".join(parts) or None}


def _in_time(session: Session, start: float, end: float) -> str:
    """The stretch as a condition that people can read."""
    none, all_ = session.db.connection.execute(
        f"SELECT count(*) FILTER (WHERE recorded IS NOT NULL), count(*) FROM exposure WHERE {TIME} BETWEEN ? AND ?",
        (start, end + 1e-3),
    ).fetchone()
    span = f"{start:.3f} <= {{}} <= {end + 1e-3:.3f}"
    if none == all_:
        return span.format("recorded")
    if none == 0:
        return f"recorded is None and {span.format('imported')}"
    return f"({span.format('recorded')} or (recorded is None and {span.format('imported')}))"


def _lot(ids: np.ndarray, number: int) -> np.ndarray:
    """Places of ``number`` of the images, drawn by a hash of their ids: an image stays drawn while others come."""
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(np.sort(np.argpartition(mixed, number)[:number]))


def _colour(session: Session, column: str, shown: np.ndarray, since: float) -> dict[str, Any]:
    if column == TIME_COLUMN or _is_number(session, column):
        values = values_of(session, timeline(session), column, since)[shown]
        known = values[np.isfinite(values)]
        ends = np.percentile(known, (2.0, 98.0)) if known.size else (np.nan, np.nan)
        low, high = plain_numbers(np.asarray(ends), _digits(column))
        numbers = plain_numbers(values, _digits(column))
        return {"kind": "number", "values": numbers, "low": low, "high": high, "unit": _unit(column)}
    codes, labels = texts(session, column)
    return _categories(codes[shown], labels)


def _categories(codes: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The most frequent texts, each with a number; the rest together where they are too many for colours."""
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    present = [int(n) for n in np.argsort(-counts, kind="stable") if counts[n] > 0]
    kept = present if len(present) <= CATEGORIES + 1 else present[:CATEGORIES]
    kept = sorted(kept, key=lambda n: labels[n])
    place = np.full(len(labels) + 1, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    told = [labels[n] for n in kept]
    numbers = [int(counts[n]) for n in kept]
    others = [n for n in present if n not in set(kept)]
    if others:
        place[others] = len(kept)
        told.append(f"{len(others)} others")
        numbers.append(int(counts[others].sum()))
    return {"kind": "text", "values": place[codes].tolist(), "labels": told, "counts": numbers, "unit": None}


def _numbers(*columns: str) -> list[str]:
    return [column for column in columns if column != TIME_COLUMN]


def _is_number(session: Session, column: str) -> bool:
    return exposure_columns(session.db).get(column) in NUMBERS


def _digits(column: str) -> int:
    return 12 if column in (TIME_COLUMN, "recorded", "imported") else 5


def _unit(column: str) -> str | None:
    declared = find_column(column)
    return None if declared is None else declared.unit
