"""The life of an alarm: raised, worse, better, cleared; pure, so that a restarted engine goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vitreous.store.alarms import Alarm, Severity

What = Literal["raised", "worse", "better", "cleared"]
RANK: Mapping[str | None, int] = {None: 0, "mild": 1, "severe": 2}

STRETCH: Mapping[str, float] = {"silence": 0.0, "limits": 30.0, "trend": 0.0, "disk": 120.0, "workers": 30.0}
"""Kind → s for which nothing may be wrong before an alarm is cleared."""
USUAL_STRETCH = 60.0
TOUCH_SECONDS = 60.0
"""s between two changes of the sentence of an alarm that stays."""


@dataclass(frozen=True)
class Fact:
    """Something that is wrong, or that is not well enough yet for an alarm about it to end.

    Attributes:
        key: what it is about.
        kind, column_name, sentence, cause, advice, data: as of the alarm.
        severity: at which an alarm is raised, ``None`` for none.
        hold: an open alarm does not get better than this.
    """

    key: str
    kind: str
    sentence: str
    severity: Severity | None
    hold: Severity | None
    column_name: str | None = None
    cause: str | None = None
    advice: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """A change of an alarm that people are told of."""

    what: What
    alarm: Alarm


@dataclass(frozen=True)
class Step:
    """What a look changes.

    Attributes:
        notices: alarms that are new or whose severity has changed; those with the number 0 are new.
        touched: open alarms with a newer sentence.
        calm: key of an open alarm → since when nothing is wrong, s since 1970.
        touched_at: key → when its sentence was last written.
    """

    notices: tuple[Notice, ...]
    touched: tuple[Alarm, ...]
    calm: Mapping[str, float]
    touched_at: Mapping[str, float]


def advance(
    facts: Sequence[Fact],
    opened: Sequence[Alarm],
    now: float,
    calm: Mapping[str, float] | None = None,
    touched_at: Mapping[str, float] | None = None,
) -> Step:
    """What becomes of the alarms.

    Args:
        facts: what is wrong now, one of each key.
        opened: alarms that are open.
        now: s since 1970.
        calm, touched_at: of the last step.
    """
    known, told = {alarm.key: alarm for alarm in opened}, dict(touched_at or {})
    notices: list[Notice] = []
    touched: list[Alarm] = []
    for fact in facts:
        alarm = known.get(fact.key)
        if alarm is None:
            if fact.severity is not None:
                notices.append(Notice("raised", _new(fact, fact.severity, now)))
                told[fact.key] = now
            continue
        notice = _changed(alarm, fact, now)
        if notice is not None:
            notices.append(notice)
            told[fact.key] = now
        elif alarm.sentence != fact.sentence and fact.severity and now - told.get(fact.key, 0.0) >= TOUCH_SECONDS:
            touched.append(replace(alarm, sentence=fact.sentence, data=fact.data))  # the cause is that of its begin
            told[fact.key] = now
    wrong = {fact.key for fact in facts}
    still: dict[str, float] = {}
    for alarm in opened:
        if alarm.key in wrong:
            continue
        still[alarm.key] = (calm or {}).get(alarm.key, now)
        if now - still[alarm.key] >= STRETCH.get(alarm.kind, USUAL_STRETCH):
            notices.append(Notice("cleared", replace(alarm, cleared=now)))
            still.pop(alarm.key)
            told.pop(alarm.key, None)
    return Step(tuple(notices), tuple(touched), still, told)


def _new(fact: Fact, severity: Severity, now: float) -> Alarm:
    return Alarm(
        id=0,
        key=fact.key,
        kind=fact.kind,
        column_name=fact.column_name,
        severity=severity,
        sentence=fact.sentence,
        cause=fact.cause,
        advice=fact.advice,
        data=fact.data,
        raised=now,
        changed=now,
    )


def _changed(alarm: Alarm, fact: Fact, now: float) -> Notice | None:
    held = min((alarm.severity, fact.hold), key=lambda severity: RANK[severity])
    severity = max((fact.severity, held), key=lambda severity: RANK[severity])
    if severity is None or severity == alarm.severity:
        return None
    if RANK[severity] < RANK[alarm.severity]:
        return Notice("better", replace(_retold(alarm, fact), severity=severity, changed=now))
    # Who has acknowledged the mild one does not know of this.
    news = {"acknowledged": None, "acknowledged_by": None, "snoozed_until": None, "snoozed_by": None}
    return Notice("worse", replace(_retold(alarm, fact), severity=severity, changed=now, **news))  # type: ignore[arg-type]


def _retold(alarm: Alarm, fact: Fact) -> Alarm:
    return replace(alarm, sentence=fact.sentence, cause=fact.cause, advice=fact.advice, data=fact.data)
