"""Limits of the figures of images: mild and severe, below and above, in the units of the catalogue."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import TypedDict

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.model.columns_exposure import EXPOSURE_COLUMNS
from vitreous.project.session import Session
from vitreous.store.columns import exposure_columns
from vitreous.store.database import read_meta, write_meta

META = "alarm_limits"
LEVELS = ("severe_low", "mild_low", "mild_high", "severe_high")
"""Levels of a column in the order in which they must rise."""


class Limits(TypedDict):
    """Levels of one column, each ``None`` where it is not watched."""

    mild_low: float | None
    mild_high: float | None
    severe_low: float | None
    severe_high: float | None


def levels(
    mild_low: float | None = None,
    mild_high: float | None = None,
    severe_low: float | None = None,
    severe_high: float | None = None,
) -> Limits:
    """The levels of one column."""
    return {"mild_low": mild_low, "mild_high": mild_high, "severe_low": severe_low, "severe_high": severe_high}


def default_limits() -> dict[str, Limits]:
    """The limits that a project begins with."""
    return {
        "counts_per_frame": levels(severe_low=0.1),
        "relative_stddev": levels(severe_high=30.0),
        "drift_total": levels(mild_high=50.0),
        "defocus": levels(mild_low=2000.0, mild_high=70000.0),
        "defocus_difference": levels(mild_high=300.0),
        "fit_resolution": levels(mild_high=6.0),
        "iciness": levels(mild_high=1.6),
    }


def limits(session: Session) -> dict[str, Limits]:
    """Column → its levels, those set in this project over the defaults, in the catalogue's units."""
    return {**default_limits(), **own_limits(session)}


def own_limits(session: Session) -> dict[str, Limits]:
    """The limits that were set in this project."""
    stored = json.loads(read_meta(session.db).get(META, "{}"))
    return {column: levels(**entry) for column, entry in stored.items()}


def write_limits(session: Session, changes: Mapping[str, Mapping[str, float | None] | None]) -> list[str]:
    """Set the limits of columns; returns what has changed, a phrase each.

    Args:
        session: open for writing.
        changes: column → its levels, those that are not named being unset; ``None`` gives a column its default again.

    Raises:
        UsageError: no such column of numbers, no such level, or levels that do not rise.
    """
    before, own, told = limits(session), own_limits(session), []
    for column, given in changes.items():
        own.pop(column, None)
        if given is not None:
            _check_column(session, column)
            own[column] = _checked(column, given)
        now = own.get(column) or default_limits().get(column) or levels()
        if now != before.get(column, levels()):
            told.append(f"{column} {limits_text(column, now)} (before: {limits_text(column, before.get(column))})")
    if told:
        write_meta(session.db, {META: json.dumps(own)})
    return told


def unit_of(column: str) -> str | None:
    """The unit of a column of the catalogue, ``None`` where it has none."""
    return next((entry.unit for entry in EXPOSURE_COLUMNS if entry.name == column), None)


def limits_text(column: str, found: Limits | None) -> str:
    """``mild below 2000 or above 70000 Å``, or ``not watched``."""
    unit, parts = unit_of(column), []
    for severity in ("mild", "severe"):
        low, high = (found or levels())[f"{severity}_low"], (found or levels())[f"{severity}_high"]  # type: ignore[literal-required]
        sides = [f"{word} {value:g}" for word, value in (("below", low), ("above", high)) if value is not None]
        if sides:
            parts.append(f"{severity} {' or '.join(sides)}" + (f" {unit}" if unit else ""))
    return ", ".join(parts) or "not watched"


def _check_column(session: Session, column: str) -> None:
    declared = {entry.name: entry.kind for entry in EXPOSURE_COLUMNS}
    kinds = {"real": "REAL", "integer": "INTEGER"}
    found = exposure_columns(session.db)
    kind = found.get(column) or kinds.get(declared.get(column, ""))
    if kind in ("REAL", "INTEGER"):
        return
    if kind is not None or column in declared:
        raise UsageError(f"column {column} does not hold numbers", hint="Set limits of columns of numbers")
    known = [name for name, declared_kind in declared.items() if declared_kind in kinds]
    raise UsageError(
        f"exposures have no column {column!r}",
        hint=near(column, known) or "See the list of columns",
        column=column,
    )


def _checked(column: str, given: Mapping[str, float | None]) -> Limits:
    for name, value in given.items():
        if name not in LEVELS:
            raise UsageError(f"there is no limit {name!r}", hint=f"Known: {', '.join(LEVELS)}", column=column)
        if value is not None and (isinstance(value, bool) or not math.isfinite(float(value))):
            raise UsageError(f"{column}: {name} is {value!r}", hint="Give a number, or nothing", column=column)
    found = levels(**{name: None if value is None else float(value) for name, value in given.items()})
    rising = [(name, found[name]) for name in LEVELS if found[name] is not None]  # type: ignore[literal-required]
    for (lower, low), (upper, high) in itertools.pairwise(rising):
        if low > high:
            raise UsageError(
                f"{column}: {lower} ({low:g}) is above {upper} ({high:g})",
                hint=f"The limits must rise in this order: {', '.join(LEVELS)}",
                column=column,
            )
    return found
