"""Particles of some classes, back on the image on which they were picked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.picks.files import diameter_of
from vitreous.project.picks.of_item import COLUMNS, ItemPicks, item_name, known, places
from vitreous.project.picks.read import Floats, numbers, read_columns
from vitreous.project.session import Session, job_number

SLOT = "particle_set"


def class_particles(session: Session, item: int, classes: Sequence[int], job: int | str | None = None) -> ItemPicks:
    """The particles of an image that a classification put into some classes.

    Args:
        session: the project.
        item: number of the image.
        classes: numbers of the classes, from 1; empty: all of them.
        job: the classification, or a selection of classes; unless given, the last one that has a result.

    Raises:
        UsageError: there is no such image or job, or the job has no particles in classes.
        DataError: the table of particles is missing or broken.
    """
    name = item_name(session, item)
    number, path = _table(session, job)
    if path is None:
        return ItemPicks(item, name, number, reason=_reason(number))
    condition = [("micrograph", "==", name)]
    if classes:
        condition.append(("class_number", "in", list(classes)))  # type: ignore[arg-type]
    rows, columns = read_columns(session.folder / path, (*COLUMNS, "micrograph", "class_number"), condition)
    return ItemPicks(
        item,
        name,
        number,
        None,
        coordinates=places(columns, rows),
        score=known(numbers(columns, "pick_score", rows), 4),
        power=known(numbers(columns, "pick_power", rows), 4),
        kept=[True] * rows,
        source=[0] * rows,
        sources=["particles"],
        class_number=[None if value is None else int(value) for value in known(_classes(columns, rows), 0)],
        diameter=diameter_of(session, session.graph().jobs.get(number) if number else None),
        reason=None if rows else f"J{number} put no particle of this image into the chosen classes",
    )


def _classes(columns: dict[str, Any], rows: int) -> Floats:
    return numbers(columns, "class_number", rows)


def _reason(number: int | None) -> str:
    return "No job of this project gives particles in classes" if number is None else f"J{number} has no result yet"


def _table(session: Session, job: int | str | None) -> tuple[int | None, str | None]:
    """The job and its newest table of particles, relative to the project."""
    graph = session.graph()
    if job is None:
        numbers_ = [n for n in graph.order if SLOT in graph.jobs[n].gives]
    else:
        try:
            numbers_ = [job_number(graph, job)]
        except UsageError as error:
            raise UsageError(error.message, hint=error.hint, missing=True) from error
        if SLOT not in graph.jobs[numbers_[0]].gives:
            label = graph.jobs[numbers_[0]].label
            raise UsageError(f"{label} puts no particles into classes", hint="Choose a classification", missing=True)
    for number in reversed(numbers_):
        text = """SELECT r.slots FROM task t JOIN result r ON r.identity = t.identity WHERE t.job = ? AND t.item = 0
            UNION ALL SELECT slots FROM (SELECT slots FROM result WHERE job = ? AND item = 0 ORDER BY committed DESC)"""
        for row in session.db.connection.execute(text, (number, number)):
            file = (json.loads(row[0]).get(SLOT) or {}).get("file")
            if file and (session.folder / file).is_file():
                return number, str(file)
    return (numbers_[-1] if numbers_ else None), None
