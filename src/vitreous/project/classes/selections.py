"""Selections of classes: each is a job, so that who chose what, when and why is known and can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitreous.formats.class_model import ClassModel
from vitreous.jobs.select_classes import SelectClassesParams, suggested
from vitreous.project.classes.place import SELECTION, classification_of
from vitreous.project.session import Session
from vitreous.store.jobs import Revision, revisions
from vitreous.workflow.graph import Job


def selections(
    session: Session, number: int, model: ClassModel | None, lines: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The selections of classes of a classification, in order of their numbers; JSON-able.

    Args:
        session: the project.
        number: of the classification.
        model: its record, from which particles are counted; unknown without it.
        lines: jobs as ``job_lines`` gives them.
    """
    graph = session.graph()
    found = []
    for job in graph.jobs.values():
        if job.type != SELECTION or classification_of(graph, job.id) != number:
            continue
        versions = revisions(session.db, job.id)
        chosen = chosen_classes(job.params, model)
        found.append(
            {
                "job": job.id,
                "title": job.title,
                "state": lines[job.id]["state"] if job.id in lines else "waiting",
                "automatic": job.params.get("classes") is None,
                "threshold": _threshold(job.params),
                "classes": chosen,
                "other_run": of_another_run(job.params, model),
                "particles": particles_of(model, chosen),
                "revisions": [_revision(one, job, model) for one in reversed(versions)],
            }
        )
    return sorted(found, key=lambda entry: entry["job"])


def _revision(one: Revision, job: Job, model: ClassModel | None) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "author": one.author,
        "time": one.time,
        "reason": one.reason or (job.note if one.revision == 1 else ""),
        "automatic": one.params.get("classes") is None,
        "threshold": _threshold(one.params),
        "classes": chosen_classes(one.params, model),
    }


def _threshold(params: Mapping[str, Any]) -> float:
    return float(params.get("threshold", SelectClassesParams.model_fields["threshold"].default))


def chosen_classes(params: Mapping[str, Any], model: ClassModel | None) -> list[int] | None:
    """Numbers of the classes that a selection keeps; ``None`` where it goes by a model that is not there yet."""
    by_hand = params.get("classes")
    if by_hand is not None:
        return sorted(int(number) for number in by_hand)
    return None if model is None else list(suggested(model.classes, SelectClassesParams.model_validate(dict(params))))


def of_another_run(params: Mapping[str, Any], model: ClassModel | None) -> bool:
    """Whether the numbers of a choice by hand speak of the classes of another run, and so of other classes."""
    made_of = params.get("lineage")
    return params.get("classes") is not None and bool(made_of) and model is not None and made_of != model.lineage


def particles_of(model: ClassModel | None, classes: list[int] | None) -> int | None:
    """Particles in some classes."""
    if model is None or classes is None:
        return None
    return sum(one.particles for one in model.classes if one.number in set(classes))
