"""The picks of one image: candidates with score and power, thresholds, and what was changed by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.project.picks.edits import Edits, edits_of
from vitreous.project.picks.figures import Limits
from vitreous.project.picks.files import (
    SELECT,
    base_of,
    diameter_of,
    file_of,
    needed_pick_job,
    parameter_of,
    pick_jobs,
    select_behind,
    why_none,
)
from vitreous.project.picks.read import numbers, read_columns
from vitreous.project.session import Session
from vitreous.store.items import names_of, parameters_of
from vitreous.workflow.graph import Graph, Job

COLUMNS = ("coordinate_x", "coordinate_y", "pick_score", "pick_power", "kept", "pick_source")


@dataclass(frozen=True)
class PickJob:
    """A job whose picks can be shown; ``count`` is what it kept on this image, where it is done."""

    job: int
    title: str
    type: str
    count: int | None


@dataclass(frozen=True)
class Selection:
    """What the job behind the picks makes of them on this image.

    Attributes:
        job: the selection; ``None`` where there is none yet.
        limits: thresholds of the job.
        added, removed: by hand, in px.
        stamp: of the edits.
        author, time: who saved the edits last, and when (s since 1970).
        edit_radius: px within which a removal takes a pick.
    """

    job: int | None
    limits: Limits
    added: list[tuple[float, float]]
    removed: list[tuple[float, float]]
    stamp: str
    author: str | None
    time: float | None
    edit_radius: float | None


@dataclass(frozen=True)
class ItemPicks:
    """The candidates of one image.

    Attributes:
        item, name: number and name of the image.
        job: whose picks are shown; ``None`` where there are none.
        base: the job that picked; a selection shows the candidates of the job before it, with its own thresholds.
        jobs: whose picks could be shown.
        coordinates: centres in px of the micrograph, (0, 0) in the middle of the lower left pixel.
        score, power, kept: of each candidate; ``kept`` by the thresholds of the job that picked.
        source: of each candidate, an index of ``sources``.
        sources: names of pickers.
        class_number: of each, where particles of classes are shown.
        diameter: Å.
        selection: thresholds and edits that follow; ``None`` while particles of classes are shown.
        reason: why there are none.
    """

    item: int
    name: str
    job: int | None = None
    base: int | None = None
    jobs: list[PickJob] = field(default_factory=list)
    coordinates: list[tuple[float, float]] = field(default_factory=list)
    score: list[float | None] = field(default_factory=list)
    power: list[float | None] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    class_number: list[int | None] | None = None
    diameter: float | None = None
    selection: Selection | None = None
    reason: str | None = None


def item_name(session: Session, item: int) -> str:
    """The name of an image.

    Raises:
        UsageError: there is no such image.
    """
    found = names_of(session.db, [item])
    if not found:
        raise UsageError(f"there is no image {item}", hint="Choose one of the library", missing=True)
    return found[0]


def item_picks(session: Session, item: int, job: int | str | None = None) -> ItemPicks:
    """The picks of an image.

    Args:
        session: the project.
        item: its number.
        job: whose; unless given, of the last job that has picked on it.

    Raises:
        UsageError: there is no such image, or no such job that gives picks.
        DataError: the file of the picks is missing or broken.
    """
    name, graph = item_name(session, item), session.graph()
    jobs = pick_jobs(graph)
    chosen = needed_pick_job(session, job) if job is not None else _last(session, graph, jobs, item)
    base = None if chosen is None else base_of(graph, chosen)
    file = None if base is None else file_of(session, base.id, item)
    found = {} if file is None else candidates(session, file.path)
    if file is not None or (chosen is not None and base is None):
        reason = None
    else:
        reason = why_none(session, item, jobs if base is None else [base])
    return ItemPicks(
        item,
        name,
        None if chosen is None else chosen.id,
        None if base is None else base.id,
        _listed(session, jobs, item),
        **found,
        diameter=diameter_of(session, chosen, item),
        selection=selection_of(session, item, select_behind(graph, chosen)),
        reason=reason,
    )


def _last(session: Session, graph: Graph, jobs: list[Job], item: int) -> Job | None:
    """The last job that has picked on the image, or the selection behind it."""
    for job in reversed(jobs):
        base = base_of(graph, job)
        if base is not None and file_of(session, base.id, item) is not None:
            return job
    selections = [job for job in jobs if job.type == SELECT and job.state != "cancelled"]
    return selections[-1] if selections else None


def _listed(session: Session, jobs: list[Job], item: int) -> list[PickJob]:
    counts: dict[int, int | None] = {}
    text = """SELECT t.job, json_extract(r.slots, '$.picks.values.picks_found') FROM task t
        JOIN result r ON r.identity = t.identity WHERE t.item = ? AND t.state = 'done'"""
    for number, count in session.db.connection.execute(text, (item,)):
        counts[number] = None if count is None else int(count)
    return [PickJob(job.id, job.title, job.type, counts.get(job.id)) for job in jobs]


def candidates(session: Session, path: str) -> dict[str, Any]:
    """All rows of a file of picks, as ``ItemPicks`` holds them."""
    rows, columns = read_columns(session.folder / path, COLUMNS)
    names = [str(name) if name else "unknown" for name in columns.get("pick_source", ["picker"] * rows)]
    sources = list(dict.fromkeys(names))
    return {
        "coordinates": places(columns, rows),
        "score": known(numbers(columns, "pick_score", rows), 4),
        "power": known(numbers(columns, "pick_power", rows), 4),
        "kept": (numbers(columns, "kept", rows, 1.0) > 0.5).tolist(),
        "source": [sources.index(name) for name in names],
        "sources": sources,
    }


def places(columns: dict[str, Any], rows: int) -> list[tuple[float, float]]:
    """Coordinates of all rows, in px to the hundredth."""
    x, y = (np.round(numbers(columns, f"coordinate_{axis}", rows), 2).tolist() for axis in "xy")
    return list(zip(x, y, strict=True))


def known(values: np.ndarray[Any, Any], digits: int) -> list[float | None]:
    """Numbers for JSON: what is not finite is ``None``."""
    rounded = np.round(values, digits)
    return [value if finite else None for value, finite in zip(rounded.tolist(), np.isfinite(values), strict=True)]


def selection_of(session: Session, item: int, job: Job | None) -> Selection:
    """Thresholds of a selection, and the edits by hand of an image."""
    edits: Edits = edits_of(parameters_of(session.db, item), SELECT)
    limits = Limits()
    radius = None
    if job is not None and job.broken is None:
        limits = limits_of(job)
        found = parameter_of(session, job, "edit_radius", item)
        radius = float(found) if isinstance(found, int | float) else None
    author, time = _who(session, item)
    return Selection(
        None if job is None else job.id,
        limits,
        list(edits.added),
        list(edits.removed),
        edits.stamp(),
        author,
        time,
        radius,
    )


def limits_of(job: Job) -> Limits:
    """The thresholds that a selection has set."""
    return Limits(**{name: job.params.get(name) for name in Limits.__dataclass_fields__})


def _who(session: Session, item: int) -> tuple[str | None, float | None]:
    """Who saved edits of an image last."""
    name = names_of(session.db, [item])[0]
    text = """SELECT author, time FROM decision WHERE kind = 'parameters' AND instr(value, ?)
        AND instr(items, ?) ORDER BY id DESC LIMIT 1"""
    quoted = json.dumps(name, ensure_ascii=False)
    row = session.db.connection.execute(text, (f'"{SELECT}.', quoted)).fetchone()
    return (None, None) if row is None else (str(row[0]), float(row[1]))
