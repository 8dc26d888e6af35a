"""The session as it goes on: its pulse, its columns against time, and against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from vitreous.core.errors import UsageError
from vitreous.project import scatter as scatters
from vitreous.project.pulse import pulse, usual_columns
from vitreous.project.series import Wanted, series
from vitreous.project.session import Session
from vitreous.store.library import cached
from vitreous.web.guard import Viewing
from vitreous.web.routes.alarms import ColumnLimits

router = APIRouter(prefix="/api/projects/{project}", tags=["session"])

COLUMNS_TOLD = "names of columns of numbers, separated by commas; those of the pulse unless given"
Condition = Annotated[str | None, Query(max_length=4000, description="such as fit_resolution < 5 and iciness < 1.6")]


def _wanted(
    seconds: Annotated[
        float | None, Query(gt=0, le=1e9, description="so long before the end; all unless given")
    ] = None,
    since: Annotated[float | None, Query(ge=-1e12, le=1e12, alias="from", description="s since 1970")] = None,
    until: Annotated[float | None, Query(ge=-1e12, le=1e12, alias="to", description="s since 1970")] = None,
) -> Wanted:
    return Wanted(seconds, since, until)


Stretch = Annotated[Wanted, Depends(_wanted)]
Numbers = list[float | None]
State = Literal["ok", "mild", "severe", "unknown"]


class PulseFigure(BaseModel):
    """A figure of the strip (see ``vitreous.project.pulse_words.Figure``)."""

    name: str
    label: str
    value: float | None
    unit: str | None
    state: State
    words: str
    spark: Numbers
    typical: float | None
    whole: float | None
    free: float | None
    written: float | None


class Pulse(BaseModel):
    """The session in a few figures and one sentence."""

    time: float
    state: State
    headline: str
    why: str
    images: int
    awaited: bool
    newest: float | None
    figures: list[PulseFigure]


class SeriesColumn(BaseModel):
    """One column against time; ``least`` and ``greatest`` are there where points stand for several images."""

    median: Numbers
    least: Numbers | None = None
    greatest: Numbers | None = None
    unit: str | None
    meaning: str
    known: int
    typical: float | None
    last: float | None
    last_time: float | None
    job: str | None
    limits: ColumnLimits | None
    low: float | None
    high: float | None
    under: int
    over: int


class Curve(BaseModel):
    """Numbers against time; ``width`` s each."""

    times: list[float]
    values: Numbers
    width: float | None


class Series(BaseModel):
    """Columns on one time axis (s since 1970)."""

    start: float | None = Field(alias="from")
    end: float | None = Field(alias="to")
    first: float | None
    last: float | None
    images: int
    reduced: bool
    width: float | None
    times: list[float]
    ids: list[int]
    names: list[str]
    columns: dict[str, SeriesColumn]
    rate: Curve
    queue: Curve
    free_space: Curve
    overview: Curve


class ScatterColour(BaseModel):
    """What colours the points: numbers between ``low`` and ``high``, or places in ``labels`` (-1 is unknown)."""

    kind: Literal["number", "text"]
    values: Numbers
    low: float | None = None
    high: float | None = None
    labels: list[str] = []
    counts: list[int] = []
    unit: str | None


class Scatter(BaseModel):
    """Points of two columns; of more than the limit, some are drawn by lot (``total`` says of how many)."""

    x: Numbers
    y: Numbers
    x_unit: str | None
    y_unit: str | None
    ids: list[int]
    total: int
    unknown: int
    colour: ScatterColour | None


class StretchChosen(BaseModel):
    """Images of a stretch of time that meet a condition, and the condition that chooses just them."""

    count: int
    expression: str | None


class ImagesWithin(BaseModel):
    """Numbers of images."""

    ids: list[int]


@router.get("/pulse", operation_id="pulse")
def pulse_route(access: Viewing, wanted: Stretch) -> Pulse:
    """How the session is: age of the last image, pace, figures with their states, one sentence."""
    with access.project.asking() as session:
        return Pulse.model_validate(pulse(session, wanted))


@router.get("/series", operation_id="series", response_model=Series)
def series_route(
    access: Viewing,
    wanted: Stretch,
    columns: Annotated[str | None, Query(max_length=800, description=COLUMNS_TOLD)] = None,
    points: Annotated[int, Query(ge=2, le=5000)] = 1500,
    where: Condition = None,
) -> Response:
    """Columns against time, made few where there are many: least, greatest and median of each stretch."""
    asked = None if columns is None else dict.fromkeys(name.strip() for name in columns.split(",") if name.strip())
    with access.project.asking() as session:
        names = usual_columns(session) if asked is None else tuple(asked)
        return _kept(session, ("series", names, points, where), lambda: series(session, names, wanted, points, where))


@router.get("/scatter", operation_id="scatter", response_model=Scatter)
def scatter_route(
    access: Viewing,
    wanted: Stretch,
    x: Annotated[str, Query(max_length=80)],
    y: Annotated[str, Query(max_length=80)],
    colour: Annotated[str | None, Query(max_length=80, description="a column, or time")] = None,
    where: Condition = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 20_000,
) -> Response:
    """Two columns against each other, with the number of each image."""
    with access.project.asking() as session:
        make: Callable[[], dict[str, Any]] = lambda: scatters.scatter(session, x, y, colour, wanted, where, limit)  # noqa: E731
        return _kept(session, ("scatter", x, y, colour, where, limit), make)


@router.get("/scatter/within", operation_id="scatter_within")
def within_route(
    access: Viewing,
    wanted: Stretch,
    x: Annotated[str, Query(max_length=80)],
    y: Annotated[str, Query(max_length=80)],
    outline: Annotated[str, Query(max_length=6000, description="x,y;x,y;… in the units of the columns")],
    where: Condition = None,
) -> ImagesWithin:
    """The images whose point lies within an outline; of all, not only of those that are drawn."""
    with access.project.asking() as session:
        return ImagesWithin(ids=scatters.within(session, x, y, _outline(outline), wanted, where))


@router.get("/chosen", operation_id="chosen")
def chosen_route(access: Viewing, wanted: Stretch, where: Condition = None) -> StretchChosen:
    """How many images lie in a stretch of time and meet a condition, and the condition for both."""
    with access.project.asking() as session:
        return StretchChosen.model_validate(scatters.choose(session, wanted, where))


def _outline(text: str) -> list[tuple[float, float]]:
    try:
        found = [(float(x), float(y)) for x, y in (point.split(",") for point in text.split(";"))]
    except ValueError:
        raise UsageError("the outline can't be read", hint="Give x,y;x,y;…") from None
    return found


def _kept(session: Session, key: tuple[Any, ...], make: Callable[[], dict[str, Any]]) -> Response:
    """An answer of many numbers as JSON text, which is kept with the answer it was made of."""
    answer = make()
    texts: dict[tuple[Any, ...], tuple[Any, bytes]] = cached(session.db, "answers", dict)
    known = texts.get(key)
    if known is None or known[0] is not answer:
        while len(texts) >= 8:
            texts.pop(next(iter(texts)))
        text = json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
        known = texts[key] = (answer, text)
    return Response(known[1], media_type="application/json")
