"""What a page does to picks: thresholds and edits by hand, kept in the job behind the picker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.project.picks.edits import Change, Edits, edits_of, merged
from vitreous.project.picks.figures import Limits
from vitreous.project.picks.files import SELECT, SLOT, base_of, needed_pick_job, select_behind
from vitreous.project.picks.of_item import item_name, limits_of
from vitreous.project.session import Session
from vitreous.store.items import parameters_of
from vitreous.workflow.graph import Graph, Job

Act = Callable[..., Any]
"""``act(action, **arguments)`` does an action of the project in the caller's name."""


@dataclass(frozen=True)
class Applied:
    """Thresholds that were set.

    Attributes:
        job: the selection that has them now.
        created: whether it was added for them.
        before: thresholds that it had.
        moved: jobs that took the picker's picks, and now take those that the selection leaves.
    """

    job: int
    created: bool
    before: Limits
    moved: list[int]


@dataclass(frozen=True)
class Saved:
    """Edits of an image that were saved.

    Attributes:
        job: the selection that makes them; ``created``: whether it was added for them.
        edits: of the image, as they stand now.
        done: the part of the change that had an effect; its inverse takes it back.
        others: whether somebody else had changed the edits since they were read; their changes are kept.
    """

    job: int
    created: bool
    edits: Edits
    done: Change
    others: bool


@dataclass(frozen=True)
class Place:
    """Where a selection is, or would be put.

    Attributes:
        select: the selection that is there.
        source: the job behind which one is to be added; ``None``: the newest that gives images.
        takers: jobs that take picks from the source and would take them from the new selection.
    """

    select: Job | None
    source: int | None
    takers: tuple[tuple[int, tuple[str, ...]], ...] = ()


def place_for(session: Session, job: int | str | None) -> Place:
    """Where thresholds and edits of a job's picks are kept, or are to be.

    Args:
        session: the project.
        job: the picker or a selection; ``None``: there is no picker.
    """
    graph = session.graph()
    chosen = None if job is None else needed_pick_job(session, job)
    found = select_behind(graph, chosen)
    if found is not None or chosen is None:
        return Place(found, None)
    return Place(None, chosen.id, tuple(_takers(graph, chosen.id)))


def _takers(graph: Graph, source: int) -> list[tuple[int, tuple[str, ...]]]:
    """Jobs right behind the picker that read picks, with their inputs, where ``{}`` stands for the new selection."""
    found = []
    for number in graph.children[source]:
        job = graph.jobs[number]
        if job.type == SELECT or not any(SLOT in need.split("|") for need in job.needs) or SLOT in job.gives:
            continue
        names = (
            "{}" if entry.source == source and entry.output == "items" else f"J{entry.source}:{entry.output}"
            for entry in job.inputs
        )
        found.append((number, tuple(names)))
    return found


def selection_at(place: Place, act: Act, params: dict[str, Any]) -> tuple[int, list[int]]:
    """Add the selection of a place where there is none; returns its number and the jobs that moved behind it."""
    inputs = None if place.source is None else [f"J{place.source}"]
    number = int(act("add_job", type=SELECT, params=params, inputs=inputs))
    for taker, names in place.takers:
        act("edit_job", job=taker, inputs=[name.format(f"J{number}") for name in names])
    return number, [taker for taker, _ in place.takers]


def apply_limits(session_place: Place, act: Act, limits: Limits, reason: str = "") -> Applied:
    """Set the thresholds of the selection behind the picks; nothing is picked again.

    Args:
        session_place: from ``place_for``.
        act: does actions.
        limits: all four; what is ``None`` is left as picked.
        reason: kept with the revision.
    """
    values = {name: value for name, value in asdict(limits).items() if value is not None}
    select = session_place.select
    if select is None:
        number, moved = selection_at(session_place, act, values)
        return Applied(number, True, Limits(), moved)
    before = limits_of(select)
    unset = [name for name in asdict(limits) if name not in values and name in select.params]
    act("edit_job", job=select.id, params=values, unset=unset, reason=reason)
    return Applied(select.id, False, before, [])


def edits_now(session: Session, item: int) -> Edits:
    """The edits by hand of an image as they stand."""
    item_name(session, item)
    return edits_of(parameters_of(session.db, item), SELECT)


def save_edits(place: Place, act: Act, item: int, now: Edits, seen: str | None, change: Change) -> Saved:
    """Save what was changed by hand on an image, as one decision.

    Args:
        place: from ``place_for``.
        act: does actions.
        item: number of the image.
        now: its edits as they stand; nobody may change them until this returns.
        seen: stamp of the edits that the caller has seen.
        change: relative to those.

    Raises:
        UsageError: the change holds nothing, or no place on the image.
    """
    after, done = merged(now, change)
    if not any(asdict(change).values()):
        raise UsageError("nothing was changed", hint="Add, remove or move picks first")
    created = place.select is None
    number = selection_at(place, act, {})[0] if place.select is None else place.select.id
    if after != now:
        values: dict[str, Any] = {"added": _listed(after.added), "removed": _listed(after.removed)}
        act("set_item_parameters", selection={"ids": [item]}, type=SELECT, params=values)
    return Saved(number, created, after, done, seen is not None and seen != now.stamp())


def _listed(points: Sequence[tuple[float, float]]) -> list[list[float]] | None:
    return [list(point) for point in points] or None


def base_number(session: Session, job: int | str) -> int | None:
    """The job that picked, of a picker or a selection."""
    found = base_of(session.graph(), needed_pick_job(session, job))
    return None if found is None else found.id
