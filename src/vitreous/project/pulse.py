"""How the session is just now: a few figures, each with its state in words, and one sentence over all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.words import counted, duration
from vitreous.project.alarms.limits import Limits, limits
from vitreous.project.gauges import filling, gauge_curves, hours_left, kept_free
from vitreous.project.pulse_words import Figure, State, column_figure, headline
from vitreous.project.reduce import count, plain_numbers, reduce, stretches
from vitreous.project.series import Wanted, Window, window
from vitreous.project.session import Session
from vitreous.project.timeline import Timeline, timeline
from vitreous.project.types import find_type
from vitreous.project.why import explain_project, running
from vitreous.store.columns import exposure_columns
from vitreous.store.items import TRASH
from vitreous.store.library import cached
from vitreous.workflow.job_type import JobType

LAST = 50
"""Images whose median is compared with the limits."""
SPARK = 60
COLUMNS = ("counts_per_frame", "drift_total", "defocus", "fit_resolution", "iciness", "picks_found")
SILENCE = 900.0
"""s without an image after which something is wrong, where images are awaited."""
_EMPTY: dict[str, dict[str, list[float | None]]] = {"queue": {"values": []}, "free_space": {"values": []}}
MEASURED_IMAGES = 5
"""Newest images whose files are weighed to tell how fast the disk fills."""


@dataclass(frozen=True)
class Facts:
    """What figures are made of.

    Attributes:
        now: s since 1970.
        awaited: whether an engine runs and an import watches for images.
        engine: whether an engine runs.
        conditions: what hinders it, a sentence each.
        newest: s since 1970 of the last import; ``None`` without images.
        open_images, open_tasks: with something still to be done; images of all jobs.
        set_aside: tasks that failed for good.
        in_trash, rejected, images: numbers of images (``images`` without those in TRASH).
    """

    now: float
    awaited: bool
    engine: bool
    conditions: dict[str, str]
    newest: float | None
    open_images: int
    open_tasks: int
    set_aside: int
    in_trash: int
    rejected: int
    images: int


def pulse(session: Session, wanted: Wanted) -> dict[str, Any]:
    """The session in a few figures; JSON-able.

    Args:
        session: the project.
        wanted: the stretch for medians and small curves.

    Returns:
        ``time``, ``state`` and ``headline`` of the whole, ``why`` (without images: what is waited for), ``images``,
        ``awaited`` (whether more are to come), ``newest`` (when the last image came), and ``figures`` (see ``Figure``).
    """
    names = usual_columns(session)
    within = window(session, wanted)
    line = timeline(session, names, None if within is None else _needed_since(session, within))
    facts, levels = _facts(session), limits(session)
    curves = _EMPTY if within is None else gauge_curves(session, within.start, within.end, SPARK)
    figures = [
        _age(facts),
        _pace(facts, line, within),
        _processed(facts),
        _queue(facts, curves["queue"]["values"]),
        _kept(facts),
        *(_of_column(name, line, within, levels.get(name)) for name in names if np.isfinite(line.values[name]).any()),
        _disk(session, facts, line, curves["free_space"]["values"]),
    ]
    why = "" if facts.images else explain_project(session)
    state, told = headline(facts.images, facts.engine, list(facts.conditions.values()), figures, why)
    return {
        "time": facts.now,
        "state": state,
        "headline": told,
        "why": why,
        "images": facts.images,
        "awaited": facts.awaited,
        "newest": facts.newest,
        "figures": [figure.record() for figure in figures],
    }


def usual_columns(session: Session) -> tuple[str, ...]:
    """The columns of the pulse that the project has."""
    known = exposure_columns(session.db)
    return tuple(name for name in COLUMNS if name in known)


def _needed_since(session: Session, within: Window) -> float:
    """The last images may lie before the window."""
    times = timeline(session).times
    return min(within.start, float(times[max(0, times.size - LAST)]))


def _facts(session: Session) -> Facts:
    status = running(session)
    rows = session.db.connection.execute("SELECT id, type, closed, state FROM job").fetchall()
    sources = {name for name in {row[1] for row in rows} if _brings_images(session, name)}
    watching = any(row[1] in sources and not row[2] and row[3] == "active" for row in rows)
    filters = [row[0] for row in rows if row[1] == "filter"]
    counts = cached(session.db, ("pulse counts", tuple(filters)), lambda: _counts(session, filters))
    return Facts(
        now=session.clock(),
        awaited=status is not None and watching,
        engine=status is not None,
        conditions={} if status is None else dict(status.conditions),
        **counts,
    )


def _brings_images(session: Session, job_type: str) -> bool:
    found = find_type(session.folder, job_type)
    return isinstance(found, JobType) and found.scope == "source"


def _counts(session: Session, filters: Sequence[int]) -> dict[str, Any]:
    ask = session.db.connection.execute
    newest, images = ask("SELECT max(imported), count(*) FROM exposure WHERE group_id <> ?", (TRASH,)).fetchone()
    in_trash = ask("SELECT count(*) FROM exposure WHERE group_id = ?", (TRASH,)).fetchone()[0]
    # Job by job: so the index of states is entered where they are, and not read from end to end.
    per_job = ask("""SELECT
        (SELECT count(*) FROM task
            WHERE job = j.id AND state IN ('waiting', 'ready', 'running', 'failed') AND item > 0),
        (SELECT count(*) FROM task WHERE job = j.id AND state = 'quarantined')
        FROM job j""").fetchall()
    left_out = """SELECT count(DISTINCT task.item) FROM task JOIN exposure ON exposure.id = task.item
        WHERE task.job IN (SELECT value FROM json_each(?)) AND task.state = 'done' AND task.identity GLOB 'decided:*'
        AND task.identity NOT LIKE '%items%' AND group_id <> ?"""
    rejected = ask(left_out, (json.dumps(list(filters)), TRASH)).fetchone()[0] if filters else 0
    return {
        "newest": newest,
        "images": images,
        "in_trash": in_trash,
        "open_images": max((row[0] for row in per_job), default=0),
        "open_tasks": sum(row[0] for row in per_job),
        "set_aside": sum(row[1] for row in per_job),
        "rejected": rejected,
    }


def _age(facts: Facts) -> Figure:
    if facts.newest is None:
        return Figure("age", "Last image", None, "s", "unknown", "no image yet")
    age = max(0.0, facts.now - facts.newest)
    state: State = "ok"
    words = "no more are awaited" if facts.engine else "no engine runs"
    if facts.awaited:
        state = "severe" if age > SILENCE else "mild" if age > SILENCE / 3 else "ok"
        words = "more are awaited" if state == "ok" else f"nothing has come for {duration(age)}"
    return Figure("age", "Last image", age, "s", state, words)


def _pace(facts: Facts, line: Timeline, within: Window | None) -> Figure:
    """Images/h of the last hour in which images came, and of three hours."""
    if within is None or _is_young(line):
        return Figure("rate", "Images/h", None, "/h", "unknown", "too few images to tell")
    end = max(facts.now, float(line.times[-1])) if facts.awaited else float(line.times[-1])
    hour, three = (_hourly(line.times, end, seconds) for seconds in (3600.0, 10800.0))
    starts, width = stretches(within.start, within.end, SPARK)
    curve = count(line.times, starts, width) * 3600.0 / width
    state: State = "ok"
    if facts.awaited and hour < 0.5 * three:
        state = "mild" if hour > 0 else "severe"
    spark = plain_numbers(curve[:-1] if curve.size > 2 else curve, 4)  # the last stretch is not full yet
    return Figure(
        "rate", "Images/h", hour, "/h", state, f"{hour:.0f} in the last hour, {three:.0f}/h over three", spark
    )


def _is_young(line: Timeline) -> bool:
    """Whether the images say nothing of a pace yet: an hour can't be told from seconds."""
    return line.times.size < 2 or float(line.times[-1] - line.times[0]) < 60.0


def _hourly(times: np.ndarray, end: float, seconds: float) -> float:
    first = float(times[np.searchsorted(times, end - seconds)]) if times[-1] >= end - seconds else end
    number = times.size - int(np.searchsorted(times, end - seconds))
    if number < 2:
        return number * 3600.0 / seconds
    # A session younger than the span is not slow: its pace is that since its first image.
    span = seconds if times[0] < end - seconds else end - first
    return float((number if span == seconds else number - 1) * 3600.0 / max(span, 60.0))


def _processed(facts: Facts) -> Figure:
    if facts.images == 0:
        return Figure("processed", "Processed", None, None, "unknown", "no image yet", whole=0)
    done = facts.images - min(facts.images, facts.open_images)
    words = f"of {counted(facts.images, 'image')}"
    if facts.set_aside:
        words += f"; {counted(facts.set_aside, 'task')} set aside"
    state: State = "ok" if facts.engine or facts.open_images == 0 else "severe"
    if state == "ok" and facts.set_aside > 0.05 * facts.images:
        state = "mild"
    return Figure("processed", "Processed", done, None, state, words, whole=facts.images)


def _queue(facts: Facts, spark: Sequence[float | None]) -> Figure:
    told = counted(facts.open_tasks, "task")
    if facts.open_tasks and not facts.engine:
        return Figure("queue", "Waiting", facts.open_images, "images", "severe", f"{told} and no engine runs", spark)
    state: State = "mild" if facts.open_images > max(100, 0.2 * facts.images) else "ok"
    words = "nothing waits" if facts.open_tasks == 0 else f"{told} of {counted(facts.open_images, 'image')}"
    return Figure("queue", "Waiting", facts.open_images, "images", state, words, spark)


def _kept(facts: Facts) -> Figure:
    total = facts.images + facts.in_trash
    if total == 0:
        return Figure("kept", "Kept", None, "%", "unknown", "no image yet")
    share = 100.0 * (facts.images - facts.rejected) / total
    words = f"{facts.in_trash:,} in TRASH, {facts.rejected:,} rejected by filters"
    return Figure("kept", "Kept", share, "%", "severe" if share < 40 else "mild" if share < 70 else "ok", words)


def _of_column(name: str, line: Timeline, within: Window | None, levels: Limits | None) -> Figure:
    values = line.values[name]
    known = values[np.isfinite(values)]
    spark: list[float | None] = []
    typical = None
    if within is not None:
        inside = (line.times >= within.start) & (line.times <= within.end + 1e-3)
        some = values[inside & np.isfinite(values)]
        typical = float(np.median(some)) if some.size else None
        starts, width = stretches(within.start, within.end, SPARK)
        spark = plain_numbers(reduce(line.times[inside], values[inside], starts, width).median, 4)
    return column_figure(name, known[-LAST:], typical, levels, spark)


def _disk(session: Session, facts: Facts, line: Timeline, spark: Sequence[float | None]) -> Figure:
    """Free space, how fast it goes, and how long it lasts."""
    usage, kept = shutil.disk_usage(session.folder), kept_free(session)
    written, how = _filling(session, facts, line)
    left = hours_left(session, usage.free, written)
    state: State = "ok"
    words = f"{usage.free / 1e9:.0f} GB free"
    if usage.free < kept:
        state, words = "severe", f"{words}, less than the {kept / 1e9:.0f} GB to be kept free"
    elif left is not None and written is not None:
        words += f", {written:.3g} GB/h {how}: full in {duration(3600.0 * left)} at this pace"
        if facts.awaited:
            state = "severe" if left < 3.0 else "mild" if left < 12.0 else "ok"
    else:
        words += "; how fast it fills is not known yet" if written is None else f"; it does not fill {how}"
    shown = None if written is None else max(0.0, written)
    return Figure("disk", "Disk", left, "h", state, words, spark, free=usage.free / 1e9, written=shown)


def _filling(session: Session, facts: Facts, line: Timeline) -> tuple[float | None, str]:
    """GB/h by which the disk fills, and where that is from: what the engine has seen, else files of new images."""
    seen = filling(session)
    if seen is not None:
        return seen.hourly, f"less in the last {duration(seen.seconds)}" if seen.hourly >= 1e-3 else "just now"
    each = cached(session.db, "bytes of an image", lambda: _image_bytes(session))
    end = facts.now if facts.awaited else float(line.times[-1]) if line.times.size else facts.now
    hourly = None if _is_young(line) else _hourly(line.times, end, 3600.0)
    return (None, "") if each is None or hourly is None else (each * hourly / 1e9, "written")


def _image_bytes(session: Session) -> float | None:
    """Mean size of what the newest images have in the project's folder; ``None`` where nothing is there."""
    ask, sizes = session.db.connection.execute, []
    for number, path in ask("SELECT id, path FROM exposure ORDER BY id DESC LIMIT ?", (MEASURED_IMAGES,)).fetchall():
        places = ask(
            "SELECT r.folder FROM task t JOIN result r ON r.identity = t.identity"
            " WHERE t.item = ? AND t.state = 'done' AND r.folder IS NOT NULL",
            (number,),
        )
        total = _bytes(session.folder / path) + sum(_bytes(session.folder / row[0]) for row in places)
        if total:
            sizes.append(total)
    return float(np.mean(sizes)) if sizes else None


def _bytes(place: Path) -> int:
    """Size of a file, or of all files of a folder; links and what is not there count nothing."""
    try:
        if place.is_symlink():
            return 0
        if place.is_dir():
            return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(place) if entry.is_file())
        return place.stat().st_size
    except OSError:
        return 0
