"""Trying the parameters of a form on one image; nothing is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError
from vitreous.project.tryout import Tried, Tryout, prepare
from vitreous.web.guard import Operating

KEPT_PICTURES = 8
"""Pictures of tries that are kept for the pages that ask for them."""


class Tries:
    """The process that tries, and the pictures of the last tries."""

    def __init__(self) -> None:
        self.tryout = Tryout()
        self._pictures: OrderedDict[tuple[str, int, str], bytes] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def keep(self, project: str, tried: Tried) -> int:
        """Keep the pictures of a try; returns its number."""
        with self._lock:
            self._count += 1
            for name, content in tried.pictures.items():
                self._pictures[project, self._count, name] = content
            while len(self._pictures) > KEPT_PICTURES:
                self._pictures.popitem(last=False)
            return self._count

    def picture(self, project: str, number: int, name: str) -> bytes | None:
        """A picture of a try, while it is kept."""
        with self._lock:
            return self._pictures.get((project, number, name))


def tries_of(request: Request) -> Tries:
    """Those of this server."""
    known: dict[str, Any] = request.app.state._state
    found: Tries = known.setdefault("tries", Tries())
    return found


@contextlib.asynccontextmanager
async def ended(app: Any) -> AsyncIterator[None]:
    """End the process with the server."""
    yield
    tries = app.state._state.get("tries")
    if tries is not None:
        await asyncio.to_thread(tries.tryout.close)


router = APIRouter(prefix="/api/projects/{project}", tags=["try"], lifespan=ended)


class TryAsked(BaseModel):
    """A form as it stands, and the image; ``inputs`` and ``job`` as in a check of the form."""

    model_config = ConfigDict(extra="forbid")
    item: int
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: list[str] | None = None
    job: int | None = None


class TriedPicks(BaseModel):
    """Candidates, centres in px of the micrograph; ``kept`` by the thresholds of the form."""

    coordinates: list[tuple[float, float]]
    score: list[float | None]
    power: list[float | None]
    kept: list[bool]


class TryAnswer(BaseModel):
    """What the job would give for the image; ``pictures`` are at ``tries/{number}/{name}.png``.

    ``settings`` are the values that it was done with, inherited ones too.
    """

    number: int
    seconds: float
    values: dict[str, Any]
    picks: TriedPicks | None
    pictures: list[str]
    warnings: list[str]
    settings: dict[str, Any]


@router.post("/job-types/{name}/try", operation_id="try_job")
def try_job(request: Request, access: Operating, name: str, asked: TryAsked) -> TryAnswer:
    """Do a job on one image with the values of a form; a newer try takes the place of one that is not done yet."""
    with access.project.reading() as session:
        given = prepare(session, name, asked.item, asked.params, asked.inputs, asked.job)
    tries = tries_of(request)
    tried = tries.tryout.run(given, f"{access.caller.name} {access.project.key}")
    return TryAnswer(
        number=tries.keep(access.project.key, tried),
        seconds=tried.seconds,
        values=tried.values,
        picks=None if tried.picks is None else TriedPicks.model_validate(tried.picks),
        pictures=sorted(tried.pictures),
        warnings=tried.warnings,
        settings=tried.settings,
    )


@router.get("/tries/{number}/{name}.png", operation_id="try_picture", response_class=Response)
def try_picture(
    request: Request, access: Operating, number: int, name: Annotated[str, Path(pattern=r"^\w{1,40}$")]
) -> Response:
    """A picture that a try has drawn; only the newest are kept."""
    content = tries_of(request).picture(access.project.key, number, name)
    if content is None:
        raise UsageError("this picture is not kept any more", hint="Try again", missing=True)
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
