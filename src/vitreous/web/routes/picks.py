"""Picks: of an image, of all by score and local power, thresholds, and changes by hand."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError
from vitreous.project.picks import changes, figures
from vitreous.project.picks.classes import class_particles
from vitreous.project.picks.edits import MOST, Change
from vitreous.project.picks.figures import Counts, Density, Limits
from vitreous.project.picks.files import files_of
from vitreous.project.picks.of_item import ItemPicks, item_picks
from vitreous.project.picks.packed import Packed, PackedPicks
from vitreous.web.guard import Access, Operating, Viewing
from vitreous.web.picture_answers import PictureRoute, only_looks

router = APIRouter(prefix="/api/projects/{project}", tags=["picks"], route_class=PictureRoute)

Number = Annotated[float | None, Field(allow_inf_nan=False)]
Place = tuple[float, float]
Places = Annotated[list[Place], Field(max_length=MOST)]


class GivenLimits(BaseModel):
    """Thresholds of score and local power; without a least score those that the picker kept."""

    model_config = ConfigDict(extra="forbid")
    min_score: Number = None
    max_score: Number = None
    min_power: Number = None
    max_power: Number = None

    def limits(self) -> Limits:
        """The same for the project."""
        return Limits(self.min_score, self.max_score, self.min_power, self.max_power)


class DensityAsked(BaseModel):
    """How many bins of score and of local power."""

    model_config = ConfigDict(extra="forbid")
    bins: tuple[Annotated[int, Field(ge=4, le=256)], Annotated[int, Field(ge=4, le=256)]] = (96, 64)


class PickDensity(BaseModel):
    """Picks of a job over score and local power, and the thresholds that are set behind it (``select`` has them)."""

    job: int
    base: int
    title: str
    select: int | None
    limits: Limits
    density: Density


class LimitsAsked(GivenLimits):
    """Thresholds to set; ``reason`` is kept with the revision."""

    reason: str = Field("", max_length=500)


class EditsAsked(BaseModel):
    """What was changed by hand since the edits of ``stamp`` were read, in px of the micrograph.

    ``add`` sets picks, ``remove`` takes those of the picker; ``unadd`` and ``unremove`` take such changes back.
    """

    model_config = ConfigDict(extra="forbid")
    job: int | None = Field(None, description="the picker or selection that is shown; none without a picker")
    stamp: str | None = None
    add: Places = []
    remove: Places = []
    unadd: Places = []
    unremove: Places = []


class Edited(BaseModel):
    """The edits as they stand now; ``others``: somebody else had changed them too, and both changes hold."""

    job: int
    created: bool
    added: list[Place]
    removed: list[Place]
    stamp: str
    done: Change
    others: bool


def _packed(request: Request, access: Access, job: str) -> tuple[int, Packed]:
    only_looks(request, access.caller, access.project.key)
    known: dict[str, Any] = request.app.state._state
    shelf: PackedPicks = known.setdefault("packed picks", PackedPicks())
    with access.project.reading() as session:
        base = changes.base_number(session, job)
        if base is None:
            raise UsageError(
                f"no picker comes before J{job.lstrip('Jj')}: it has no scores", hint="Add a job that picks particles"
            )
        files = files_of(session, base)
    return base, shelf.get(access.project.folder, base, files)


@router.get("/items/{item}/particles", operation_id="item_particles")
def particles(
    request: Request,
    access: Viewing,
    item: int,
    job: Annotated[str | None, Query(description="whose; unless given, the last one that has picked on it")] = None,
    classes: Annotated[
        str | None, Query(pattern=r"^(all|\d{1,6}(,\d{1,6})*)$", description="particles of these classes, or all")
    ] = None,
) -> ItemPicks:
    """The picks of an image with score and local power, thresholds and edits; or the particles of some classes."""
    only_looks(request, access.caller, access.project.key)
    with access.project.reading() as session:
        if classes is not None:
            chosen = [] if classes == "all" else [int(number) for number in classes.split(",")]
            return class_particles(session, item, chosen, job)
        return item_picks(session, item, job)


@router.post("/jobs/{job}/picks/histogram", operation_id="pick_histogram")
def histogram(request: Request, access: Viewing, job: str, asked: DensityAsked) -> PickDensity:
    """All picks of a job over score and local power; nothing is changed."""
    base, packed = _packed(request, access, job)
    with access.project.reading() as session:
        place = changes.place_for(session, job)
        title = session.graph().jobs[base].title
    select = place.select
    limits = Limits() if select is None else changes.limits_of(select)
    found = figures.density(packed, asked.bins)
    number = base if select is None else select.id
    return PickDensity(
        job=number, base=base, title=title, select=None if select is None else select.id, limits=limits, density=found
    )


@router.post("/jobs/{job}/picks/counts", operation_id="pick_counts")
def counts(request: Request, access: Viewing, job: str, limits: GivenLimits) -> Counts:
    """How many picks thresholds leave; nothing is changed."""
    return figures.counted(_packed(request, access, job)[1], limits.limits())


@router.post("/jobs/{job}/picks/limits", operation_id="set_pick_limits")
def set_limits(access: Operating, job: str, asked: LimitsAsked) -> changes.Applied:
    """Set thresholds in the selection behind a job, which is added where there is none; nothing is picked again."""
    with access.project.reading() as session:
        place = changes.place_for(session, job)
    return changes.apply_limits(place, access.act, asked.limits(), asked.reason)


@router.post("/items/{item}/picks/edits", operation_id="edit_picks")
def edit(request: Request, access: Operating, item: int, asked: EditsAsked) -> Edited:
    """Save what was changed by hand on an image; what others have saved meanwhile stays."""
    change = Change(*(tuple(getattr(asked, name)) for name in ("add", "remove", "unadd", "unremove")))
    with _saving(request, access):
        with access.project.reading() as session:
            now = changes.edits_now(session, item)
            place = changes.place_for(session, asked.job)
        saved = changes.save_edits(place, access.act, item, now, asked.stamp, change)
    edits = saved.edits
    return Edited(
        job=saved.job,
        created=saved.created,
        added=list(edits.added),
        removed=list(edits.removed),
        stamp=edits.stamp(),
        done=saved.done,
        others=saved.others,
    )


def _saving(request: Request, access: Access) -> threading.Lock:
    """Held while edits are read and written, so that of two who save at once neither undoes the other's."""
    known: dict[str, Any] = request.app.state._state
    locks: dict[str, threading.Lock] = known.setdefault("saving picks", {})
    return locks.setdefault(access.project.key, threading.Lock())
