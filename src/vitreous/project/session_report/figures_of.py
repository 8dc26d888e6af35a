"""The figures of a session's report: columns over time, histograms, throughput, the workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vitreous.project.alarms.limits import limits
from vitreous.project.reduce import count, stretches
from vitreous.project.session import Session
from vitreous.project.session_report.blocks import Bars, GraphFigure, Limit, Node, Series
from vitreous.project.timeline import Timeline, timeline
from vitreous.store.columns import exposure_columns
from vitreous.workflow.graph import Graph

PARTS = 240
"""Stretches of time in a curve."""
MOST_DOTS = 1500
"""Images up to which each is drawn by itself too."""
BINS = 48
"""Bars of a histogram at most."""
MOST_JOBS = 40
"""Jobs up to which the workflow is drawn."""


@dataclass(frozen=True)
class Shown:
    """How a report shows a column: title, unit, factor from the catalogue's unit, digits, whether more is worse."""

    column: str
    title: str
    unit: str
    scale: float = 1.0
    digits: int = 2
    worse: bool = False


SHOWN = (
    Shown("counts_per_frame", "Counts", "e/px/frame"),
    Shown("drift_total", "Drift", "Å", digits=1, worse=True),
    Shown("defocus", "Defocus", "µm", 1e-4),
    Shown("fit_resolution", "CTF fit resolution", "Å", digits=1, worse=True),
    Shown("iciness", "Iciness", "", worse=True),
    Shown("defocus_difference", "Defocus difference", "Å", digits=0, worse=True),
    Shown("score", "CTF score", "", digits=3),
    Shown("relative_stddev", "Relative standard deviation", "% of the mean", digits=1),
    Shown("counted_dose", "Dose as counted", "e/Å²", digits=1),
    Shown("picks_found", "Picks", "per image", digits=0),
    Shown("particles_extracted", "Particles", "per image", digits=0),
)
OVER_TIME = ("counts_per_frame", "drift_total", "defocus", "fit_resolution", "iciness")


@dataclass(frozen=True)
class Columns:
    """Columns of the images in the order of time, in the units of the report."""

    line: Timeline
    shown: tuple[Shown, ...]
    values: Mapping[str, np.ndarray]
    limits: Mapping[str, Sequence[Limit]]


def read_columns(session: Session) -> Columns:
    """The columns that a report speaks of and that the project has."""
    known = exposure_columns(session.db)
    there = tuple(entry for entry in SHOWN if entry.column in known)
    line = timeline(session, [entry.column for entry in there])
    values = {entry.column: line.values[entry.column] * entry.scale for entry in there}
    there = tuple(entry for entry in there if np.isfinite(values[entry.column]).any())
    levels = limits(session)
    marked = {}
    for entry in there:
        found = levels.get(entry.column)
        pairs = [] if found is None else [(str(name), value) for name, value in found.items() if value is not None]
        marked[entry.column] = [Limit(float(value) * entry.scale, name.startswith("severe")) for name, value in pairs]  # type: ignore[arg-type]
    return Columns(line, there, values, marked)


def over_time(columns: Columns) -> list[Series]:
    """The figures that tell how the session went."""
    times = columns.line.times
    if times.size < 2:
        return []
    parts = int(np.clip(times.size // 6, 8, PARTS))
    starts, width = stretches(float(times[0]), float(times[-1]), parts)
    return [
        _series(entry, times, columns.values[entry.column], starts, width, columns.limits[entry.column])
        for entry in columns.shown
        if entry.column in OVER_TIME
    ]


def _series(
    entry: Shown, times: np.ndarray, values: np.ndarray, starts: np.ndarray, width: float, levels: Sequence[Limit]
) -> Series:
    """Median and the middle 90 % of each stretch; each image too where they are few."""
    place = np.clip(((times - starts[0]) / width).astype(np.int64), 0, starts.size - 1)
    known = np.isfinite(values)
    order = np.lexsort((values[known], place[known]))
    ordered, counts = values[known][order], np.bincount(place[known], minlength=starts.size)
    first = np.cumsum(counts) - counts
    median, low, high = (np.full(starts.size, np.nan) for _ in range(3))
    full = np.flatnonzero(counts)
    for target, part in ((median, 0.5), (low, 0.05), (high, 0.95)):
        target[full] = ordered[first[full] + np.rint(part * (counts[full] - 1)).astype(np.int64)]
    dots = (times[known], values[known]) if known.sum() <= MOST_DOTS else None
    return Series(entry.title, entry.unit, starts + width / 2, median, low, high, dots, levels, entry.worse)


def throughput(columns: Columns) -> Bars | None:
    """Images recorded per hour."""
    times = columns.line.times
    if times.size < 2:
        return None
    starts, width = stretches(float(times[0]), float(times[-1]), int(np.clip(times.size // 6, 6, 60)))
    numbers = count(times, starts, width) * (3600.0 / width)
    return Bars("Throughput", "images/h", np.append(starts, starts[-1] + width), numbers, over_time=True)


def histogram(entry: Shown, values: np.ndarray, levels: Sequence[Limit]) -> Bars:
    """Distribution of a column; what lies far outside is counted in the outermost bars."""
    known = values[np.isfinite(values)]
    low, high = (float(part) for part in np.percentile(known, (0.5, 99.5)))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, int(np.clip(2 * np.sqrt(known.size), 6, BINS)) + 1)
    numbers, _ = np.histogram(np.clip(known, low, high), edges)
    inside = [level for level in levels if low <= level.value <= high]
    return Bars(entry.title, entry.unit, edges, numbers.astype(float), inside)


def workflow_figure(graph: Graph, counts: Mapping[int, Mapping[str, int]]) -> GraphFigure | None:
    """The jobs from left to right; none where there are too many to be read."""
    if not graph.jobs or len(graph.jobs) > MOST_JOBS:
        return None
    depth: dict[int, int] = {}
    for number in graph.order:
        depth[number] = max((depth[entry.source] + 1 for entry in graph.jobs[number].inputs), default=0)
    rows: dict[int, int] = {}
    nodes = []
    for number in graph.order:
        job, column = graph.jobs[number], depth[number]
        row = rows.get(column, 0)
        rows[column] = row + 1
        done = counts.get(number, {}).get("done")
        note = f"J{number} {job.type}" + (f", {done:,} done" if done else "")
        nodes.append(Node(number, column, float(row), job.title, note))
    edges = [(entry.source, number) for number in graph.order for entry in graph.jobs[number].inputs]
    return GraphFigure("Jobs", nodes, edges)
