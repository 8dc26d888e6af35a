"""What a report says of the work: checks, failures, selections, methods, jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.plain import to_json
from vitreous.core.words import counted
from vitreous.project.job_results import filter_yield
from vitreous.project.overview import preflight_faults
from vitreous.project.preflight import newest_report
from vitreous.project.reasons import reasons
from vitreous.project.session import Session
from vitreous.project.session_report.blocks import (
    Bars,
    Block,
    Figures,
    Section,
    Table,
    Text,
)
from vitreous.project.session_report.figures_of import (
    workflow_figure,
)
from vitreous.project.session_report.methods import methods_of
from vitreous.store.ledger import leaving_counts, task_counts
from vitreous.workflow.graph import Job

MOST_FILTERS = 6
"""Filters whose yield is drawn."""
MOST_LISTED = 40
"""Lines of a table."""


def checks(session: Session) -> Section:
    """What the check of the first movies found."""
    report = newest_report(session)
    if report is None:
        return Section("Pre-flight check", [Text("No pre-flight check was made.", True)])
    words = {True: "well", False: "doubtful", None: "unknown"}
    rows = [[words[entry["ok"]], entry["check"], entry["message"]] for entry in report["findings"]]
    blocks: list[Block] = [Table(["", "check", "finding"], rows)]
    faults = preflight_faults(session)
    if faults:
        blocks.append(Text("Open: " + "; ".join(faults)))
    return Section("Pre-flight check", blocks)


def failures(session: Session) -> Section:
    """What failed, by reason, and files that were refused."""
    graph = session.graph()
    rows = []
    for group in reasons(session.db)[:MOST_LISTED]:
        title = graph.jobs[group.job].title if group.job in graph.jobs else ""
        images = ", ".join(example.name for example in group.examples[:3])
        rows.append([f"J{group.job} {title}", f"{group.failed + group.quarantined:,}", group.message, images])
    files = session.db.connection.execute(
        "SELECT path, error FROM source_file WHERE state = 'quarantined' ORDER BY path LIMIT ?", (MOST_LISTED,)
    ).fetchall()
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(["job", "#images", "reason", "such as"], rows))
    if files:
        told = [[Path(path).name, str(json.loads(error or "{}").get("message", ""))] for path, error in files]
        blocks.append(Table(["file", "reason"], told, "Files of the camera that were refused"))
    return Section("Failures", blocks or [Text("Nothing failed.")])


def selections(session: Session) -> Section:
    """What filters and people have left out."""
    graph, leaving = session.graph(), leaving_counts(session.db)
    rows: list[list[str]] = []
    figures: list[Bars] = []
    filters = [graph.jobs[number] for number in graph.order if graph.jobs[number].type == "filter"]
    for job in filters[:MOST_LISTED]:
        out = leaving.get(job.id, {})
        found = filter_yield(session, job.id) if len(figures) < MOST_FILTERS else None
        kept, rejected = out.get("items"), out.get("rejected", 0)
        if kept is None and found is not None:
            kept, rejected = found.total_kept, found.total - found.total_kept
        rows.append(_filter_row(job, kept, rejected))
        if found is not None and found.all and len(figures) < MOST_FILTERS:
            edges = np.append(np.array(found.starts), found.starts[-1] + found.width)
            title = f"J{job.id} {job.title}: kept (dark) of all"
            figures.append(
                Bars(title, "images", edges, np.array(found.all, float), (), True, np.array(found.kept, float))
            )
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(["filter", "rule", "#kept", "#rejected", "#kept", "#by hand"], rows))
        if len(filters) > MOST_LISTED:
            blocks.append(Text(f"{counted(len(filters) - MOST_LISTED, 'further filter')} not shown.", True))
    if figures:
        blocks.append(Figures(figures))
    decided = session.db.connection.execute(
        "SELECT kind, author, count(*), sum(json_array_length(items)) FROM decision GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    if decided:
        told = [[kind, author, f"{number:,}", f"{items or 0:,}"] for kind, author, number, items in decided]
        blocks.append(Table(["decision by hand", "by", "#times", "#images"], told))
    return Section("Filters and decisions", blocks or [Text("No image was left out by a filter or by hand.")])


def _filter_row(job: Job, kept: int | None, rejected: int) -> list[str]:
    by_hand = sum(len(job.params.get(name) or ()) for name in ("keep", "reject"))
    rule, name = str(job.params.get("expression") or ""), f"J{job.id} {job.title}"
    if kept is None:
        return [name, rule, "–", "–", "–", f"{by_hand:,}"]
    share = f"{100.0 * kept / (kept + rejected):.1f} %" if kept + rejected else "–"
    return [name, rule, f"{kept:,}", f"{rejected:,}", share, f"{by_hand:,}"]


def methods(session: Session) -> Section:
    """The methods paragraph."""
    found = methods_of(session)
    blocks: list[Block] = [Text(found.paragraph)]
    blocks += [Text(f"[{number}] {text}", True) for number, text in enumerate(found.citations, start=1)]
    if found.missing:
        blocks.append(Text("Not told, because parameters are missing: " + "; ".join(found.missing), True))
    return Section("Methods", blocks)


def jobs(session: Session) -> Section:
    """The workflow as a figure and a table."""
    graph, counts = session.graph(), task_counts(session.db)
    figure = workflow_figure(graph, counts)
    rows = []
    for number in graph.order[:MOST_LISTED]:
        job = graph.jobs[number]
        inputs = ", ".join(
            f"J{entry.source}" + ("" if entry.output == "items" else f":{entry.output}") for entry in job.inputs
        )
        states = ", ".join(f"{n:,} {state}" for state, n in sorted(counts.get(number, {}).items()))
        given = ", ".join(f"{name} = {_short(value)}" for name, value in job.params.items()) or "as by default"
        rows.append([f"J{number}", f"{job.title} ({job.type})", inputs, given, states])
    blocks: list[Block] = [Figures([figure], across=1)] if figure is not None else []
    if rows:
        blocks.append(Table(["job", "title", "takes from", "parameters that were set", "tasks"], rows))
    if len(graph.order) > MOST_LISTED:
        blocks.append(Text(f"{counted(len(graph.order) - MOST_LISTED, 'further job')} not shown.", True))
    return Section("Jobs", blocks)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value, indent=None)
    return text if len(text) <= 90 else text[:89] + "…"
