"""What the report of a session says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vitreous import __version__
from vitreous.core.plain import plain
from vitreous.core.words import duration
from vitreous.project.overview import item_counts
from vitreous.project.session import Session
from vitreous.project.session_report.blocks import (
    Block,
    Facts,
    Report,
    Section,
    Table,
    Text,
)
from vitreous.project.session_report.capsule import capsule
from vitreous.project.session_report.classes import classes
from vitreous.project.session_report.figures_of import (
    Columns,
    read_columns,
)
from vitreous.project.session_report.images import best_and_worst, course, distributions
from vitreous.project.session_report.texts import moment, text_of
from vitreous.project.session_report.work import checks, failures, jobs, methods, selections
from vitreous.project.settings_form import setting_fields
from vitreous.store.columns import exposure_columns
from vitreous.store.database import read_meta
from vitreous.store.ledger import task_counts


def content(session: Session, now: float, blurred: bool = False) -> Iterator[tuple[str, Section | None, Report]]:
    """The parts of a session's report one after the other; the last carries the whole.

    Args:
        session: the project.
        now: s since 1970.
        blurred: images are blurred.
    """
    columns = read_columns(session)
    makers = (
        ("summary", lambda: _summary(session, columns)),
        ("settings", lambda: _settings(session)),
        ("course of the session", lambda: course(columns)),
        ("distributions", lambda: distributions(columns)),
        ("best and worst images", lambda: best_and_worst(session, columns, blurred)),
        ("2D classes", lambda: classes(session, blurred)),
        ("checks", lambda: checks(session)),
        ("failures", lambda: failures(session)),
        ("selections", lambda: selections(session)),
        ("methods", lambda: methods(session)),
        ("jobs", lambda: jobs(session)),
        ("capsule", lambda: capsule(session)),
    )
    meta, sections = read_meta(session.db), []
    title = meta.get("title") or session.folder.name
    subtitle = f"{meta.get('mode')} session · report of {moment(now)} · Vitreous {__version__}"
    for name, make in makers:
        section = make()
        if section is not None and section.blocks:
            sections.append(section)
        yield name, section, Report(title, subtitle, tuple(sections))


def _summary(session: Session, columns: Columns) -> Section:
    times, counts = columns.line.times, item_counts(session.db)
    facts = [(f"{columns.line.ids.size:,}", "images")]
    trashed = counts["groups"].get("TRASH", 0)
    if trashed:
        facts.append((f"{trashed:,}", "images in TRASH"))
    if times.size > 1:
        span = float(times[-1] - times[0])
        facts.append((duration(span), "from the first image to the last"))
        if span > 0:
            facts.append((f"{3600.0 * (times.size - 1) / span:.0f}", "images per hour"))
    for entry in columns.shown[:5]:
        median = float(np.nanmedian(columns.values[entry.column]))
        label = f"{entry.title}, median" + (f" / {entry.unit}" if entry.unit else "")
        facts.append((text_of(median, entry.digits), label))
    tasks: dict[str, int] = {}
    for states in task_counts(session.db).values():
        for state, number in states.items():
            tasks[state] = tasks.get(state, 0) + number
    bad = tasks.get("failed", 0) + tasks.get("quarantined", 0)
    facts.append((f"{tasks.get('done', 0):,}", "results" + (f"; {bad:,} failed" if bad else "; none failed")))
    blocks: list[Block] = [Facts(facts)]
    if times.size:
        blocks.append(Text(f"First image {moment(float(times[0]))}, last image {moment(float(times[-1]))}.", True))
    else:
        blocks.append(Text("The project has no images yet."))
    return Section("Summary", blocks)


def _settings(session: Session) -> Section:
    rows = []
    for field in setting_fields(session):
        if field.value is not None:
            value = ", ".join(map(str, field.value)) if isinstance(field.value, list) else str(field.value)
            rows.append([field.name.replace("_", " "), value, field.unit or "", field.help, field.origin or ""])
    known = exposure_columns(session.db)
    recorded = []
    for column in ("camera", "magnification", "movie_frames", "movie_width", "movie_height", "movie_format"):
        if column in known:
            found = _most_frequent(session, column)
            if found:
                recorded.append([column.replace("_", " "), found])
    blocks: list[Block] = [Table(["setting", "#value", "unit", "meaning", "set by"], rows)] if rows else []
    if recorded:
        blocks.append(Table(["as recorded", "value"], recorded))
    return Section("Microscope and settings", blocks)


def _most_frequent(session: Session, column: str) -> str:
    text = f'SELECT "{column}", count(*) FROM exposure WHERE "{column}" IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 4'
    rows = session.db.connection.execute(text).fetchall()
    if len(rows) == 1:
        return str(plain(rows[0][0])).removesuffix(".0")
    return ", ".join(f"{str(value).removesuffix('.0')} ({number:,} images)" for value, number in rows)
