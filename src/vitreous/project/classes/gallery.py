"""What the page of classes shows: the averages with their figures, how the run goes, who has chosen what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vitreous.formats.class_model import ClassModel, ClassRecord
from vitreous.project.classes.place import (
    SELECTION,
    ClassesAt,
    Source,
    class_job,
    classification_of,
    find_classes,
    gives_classes,
)
from vitreous.project.classes.selections import selections
from vitreous.project.job_pages import job_lines
from vitreous.project.session import Session
from vitreous.project.why import explain_job
from vitreous.store.ledger import members_to_come

BEST = 6
"""Averages that a card shows."""


def gallery(session: Session, name: str | int, source: Source = "newest") -> dict[str, Any]:
    """The classes of a job, in order of their numbers; JSON-able.

    Args:
        session: the project.
        name: a classification, or a selection of classes, which shows those of the classification before it.
        source: which averages.

    Raises:
        UsageError: there is no such job, or it has to do with no classes (``missing``).
    """
    asked, number = class_job(session, name)
    job, found = session.graph().jobs[number], find_classes(session, number, source)
    lines = {entry["id"]: entry for entry in job_lines(session)["jobs"]}
    return {
        "job": number,
        "asked": asked,
        "title": job.title,
        "state": lines[number]["state"],
        "selections": selections(session, number, found.model if found else None, lines),
        "why": None if found else explain_job(session, job),
        "late": explain_job(session, job) if found and members_to_come(session.db, number) > 0 else None,
        "has_result": bool(found and not found.running) or find_classes(session, number, "result") is not None,
        "classes": [_class(one) for one in found.model.classes] if found else [],
        "run": _run(found) if found else None,
    }


def _class(one: ClassRecord) -> dict[str, Any]:
    return {
        "number": one.number,
        "particles": one.particles,
        "population": one.population,
        "resolution": known(one.resolution),
        "quality": known(one.quality),
        "rank": one.rank,
        "suggested": one.suggested,
    }


def _run(found: ClassesAt) -> dict[str, Any]:
    model = found.model
    return {
        "running": found.running,
        "stale": found.stale,
        "iteration": model.iteration,
        "iterations": model.iterations,
        "finished": model.finished,
        "n_particles": model.n_particles,
        "n_used": model.n_used,
        "pixel_size": model.pixel_size,
        "box": model.box,
        "mask_diameter": model.mask_diameter,
        "resolution_limit": known(model.resolution_limit),
        "seed": model.seed,
        "lineage": model.lineage,
        "seconds": known(sum(entry.get("seconds") or 0.0 for entry in model.history)),
        "made": found.made,
        "stamp": found.stamp,
        "particles": found.particles is not None and found.particles.is_file(),
    }


def curves(found: ClassesAt) -> dict[str, Any]:
    """Correlation of the half averages of each class, and how the run went; JSON-able."""
    model = found.model
    return {
        "frequency": list(model.frc_frequencies),
        "frc": {str(one.number): [known(value) for value in one.frc] for one in model.classes if one.frc},
        "history": _history(model),
    }


def _history(model: ClassModel) -> dict[str, Any]:
    """Columns over iterations; populations and resolutions of each class in order of their numbers."""
    rows = model.history

    def column(key: str) -> list[float | None]:
        return [known(entry.get(key)) for entry in rows]

    def by_class(key: str) -> list[list[float | None]]:
        width = len(model.classes)
        padded = [_padded(entry.get(key) or (), width) for entry in rows]
        return [[values[place] for values in padded] for place in range(width)]

    return {
        "iteration": [int(entry.get("iteration", place + 1)) for place, entry in enumerate(rows)],
        "particles": [entry.get("particles") for entry in rows],
        "resolution_limit": column("resolution_limit"),
        "changed": column("changed"),
        "seconds": column("seconds"),
        "populations": by_class("populations"),
        "resolutions": by_class("resolutions"),
    }


def _padded(values: Sequence[Any], width: int) -> list[float | None]:
    return [known(value) for value in values[:width]] + [None] * (width - len(values))


def known(value: Any) -> float | None:
    """A finite number, else ``None``."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def class_cards(session: Session, only: int | None = None) -> list[dict[str, Any]]:
    """The classifications of the project with their best averages, newest first; JSON-able.

    Args:
        session: the project.
        only: the one that this job is, or that it selects from.
    """
    graph = session.graph()
    only = only if only is None or only not in graph.jobs else classification_of(graph, only) or 0
    numbers = [number for number in graph.order if gives_classes(graph.jobs[number]) and only in (None, number)]
    lines = {entry["id"]: entry for entry in job_lines(session)["jobs"]} if numbers else {}
    cards = []
    for number in reversed(numbers):
        found = find_classes(session, number)
        best = sorted(found.model.classes, key=lambda one: one.rank)[:BEST] if found else []
        cards.append(
            {
                "job": number,
                "title": graph.jobs[number].title,
                "state": lines[number]["state"],
                "n_classes": sum(one.particles > 0 for one in found.model.classes) if found else None,
                "resolution": min((r for one in best if (r := known(one.resolution)) is not None), default=None),
                "best": [_class(one) for one in best if one.particles > 0],
                "run": _run(found) if found else None,
                "selections": sum(
                    job.type == SELECTION and any(entry.source == number for entry in job.inputs)
                    for job in graph.jobs.values()
                ),
            }
        )
    return cards
