"""Which views an item has, each as a small picture, and what is drawn of numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from vitreous.project.pictures import numbers
from vitreous.project.pictures.thumbnails import thumbnail
from vitreous.project.pictures.views import Facts, ItemViews, item_facts, item_views, view_of
from vitreous.store.database import read_meta
from vitreous.web.guard import Access, Viewing
from vitreous.web.picture_answers import PictureRoute, answered, is_guest, only_looks, picture, shelf_of

router = APIRouter(prefix="/api/projects/{project}/items/{item}", tags=["pictures"], route_class=PictureRoute)


class Views(BaseModel):
    """The views of an item (see ``View``), the sets of four for the project's mode, and whether they are blurred."""

    views: ItemViews
    blurred: bool


class Trajectory(BaseModel):
    """The specimen's motion on a grid of points: ``shift`` ``[frame][y][x]`` and ``mean`` ``[frame]`` as (x, y) in Å,
    relative to the first frame; ``x``, ``y``, ``width``, ``height`` in px of the recorded frame (row 0 at the bottom),
    ``pixel_size`` in Å of it."""

    x: list[float]
    y: list[float]
    shift: list[list[list[tuple[float, float]]]]
    mean: list[tuple[float, float]]
    width: int | None
    height: int | None
    pixel_size: float | None
    n_frames: int | None
    drift_total: float | None
    drift_early: float | None
    dose_per_frame: float | None


class FitCurves(BaseModel):
    """The fit of the CTF: curves over ``frequency`` (1/Å), defocus in Å, angles in degrees, voltage in kV, spherical
    aberration in mm."""

    frequency: list[float | None]
    spectrum: list[float | None]
    fit: list[float | None]
    quality: list[float | None]
    defocus_u: float | None
    defocus_v: float | None
    astigmatism_angle: float | None
    phase_shift: float | None
    fit_resolution: float | None
    score: float | None
    aliasing_limit: float | None
    pixel_size: float | None
    voltage: float | None
    spherical_aberration: float | None
    amplitude_contrast: float | None


def _facts(request: Request, access: Access, item: int) -> Facts:
    only_looks(request, access.caller, access.project.key)
    with access.project.reading() as session:
        return item_facts(session, item)


@router.get("/views", operation_id="item_views")
def views(request: Request, access: Viewing, item: int) -> Views:
    """Which pictures the item has now, and the sets of four in which they are looked at."""
    with access.project.reading() as session:
        found = item_views(session, item, read_meta(session.db)["mode"])
    return Views(views=found, blurred=is_guest(request, access.caller, access.project.key))


@router.get("/views/{view}.png", operation_id="item_view", response_class=Response)
def view_picture(
    request: Request,
    access: Viewing,
    item: int,
    view: str,
    size: Annotated[int, Query(ge=32, le=1600, description="px of the longer side, at least; never enlarged")] = 400,
    v: Annotated[str | None, Query(description="identity of the view: such a picture may be kept for ever")] = None,
) -> Response:
    """A view as PNG, row 0 at the bottom."""
    facts = _facts(request, access, item)
    chosen = view_of(facts, view)
    guest = is_guest(request, access.caller, access.project.key)
    tag = f"{chosen.identity}-{view}-{size}-{int(guest)}"
    given = v if v == chosen.identity else None
    known = answered(request, tag, given) if chosen.available else None
    if known is not None:
        return known
    content = thumbnail(access.project.folder, facts, chosen, size, shelf_of(request), blur=guest, keep=not guest)
    return picture(content, "image/png", tag, given)


@router.get("/trajectory", operation_id="item_trajectory")
def trajectory(request: Request, access: Viewing, item: int) -> Trajectory:
    """The specimen's motion during the movie."""
    return Trajectory.model_validate(numbers.trajectory(access.project.folder, _facts(request, access, item)))


@router.get("/curves", operation_id="item_curves")
def curves(request: Request, access: Viewing, item: int) -> FitCurves:
    """The radial average of the spectrum, the fit and its quality."""
    return FitCurves.model_validate(numbers.curves(access.project.folder, _facts(request, access, item)))
