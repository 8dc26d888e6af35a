"""Which message each receiver is to get now: bundled, not too often, not in quiet hours; pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitreous.core.words import counted, duration
from vitreous.project.alarms.receivers import Receiver
from vitreous.project.alarms.settings import Rules
from vitreous.store.alarms import Alarm, ToldState

BUNDLE_SECONDS = 20.0
"""s after which an alarm is told, so that what comes together goes together."""
KEPT_SECONDS = 86400.0
"""s for which the end of an alarm may still be told."""

Told = Mapping[tuple[int, str], tuple[ToldState, float]]


@dataclass(frozen=True)
class Message:
    """One message to one receiver; ``states``: alarm → what is told of it."""

    receiver: Receiver
    title: str
    body: str
    states: Mapping[int, ToldState]


def messages(
    alarms: Sequence[Alarm], told: Told, receivers: Sequence[Receiver], rules: Rules, now: float, project: str
) -> list[Message]:
    """The messages that are due.

    Args:
        alarms: open ones, and those that were cleared lately.
        told: what each receiver knows.
        receivers: who may be told.
        rules: pause between messages of a kind, quiet hours.
        now: s since 1970.
        project: its title.
    """
    found = []
    for receiver in receivers:
        if not receiver.active:
            continue
        due = _due(alarms, told, receiver, rules, now)
        if any(now - (alarm.cleared or alarm.changed) >= BUNDLE_SECONDS for alarm in due):
            found.append(compose(receiver, due, now, project))
    return found


def _due(alarms: Sequence[Alarm], told: Told, receiver: Receiver, rules: Rules, now: float) -> list[Alarm]:
    last: dict[str, float] = {}
    for alarm in alarms:
        state = told.get((alarm.id, receiver.name))
        if state is not None:
            last[alarm.kind] = max(last.get(alarm.kind, 0.0), state[1])
    quiet = in_quiet_hours(rules, now)
    return [
        alarm
        for alarm in alarms
        if _is_news(alarm, told.get((alarm.id, receiver.name)), receiver, quiet, now)
        and now - last.get(alarm.kind, float("-inf")) >= 60.0 * rules.pause_minutes
    ]


def _is_news(alarm: Alarm, state: tuple[ToldState, float] | None, receiver: Receiver, quiet: bool, now: float) -> bool:
    known = None if state is None else state[0]
    if alarm.cleared is not None:  # whoever was not told that it began need not know that it ended
        return known in ("mild", "severe") and not (quiet and known == "mild")
    if known == alarm.severity or known == "severe" or alarm.acknowledged is not None:
        return False
    if alarm.snoozed_until is not None and alarm.snoozed_until > now:
        return False
    return alarm.severity == "severe" or (receiver.level == "mild" and not quiet)


def in_quiet_hours(rules: Rules, now: float) -> bool:
    """Whether it is one of the hours in which mild alarms wait; by this machine's clock."""
    if rules.quiet_from is None or rules.quiet_to is None:
        return False
    clock = time.strftime("%H:%M", time.localtime(now))
    begin, end = rules.quiet_from, rules.quiet_to
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def compose(receiver: Receiver, alarms: Sequence[Alarm], now: float, project: str) -> Message:
    """One message about these alarms, the worst first."""
    ordered = sorted(alarms, key=lambda alarm: (alarm.cleared is not None, alarm.severity != "severe", alarm.raised))
    standing = [alarm for alarm in ordered if alarm.cleared is None]
    if standing:
        severe = sum(alarm.severity == "severe" for alarm in standing)
        first = _sentence(standing[0].sentence)
        more = f" and {counted(len(standing) - 1, 'more')}".replace("mores", "more") if len(standing) > 1 else ""
        title = f"{project}: {'severe: ' if severe else ''}{first}{more}"
    else:
        title = f"{project}: {counted(len(ordered), 'alarm has', 'alarms have')} passed"
    body = "\n\n".join(_paragraph(alarm, now) for alarm in ordered)
    states: dict[int, ToldState] = {
        alarm.id: "cleared" if alarm.cleared is not None else alarm.severity for alarm in ordered
    }
    return Message(receiver, title, body, states)


def _paragraph(alarm: Alarm, now: float) -> str:
    if alarm.cleared is not None:
        lasted = duration(alarm.cleared - alarm.raised)
        return f"Passed: {alarm.sentence}. It lasted {lasted}."
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(alarm.raised))
    lines = [f"{alarm.severity.capitalize()}: {alarm.sentence}.", f"Since {since} ({duration(now - alarm.raised)})."]
    if alarm.cause:
        lines.append(f"Likely cause: {alarm.cause}.")
    lines += [f"- {advice}" for advice in alarm.advice]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
