"""Actions on alarms: set limits and rules, acknowledge, snooze."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import duration
from vitreous.project.alarms.limits import limits, write_limits
from vitreous.project.alarms.settings import write_rules
from vitreous.project.session import Session
from vitreous.store.alarms import Alarm, find_alarm, update_alarm
from vitreous.store.events import log_event

LONGEST_SNOOZE = 7 * 24 * 60.0
"""min."""


def set_limits(session: Session, limits: Mapping[str, Mapping[str, float | None] | None]) -> dict[str, Any]:
    """Set the levels of columns (mild_low, mild_high, severe_low, severe_high); ``None`` gives a column its default."""
    told = write_limits(session, limits)
    if told:
        _log(session, f"limits set: {'; '.join(told)}", {"what": "limits", "limits": dict(limits)})
    return _all_limits(session)


def set_alarm_rules(session: Session, rules: Mapping[str, Any]) -> None:
    """Set how the project watches itself: silence, counts, trends, disk, pause between messages, quiet hours."""
    told = write_rules(session, rules)
    if told:
        _log(session, f"rules of alarms set: {'; '.join(told)}", {"what": "rules", "rules": dict(rules)})


def acknowledge_alarm(session: Session, alarm: int, note: str = "") -> None:
    """Say that an alarm is known and seen to; it stays until what it is about has passed."""
    found = find_alarm(session.db, alarm)
    now, text = session.clock(), note.strip()
    known = replace(found, acknowledged=now, acknowledged_by=session.author, note=text or found.note)
    update_alarm(session.db, known)
    _log_of(session, known, "acknowledged", f"acknowledged by {session.author}" + (f": {text}" if text else ""))


def snooze_alarm(session: Session, alarm: int, minutes: float) -> None:
    """Send nothing of an alarm for so many minutes; 0 ends that."""
    found = _open(session, alarm)
    if not 0 <= minutes <= LONGEST_SNOOZE:
        raise UsageError(f"{minutes:g} min", hint=f"Give minutes from 0 to {LONGEST_SNOOZE:g} (a week)")
    until = session.clock() + 60.0 * minutes if minutes else None
    changed = replace(found, snoozed_until=until, snoozed_by=session.author if minutes else None)
    update_alarm(session.db, changed)
    told = f"snoozed for {duration(60.0 * minutes)} by {session.author}" if minutes else "no longer snoozed"
    _log_of(session, changed, "snoozed", told)


def _all_limits(session: Session) -> dict[str, Any]:
    return dict(limits(session))


def _open(session: Session, number: int) -> Alarm:
    found = find_alarm(session.db, number)
    if found.cleared is not None:
        raise UsageError(f"alarm {number} has passed", hint="Only open alarms are snoozed", alarm=number)
    return found


def _log_of(session: Session, alarm: Alarm, what: str, told: str) -> None:
    data = {"what": what, "alarm": alarm.id, "key": alarm.key, "severity": alarm.severity}
    _log(session, f"{alarm.sentence}: {told}", data)


def _log(session: Session, message: str, data: Mapping[str, Any]) -> None:
    log_event(session.db, "alarm", message, session.clock(), data=data)


ACTIONS = (set_limits, set_alarm_rules, acknowledge_alarm, snooze_alarm)
