"""The log of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vitreous.project.log_pages import LogPage, log_page
from vitreous.web.guard import Viewing
from vitreous.web.routes.tasks import Item, JobNumber, item_of

router = APIRouter(prefix="/api/projects/{project}", tags=["queue"])

Line = Annotated[int | None, Query(ge=0, le=2**53, description="number of a line")]


@router.get("/log", operation_id="log")
def log(
    access: Viewing,
    job: JobNumber = None,
    item: Item = None,
    kind: Annotated[str | None, Query(description="such as done, failed, settings")] = None,
    text: Annotated[str | None, Query(max_length=200, description="in the message or the item's name")] = None,
    after: Line = None,
    before: Line = None,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
) -> LogPage:
    """The newest lines, newest first."""
    with access.project.reading() as session:
        number = item_of(session, item)
        return log_page(session, job=job, item=number, kind=kind, text=text, after=after, before=before, limit=limit)
