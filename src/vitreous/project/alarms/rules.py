"""What is wrong, found from figures and from the engine's state; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vitreous.core.words import duration
from vitreous.project.alarms.causes import DISK, IMPORT, QUARANTINE, SILENCE, WORKERS, Cause, likely_cause
from vitreous.project.alarms.limits import Limits, unit_of
from vitreous.project.alarms.settings import Rules
from vitreous.project.alarms.state import Fact
from vitreous.project.alarms.trend import SERIES, Course, level_before, level_now
from vitreous.store.alarms import Severity

WORDS: Mapping[str, str] = {
    "counts_per_frame": "counts per frame",
    "relative_stddev": "relative standard deviation",
    "drift_total": "drift",
    "defocus": "defocus",
    "defocus_difference": "defocus difference",
    "fit_resolution": "fit resolution",
    "iciness": "iciness",
}
DARK = 0.1
"""e/px/frame below which there is hardly a beam."""
FEWEST = 10
"""Images that must be settled before a share of them is told."""


def word_of(column: str) -> str:
    """A column in words."""
    return WORDS.get(column, column.replace("_", " "))


def outside(values: np.ndarray, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Which values are outside the mild levels or the severe ones, and which outside the severe ones."""
    mild, severe = (
        _beyond(values, limits["mild_low"], limits["mild_high"]),
        _beyond(values, limits["severe_low"], limits["severe_high"]),
    )
    return mild | severe, severe


def _beyond(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    found = np.zeros(values.shape, dtype=bool)
    if low is not None:
        found |= values < low
    if high is not None:
        found |= values > high
    return found


def limit_facts(
    recent: Mapping[str, Mapping[int, float]],
    limits: Mapping[str, Limits],
    rules: Rules,
    scores: Mapping[str, float],
) -> list[Fact]:
    """Columns whose newest images are outside their limits too often, and all of them taken together.

    Args:
        recent: column → item → value, of the newest images of each.
        limits: of the columns.
        rules: how many images of how many.
        scores: how far each figure is from what is usual, to find the cause.
    """
    facts: list[Fact] = []
    bad: dict[str, dict[int, bool]] = {}
    for column, found in recent.items():
        if column not in limits or not found:
            continue
        items = list(found)[-rules.window :]
        values = np.array([found[item] for item in items])
        mild, severe = outside(values, limits[column])
        bad[column] = dict(zip((i for i, b in zip(items, mild, strict=True) if b), severe[mild].tolist(), strict=True))
        fact = _column_fact(column, values, mild, severe, limits[column], rules, scores)
        if fact is not None:
            facts.append(fact)
    if not any(fact.severity for fact in facts):
        together = _together(recent, bad, rules)
        facts += [together] if together else []
    return facts


def _counted(mild: int, severe: int, rules: Rules) -> tuple[Severity | None, Severity | None]:
    """The severity that so many images out of limits have, and that which they hold."""
    raised: Severity | None = "severe" if severe >= rules.severe_count else "mild" if mild >= rules.mild_count else None
    held: Severity | None = (
        "severe" if severe >= (rules.severe_count + 1) // 2 else "mild" if mild >= (rules.mild_count + 1) // 2 else None
    )
    return raised, held


def _column_fact(
    column: str,
    values: np.ndarray,
    mild: np.ndarray,
    severe: np.ndarray,
    limits: Limits,
    rules: Rules,
    scores: Mapping[str, float],
) -> Fact | None:
    raised, held = _counted(int(mild.sum()), int(severe.sum()), rules)
    if held is None:
        return None
    median = float(np.median(values[mild]))
    level: Severity = raised or held
    low = next((limits[name] for name in ("mild_low", "severe_low") if limits[name] is not None), None)
    side = -1 if low is not None and median <= low else 1
    count = int(severe.sum()) if level == "severe" else int(mild.sum())
    cause = likely_cause(column, side, scores, dark=column == "counts_per_frame" and median < DARK)
    return Fact(
        key=f"limits:{column}",
        kind="limits",
        column_name=column,
        severity=raised,
        hold=held,
        sentence=(
            f"{word_of(column)} is {'too low' if side < 0 else 'too high'} in {count} of the newest"
            f" {len(values)} images (median of these: {figure(column, median)})"
        ),
        cause=None if cause is None else cause.phrase,
        advice=() if cause is None else cause.advice,
        data={"mild": int(mild.sum()), "severe": int(severe.sum()), "images": len(values), "median": median},
    )


def _together(
    recent: Mapping[str, Mapping[int, float]], bad: Mapping[str, Mapping[int, bool]], rules: Rules
) -> Fact | None:
    newest = sorted({item for found in recent.values() for item in found})[-rules.window :]
    mild = {item for found in bad.values() for item in found} & set(newest)
    severe = {item for found in bad.values() for item, is_severe in found.items() if is_severe} & set(newest)
    raised, held = _counted(len(mild), len(severe), rules)
    if held is None:
        return None
    counts = {column: sum(item in mild for item in found) for column, found in bad.items()}
    parts = [f"{word_of(c)} {n}" for c, n in sorted(counts.items(), key=lambda pair: -pair[1]) if n]
    return Fact(
        key="limits",
        kind="limits",
        severity=raised,
        hold=held,
        sentence=f"{len(mild)} of the newest {len(newest)} images are out of limits ({', '.join(parts)})",
        cause="several figures are out of limits, none of them alone in most images",
        advice=("Look at the newest images", "See which figures have changed first"),
        data={"mild": len(mild), "severe": len(severe), "images": len(newest), "columns": counts},
    )


def trend_facts(courses: Mapping[str, Course], rules: Rules, scores: Mapping[str, float]) -> list[Fact]:
    """Figures whose course has changed and has not come back."""
    facts = []
    for column, course in courses.items():
        if not course.changed or not rules.trends.get(column, True):
            continue
        series = SERIES[column]
        before, now = level_before(course, series), level_now(course, series)
        cause = likely_cause(column, course.changed, scores, dark=column == "counts_per_frame" and now < DARK)
        halved = column == "counts_per_frame" and now < 0.5 * before
        facts.append(
            Fact(
                key=f"trend:{column}",
                kind="trend",
                column_name=column,
                severity=None if course.calm else "severe" if halved else "mild",  # on its way back it raises nothing
                hold="severe" if halved else "mild",
                sentence=_trend_sentence(column, before, now, course.changed),
                cause=None if cause is None else cause.phrase,
                advice=() if cause is None else cause.advice,
                data={"before": before, "now": now, "item": course.since, "side": course.changed},
            )
        )
    return facts


def _trend_sentence(column: str, before: float, now: float, side: int) -> str:
    verb = "has risen" if side > 0 else "has fallen"
    if column == "defocus":
        return (
            f"defocus is {figure(column, now)} off what was asked for (usual in this session: {figure(column, before)})"
        )
    noun = word_of(column)
    verb = verb.replace("has", "have") if noun.startswith("counts") else verb
    return f"{noun} {verb} to {figure(column, now)}; usual in this session: {figure(column, before)}"


def figure(column: str, value: float) -> str:
    """A value with its unit, as people read it."""
    if column in ("defocus", "target_defocus"):
        return f"{value * 1e-4:.2f} µm"
    unit = {"relative_stddev": "%"}.get(column, unit_of(column))
    digits = {"defocus_difference": 0, "drift_total": 1, "fit_resolution": 1, "relative_stddev": 1}.get(column, 2)
    return f"{value:.{digits}f}" + (f" {unit}" if unit else "")


def silence_fact(
    newest: float | None, since: float, now: float, watching: bool, rules: Rules, hindered: str | None
) -> Fact | None:
    """That no image has come for too long while an import watches.

    Args:
        newest: when the newest image came, ``None`` where none ever has.
        since: when the engine began.
        now: s since 1970.
        watching: whether an import waits for images.
        rules: how long.
        hindered: what the import says that hinders it.
    """
    if not watching or newest is None or rules.silence_minutes is None:
        return None
    seconds = now - max(newest, since)
    if seconds < 60.0 * rules.silence_minutes:
        return None
    return Fact(
        key="silence",
        kind="silence",
        severity="severe",
        hold="severe",
        sentence=f"no new image has come for {duration(now - newest)}",
        cause=hindered or SILENCE.phrase,
        advice=SILENCE.advice,
        data={"newest": newest},
    )


def disk_fact(free: float, reserve: float, rate: float | None, rules: Rules) -> Fact | None:
    """That the disk will soon be full.

    Args:
        free, reserve: bytes that are free, and that are to be kept free.
        rate: bytes/s by which it fills, ``None`` where not known.
        rules: hours from which on it is told.
    """
    if rate is None or rate <= 0:
        return None
    hours = max(0.0, free - reserve) / rate / 3600.0
    if hours > 1.5 * rules.disk_hours:
        return None
    return Fact(
        key="disk hours",
        kind="disk",
        severity=None if hours > rules.disk_hours else "severe" if hours < 0.25 * rules.disk_hours else "mild",
        hold="mild" if hours > 0.4 * rules.disk_hours else "severe",
        sentence=f"the disk will be full in about {duration(3600.0 * hours)}",
        cause=DISK.phrase,
        advice=DISK.advice,
        data={"free": free, "bytes_per_hour": 3600.0 * rate, "hours": hours},
    )


def condition_facts(conditions: Mapping[str, str], faults: Mapping[int, str]) -> list[Fact]:
    """What keeps the engine from working, as alarms.

    Args:
        conditions: of the engine: ``disk`` and ``workers`` are told.
        faults: import → why it can't go on.
    """
    known: dict[str, Cause] = {"disk": DISK, "workers": WORKERS}
    facts = [
        Fact(name, name, conditions[name], "severe", "severe", None, cause.phrase, cause.advice)
        for name, cause in known.items()
        if name in conditions
    ]
    for number, text in faults.items():
        key, told = f"import:J{number}", f"the import J{number} can't go on: {text}"
        facts.append(Fact(key, "condition", told, "severe", "severe", None, IMPORT.phrase, IMPORT.advice))
    return facts


def quarantine_fact(job: int, title: str, done: Sequence[int], aside: Sequence[int], rules: Rules) -> Fact | None:
    """That too many of the newest images of a job were set aside.

    Args:
        job, title: which.
        done, aside: numbers of the newest items that are done, and that were set aside, each the newest first.
        rules: from which share on.
    """
    newest = sorted([*done, *aside], reverse=True)[: rules.window]
    if len(newest) < FEWEST:
        return None
    count = len(set(aside) & set(newest))
    percent = 100.0 * count / len(newest)
    if percent < 0.5 * rules.quarantine_percent or count == 0:
        return None
    severe = min(100.0, 3.0 * rules.quarantine_percent)
    return Fact(
        key=f"quarantine:J{job}",
        kind="quarantine",
        severity=None if percent < rules.quarantine_percent else "severe" if percent >= severe else "mild",
        hold="severe" if percent >= 0.5 * severe and percent >= rules.quarantine_percent else "mild",
        sentence=f"{count} of the newest {len(newest)} images were set aside by J{job} {title}",
        cause=QUARANTINE.phrase,
        advice=QUARANTINE.advice,
        data={"job": job, "count": count, "images": len(newest)},
    )
