"""Finding jobs, images and settings of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vitreous.project.search import Found
from vitreous.project.search import search as find
from vitreous.web.guard import Viewing

router = APIRouter(prefix="/api/projects/{project}", tags=["search"])


@router.get("/search", operation_id="search")
def search(
    access: Viewing,
    q: Annotated[str, Query(max_length=200, description="a part of a name, J3, or #12")],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> Found:
    """What fits in a project: jobs, images, settings."""
    with access.project.reading() as session:
        return find(session, q, limit)
