"""What items are sorted by: groups, flags, tags, and the named filters with their versions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from vitreous.project import filters
from vitreous.project.filters import FilterLine
from vitreous.project.item_table import marks
from vitreous.store.jobs import revisions
from vitreous.web.guard import Viewing

router = APIRouter(prefix="/api/projects/{project}", tags=["groups"])

MOST_NAMES = 500


class GroupLine(BaseModel):
    """A group; ``fixed`` ones (Imported, TRASH) can't be renamed or removed."""

    name: str
    count: int
    fixed: bool


class Marks(BaseModel):
    """Groups in order, TRASH last; flags and tags with the number of their items outside TRASH."""

    groups: list[GroupLine]
    flags: dict[str, int]
    tags: dict[str, int]


class FilterVersion(BaseModel):
    """A version of a filter; ``time`` in s since 1970."""

    revision: int
    author: str
    time: float
    reason: str
    expression: str
    unknown: str
    kept: int
    refused: int


class FilterChange(BaseModel):
    """What entered and left between two versions: numbers, and the first names."""

    entered: int
    left: int
    entered_names: list[str]
    left_names: list[str]


@router.get("/groups", operation_id="groups")
def groups(access: Viewing) -> Marks:
    """Groups, flags and tags with counts."""
    with access.project.asking() as session:
        return Marks(**marks(session))


@router.get("/filters", operation_id="filters")
def named_filters(access: Viewing) -> list[FilterLine]:
    """The filters of the project, and how many items each has passed."""
    with access.project.reading() as session:
        return filters.filter_lines(session)


@router.get("/filters/{job}/versions", operation_id="filter_versions")
def versions(access: Viewing, job: int) -> list[FilterVersion]:
    """The versions of a filter, the newest first."""
    with access.project.reading() as session:
        filters.Rule.of(session, job)
        return [
            FilterVersion(
                revision=entry.revision,
                author=entry.author,
                time=entry.time,
                reason=entry.reason,
                expression=str(entry.params.get("expression", "")),
                unknown=str(entry.params.get("unknown", "reject")),
                kept=len(entry.params.get("keep") or ()),
                refused=len(entry.params.get("reject") or ()),
            )
            for entry in reversed(revisions(session.db, job))
        ]


@router.get("/filters/{job}/diff", operation_id="filter_diff")
def diff(
    access: Viewing,
    job: int,
    before: int,
    after: Annotated[int | None, Query(description="the newest version unless given")] = None,
) -> FilterChange:
    """Which items a change of a filter let in, and which it left out."""
    with access.project.asking() as session:
        filters.Rule.of(session, job)
        found = filters.diff_revisions(session, job, before, after)
    return FilterChange(
        entered=len(found.entered),
        left=len(found.left),
        entered_names=list(found.entered[:MOST_NAMES]),
        left_names=list(found.left[:MOST_NAMES]),
    )
