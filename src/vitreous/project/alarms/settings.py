"""How a project watches itself: rules beside the limits, kept in its catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import near
from vitreous.project.alarms.trend import SERIES
from vitreous.project.session import Session
from vitreous.store.database import read_meta, write_meta

META = "alarm_rules"

RANGES: Mapping[str, tuple[float, float, str]] = {
    "silence_minutes": (1, 1440, "min"),
    "window": (10, 500, "images"),
    "mild_count": (1, 500, "images"),
    "severe_count": (1, 500, "images"),
    "quarantine_percent": (1, 100, "%"),
    "disk_hours": (0.1, 1000, "h"),
    "pause_minutes": (1, 1440, "min"),
}
"""Rule of a number → least, most, unit."""


@dataclass(frozen=True)
class Rules:
    """The rules.

    Attributes:
        silence_minutes: without a new image while an import watches, ``None`` for never.
        window: newest images in which violations of limits are counted.
        mild_count, severe_count: images of these with a violation from which on an alarm is raised.
        quarantine_percent: of the newest images set aside from which on an alarm is raised.
        disk_hours: until the disk is full, below which an alarm is raised.
        trends: column → whether its trend is watched.
        pause_minutes: between two messages of one kind to one receiver.
        quiet_from, quiet_to: hours of the day on the engine's clock, ``HH:MM``, in which mild alarms are not sent;
            ``None`` for no such hours.
    """

    silence_minutes: float | None = 15.0
    window: int = 50
    mild_count: int = 30
    severe_count: int = 15
    quarantine_percent: float = 20.0
    disk_hours: float = 3.0
    trends: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(SERIES, True))
    pause_minutes: float = 60.0
    quiet_from: str | None = None
    quiet_to: str | None = None


def rules(session: Session) -> Rules:
    """The rules of a project: those that were set over the defaults."""
    stored = json.loads(read_meta(session.db).get(META, "{}"))
    known = {entry.name for entry in fields(Rules)}
    values = {name: value for name, value in stored.items() if name in known}
    trends = {**dict.fromkeys(SERIES, True), **values.pop("trends", {})}
    return Rules(**values, trends={name: on for name, on in trends.items() if name in SERIES})


def write_rules(session: Session, changes: Mapping[str, Any]) -> list[str]:
    """Set rules; returns what has changed, a phrase each.

    Raises:
        UsageError: there is no such rule, or its value is not allowed.
    """
    before = asdict(rules(session))
    known = {entry.name for entry in fields(Rules)}
    for name in changes:
        if name not in known:
            raise UsageError(
                f"there is no rule {name!r}", hint=near(name, known) or f"Known: {', '.join(sorted(known))}"
            )
    now = {**before, **changes, "trends": {**before["trends"], **_trends(changes.get("trends"))}}
    for name, (least, most, unit) in RANGES.items():
        now[name] = _number(name, now[name], least, most, unit)
    now["window"], now["mild_count"] = int(now["window"]), int(now["mild_count"])
    now["severe_count"] = int(now["severe_count"])
    _check_counts(now)
    now["quiet_from"], now["quiet_to"] = _quiet(now["quiet_from"], now["quiet_to"])
    told = [f"{name} {_text(now[name])} (before: {_text(before[name])})" for name in now if now[name] != before[name]]
    if told:
        write_meta(session.db, {META: json.dumps(now)})
    return told


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        off = [name for name, on in value.items() if not on]
        return f"off for {', '.join(off)}" if off else "on for all"
    return "off" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(name: str, value: Any, least: float, most: float, unit: str) -> float | None:
    if value is None and name == "silence_minutes":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UsageError(f"{name} is {value!r}", hint=f"Give a number from {least:g} to {most:g} {unit}", rule=name)
    return float(value)


def _check_counts(now: Mapping[str, Any]) -> None:
    for name in ("mild_count", "severe_count"):
        if now[name] > now["window"]:
            raise UsageError(
                f"{name} ({now[name]}) is more than the {now['window']} images that are looked at",
                hint="Give a smaller count, or a larger window",
                rule=name,
            )


def _trends(given: Any) -> dict[str, bool]:
    for name, value in (given or {}).items():
        if name not in SERIES:
            raise UsageError(
                f"no trend of {name!r} is watched",
                hint=near(name, SERIES) or f"Known: {', '.join(SERIES)}",
                column=name,
            )
        if not isinstance(value, bool):
            raise UsageError(f"the trend of {name} is {value!r}", hint="Give true or false", column=name)
    return dict(given or {})


def _quiet(begin: Any, end: Any) -> tuple[str | None, str | None]:
    if begin is None and end is None:
        return None, None
    for value in (begin, end):
        if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise UsageError(
                f"quiet hours from {begin!r} to {end!r}", hint="Give two times of the day such as 22:00 and 07:00"
            )
    return begin, end
