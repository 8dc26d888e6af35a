"""States of figures in words: well, worth a look, bad, unknown; and one sentence for the whole session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from vitreous.core.words import counted, duration
from vitreous.model.columns import find_column
from vitreous.project.alarms.limits import Limits

State = Literal["ok", "mild", "severe", "unknown"]

MANY_MILD, MANY_SEVERE = 0.6, 0.3
"""Part of the last images beyond a limit from which on the figure is not well, whatever their median is."""

LABELS = {
    "counts_per_frame": "Counts",
    "drift_total": "Drift",
    "defocus": "Defocus",
    "fit_resolution": "Fit resolution",
    "iciness": "Iciness",
    "picks_found": "Picks/image",
}


@dataclass(frozen=True)
class Figure:
    """One figure of the strip.

    Attributes:
        name: of the column where it is one.
        label: for people.
        value: what is shown large, in ``unit``; ``None`` where unknown. Of a column: the median of the last images.
        unit: of the value, that of the catalogue.
        state: how it is.
        words: the same in a phrase, with the limit where one is passed.
        spark: a small curve over the interval, oldest first; ``None`` in it is unknown.
        typical: of a column: the median of the interval.
        whole: of what the value is a part.
        free, written: of the disk: GB, and GB/h.
    """

    name: str
    label: str
    value: float | None
    unit: str | None
    state: State
    words: str
    spark: Sequence[float | None] = field(default_factory=list)
    typical: float | None = None
    whole: float | None = None
    free: float | None = None
    written: float | None = None

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)


def column_figure(
    name: str, last: np.ndarray, typical: float | None, levels: Limits | None, spark: Sequence[float | None]
) -> Figure:
    """Figure of a column from its last known values, judged by its limits.

    Args:
        name: of the column.
        last: the last known values, without NaN.
        typical: median of the interval.
        levels: limits; without them the figure is well.
        spark: small curve.
    """
    declared = find_column(name)
    unit, label = None if declared is None else declared.unit, LABELS.get(name, name)
    if last.size == 0:
        return Figure(name, label, None, unit, "unknown", "not measured yet", spark, typical)
    median = float(np.median(last))
    state, words = judge(last, levels, name)
    return Figure(name, label, median, unit, state, words or f"median of the last {last.size}", spark, typical)


def judge(last: np.ndarray, levels: Limits | None, name: str = "") -> tuple[State, str]:
    """State of the last values of a column against limits, and which is passed by how many (empty where none)."""
    if levels is None or last.size == 0:
        return "ok", ""
    median = float(np.median(last))
    rules: tuple[tuple[State, float], ...] = (("severe", MANY_SEVERE), ("mild", MANY_MILD))
    for state, many in rules:
        low, high = levels[f"{state}_low"], levels[f"{state}_high"]  # type: ignore[literal-required]
        for word, limit, side in (("below", low, -1.0), ("above", high, 1.0)):
            if limit is None:
                continue
            number = int((side * (last - limit) > 0).sum())
            if side * (median - limit) > 0 or number >= max(1.0, many * last.size):
                return state, f"{number} of the last {last.size} {word} {_amount(name, limit)}"
    return "ok", ""


def _amount(name: str, value: float) -> str:
    """A value of a column as people know it: defocus in µm."""
    declared = find_column(name)
    unit = None if declared is None else declared.unit
    if unit == "Å" and name in ("defocus", "defocus_u", "defocus_v", "target_defocus"):
        value, unit = value / 1e4, "µm"
    return f"{value:g} {unit}" if unit else f"{value:g}"


def headline(
    images: int, engine: bool, conditions: Sequence[str], figures: Sequence[Figure], why: str
) -> tuple[State, str]:
    """State of the whole session and a sentence that says it: the worst first, else that all is well."""
    by_name = {figure.name: figure for figure in figures}
    if images == 0:
        return "unknown", f"No image yet. {why}"
    if conditions and engine:
        hindered = [text for text in conditions if "free" in text or "no worker" in text]
        if hindered:
            return "severe", f"Everything waits: {hindered[0]}."
    bad = [figure for figure in figures if figure.state == "severe"]
    look = [figure for figure in figures if figure.state == "mild"]
    age, rate = by_name["age"], by_name["rate"]
    last = f"last image {duration(age.value or 0.0)} ago"
    pace = "" if rate.value is None else f", {rate.value:,.0f} images/h"
    if bad:
        return "severe", f"{_told(bad)}{_more(look)}."
    if look:
        return "mild", f"{_told(look)}. Else well: {last}{pace}."
    if not engine:
        return "ok", f"At rest: {counted(images, 'image')}, all processed, {last}."
    return "ok", f"All well: {last}{pace}."


def _told(figures: Sequence[Figure]) -> str:
    text = "; ".join(f"{figure.label.lower()}: {figure.words}" for figure in figures[:3])
    return text[:1].upper() + text[1:]


def _more(figures: Sequence[Figure]) -> str:
    return f"; look also at {', '.join(figure.label.lower() for figure in figures[:3])}" if figures else ""
