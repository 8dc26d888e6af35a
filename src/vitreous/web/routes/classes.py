"""Class averages: the gallery of a classification, its curves, its particles, and the images on which they lie."""

from __future__ import annotations

import zlib
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from vitreous.core.errors import UsageError
from vitreous.project.classes import gallery as galleries
from vitreous.project.classes import particles as rows
from vitreous.project.classes.averages import average_png, montage_png
from vitreous.project.classes.place import ClassesAt, Source, class_job, needed_classes, newest_result
from vitreous.web.guard import Access, Viewing
from vitreous.web.picture_answers import PictureRoute, answered, is_guest, only_looks, picture

router = APIRouter(prefix="/api/projects/{project}", tags=["classes"], route_class=PictureRoute)

Numbers = list[float | None]
Version = Annotated[str | None, Query(max_length=80, description="stamp: such a picture may be kept for ever")]
From = Annotated[Source, Query(description="a run under way where there is one, else the result; or one of them")]
Offset = Annotated[int, Query(ge=0, le=10**9)]


def _numbers(
    classes: Annotated[
        str, Query(pattern=r"^[0-9,]*$", max_length=6000, description="numbers of classes, separated by commas")
    ] = "",
) -> tuple[int, ...]:
    texts = [text for text in classes.split(",") if text]
    if any(len(text) > 6 for text in texts):
        raise UsageError("a class has no number of so many digits", hint="Give numbers such as classes=1,4")
    return tuple(sorted({int(text) for text in texts}))


Chosen = Annotated[tuple[int, ...], Depends(_numbers)]


class ClassAverage(BaseModel):
    """One class: resolution in Å, quality and population 0..1, rank from 1 (the best)."""

    number: int
    particles: int
    population: float
    resolution: float | None
    quality: float | None
    rank: int
    suggested: bool


class ClassRun(BaseModel):
    """How far the classification is: sizes in Å and px; ``made`` in s since 1970; ``stamp`` changes with the files;
    ``stale``: the result is of other parameters or fewer particles; ``particles``: their table is there."""

    running: bool
    stale: bool
    iteration: int
    iterations: int
    finished: bool
    n_particles: int
    n_used: int
    pixel_size: float
    box: int
    mask_diameter: float | None
    resolution_limit: float | None
    seed: int
    lineage: str
    seconds: float | None
    made: float
    stamp: str
    particles: bool


class SelectionRevision(BaseModel):
    """Who chose which classes when (s since 1970) and why."""

    revision: int
    author: str
    time: float
    reason: str
    automatic: bool
    threshold: float
    classes: list[int] | None


class ClassSelection(BaseModel):
    """A selection: a job that keeps the particles of some classes, with all its versions, newest first; ``other_run``:
    its numbers speak of the classes of another run."""

    job: int
    title: str
    state: str
    automatic: bool
    threshold: float
    classes: list[int] | None
    other_run: bool
    particles: int | None
    revisions: list[SelectionRevision]


class ClassGallery(BaseModel):
    """The classes of a job; ``asked`` is the job of the address, which may be a selection; ``why`` says what it waits
    for where there are no classes yet, ``late`` which images the newest result does not have."""

    job: int
    asked: int
    title: str
    state: str
    selections: list[ClassSelection]
    why: str | None
    late: str | None
    has_result: bool
    classes: list[ClassAverage]
    run: ClassRun | None


class ClassHistory(BaseModel):
    """Columns over iterations; populations and resolutions (Å) of each class in order of their numbers."""

    iteration: list[int]
    particles: list[int | None]
    resolution_limit: Numbers
    changed: Numbers
    seconds: Numbers
    populations: list[Numbers]
    resolutions: list[Numbers]


class ClassCurves(BaseModel):
    """Correlation of half averages over frequency (1/Å), by number of the class; and how the run went."""

    frequency: list[float]
    frc: dict[str, Numbers]
    history: ClassHistory


class ClassCard(BaseModel):
    """A classification at a glance: its best averages, and their best resolution in Å."""

    job: int
    title: str
    state: str
    n_classes: int | None
    resolution: float | None
    best: list[ClassAverage]
    run: ClassRun | None
    selections: int


class ClassParticle(BaseModel):
    """A particle: where it lies in px of the micrograph, its class, the probability of its pose."""

    uid: int | None
    micrograph: str | None
    item: int | None
    coordinate_x: float | None
    coordinate_y: float | None
    class_number: int | None
    max_probability: float | None


class ClassParticles(BaseModel):
    """Some particles of ``total``."""

    total: int
    rows: list[ClassParticle]


class ClassImage(BaseModel):
    """An image: particles in any class, and in the chosen ones."""

    micrograph: str
    item: int | None
    classified: int
    chosen: int


class ClassImages(BaseModel):
    """Some images of ``total``."""

    total: int
    rows: list[ClassImage]


class ClassYield(BaseModel):
    """Particles picked, extracted, classified and chosen: totals, and how many images gave how many (``counts`` between
    ``edges``); ``fraction``: images by the chosen part of their particles, 20 parts of 0..1."""

    images: int
    totals: dict[str, int | None]
    edges: list[float]
    counts: dict[str, list[int] | None]
    fraction: list[int]


@router.get("/classes", operation_id="class_cards")
def cards(
    access: Viewing,
    job: Annotated[int | None, Query(ge=1, description="only the one that this job is, or selects from")] = None,
) -> list[ClassCard]:
    """The 2D classifications of the project, newest first."""
    with access.project.reading() as session:
        return [ClassCard.model_validate(card) for card in galleries.class_cards(session, job)]


@router.get("/jobs/{job}/classes", operation_id="class_gallery")
def gallery(access: Viewing, job: str, source: From = "newest") -> ClassGallery:
    """The classes of a 2D classification, or of that from which a job selects."""
    with access.project.reading() as session:
        return ClassGallery.model_validate(galleries.gallery(session, job, source))


@router.get("/jobs/{job}/classes/curves", operation_id="class_curves")
def curves(access: Viewing, job: str, source: From = "newest") -> ClassCurves:
    """Correlation of half averages of each class, and how the run went."""
    with access.project.reading() as session:
        found = needed_classes(session, class_job(session, job)[1], source)
    return ClassCurves.model_validate(galleries.curves(found))


@router.get("/jobs/{job}/classes/particles", operation_id="class_particles")
def particles(
    access: Viewing,
    job: str,
    classes: Chosen,
    order: rows.Order = "probability",
    limit: Annotated[int, Query(ge=1, le=1000)] = 24,
    offset: Offset = 0,
) -> ClassParticles:
    """A page of the particles of some classes of the newest result."""
    with access.project.asking() as session:
        found = newest_result(session, class_job(session, job)[1])
        return ClassParticles.model_validate(rows.class_particles(session, found, classes, order, limit, offset))


@router.get("/jobs/{job}/classes/particles.png", operation_id="class_particle_pictures", response_class=Response)
def particle_pictures(
    request: Request,
    access: Viewing,
    job: str,
    classes: Chosen,
    order: rows.Order = "probability",
    limit: Annotated[int, Query(ge=1, le=120)] = 24,
    offset: Offset = 0,
    columns: Annotated[int, Query(ge=1, le=40)] = 6,
    cell: Annotated[int, Query(ge=32, le=256, description="px of a side of each")] = 96,
    resolution: Annotated[float, Query(ge=0, le=100, description="Å to which they are smoothed; 0: not")] = 15.0,
    aligned: Annotated[bool, Query(description="turned and moved onto the average")] = False,
    v: Version = None,
) -> Response:
    """Images of such a page side by side as PNG, row by row."""
    guest = _guest(request, access)
    with access.project.asking() as session:
        found = newest_result(session, class_job(session, job)[1])
        tag = f"{found.stamp}-{zlib.crc32(request.url.query.encode()):x}-{int(guest)}"
        given = v if v == found.stamp else None
        there = answered(request, tag, given)
        if there is not None:
            return there
        images = rows.particle_images(session, found, classes, order, limit, offset)
    content = montage_png(images, columns, cell, resolution, aligned=aligned, blur=guest)
    return picture(content, "image/png", tag, given)


@router.get("/jobs/{job}/classes/images", operation_id="class_images")
def images(
    access: Viewing,
    job: str,
    classes: Chosen,
    fewest: Annotated[bool, Query(description="those with the fewest first")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Offset = 0,
) -> ClassImages:
    """Images by the number of their particles in some classes."""
    with access.project.asking() as session:
        found = newest_result(session, class_job(session, job)[1])
        page = rows.class_images(session, found, classes, fewest=fewest, limit=limit, offset=offset)
        return ClassImages.model_validate(page)


@router.get("/jobs/{job}/classes/yield", operation_id="class_yield")
def class_yield(access: Viewing, job: str, classes: Chosen) -> ClassYield:
    """What each image gave: particles picked, extracted, classified, chosen."""
    with access.project.asking() as session:
        found = newest_result(session, class_job(session, job)[1])
        return ClassYield.model_validate(rows.class_yield(session, found, classes))


@router.get("/jobs/{job}/classes/{number}.png", operation_id="class_average", response_class=Response)
def average(
    request: Request,
    access: Viewing,
    job: str,
    number: int,
    size: Annotated[int, Query(ge=32, le=1024, description="px of a side")] = 160,
    source: From = "newest",
    v: Version = None,
) -> Response:
    """The average of a class as PNG, row 0 at the bottom."""
    guest = _guest(request, access)
    with access.project.reading() as session:
        found: ClassesAt = needed_classes(session, class_job(session, job)[1], source)
    tag = f"{found.stamp}-{number}-{size}-{int(guest)}"
    given = v if v == found.stamp else None
    there = answered(request, tag, given)
    if there is not None:
        return there
    return picture(average_png(found, number, size, blur=guest), "image/png", tag, given)


def _guest(request: Request, access: Access) -> bool:
    only_looks(request, access.caller, access.project.key)
    return is_guest(request, access.caller, access.project.key)
