"""The queue: tasks, what runs and comes next, what failed and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vitreous.project import queue as queues
from vitreous.project.queue import Queue
from vitreous.project.session import Session
from vitreous.project.task_pages import TaskDetail, TaskPage, task_detail, task_page
from vitreous.project.views import item_number
from vitreous.project.why import explain
from vitreous.web.guard import Viewing

router = APIRouter(prefix="/api/projects/{project}", tags=["queue"])

Limit = Annotated[int, Query(ge=0, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Item = Annotated[str | None, Query(description="name of an item, or its number as #12")]
JobNumber = Annotated[int | None, Query(ge=0, le=2**53, description="number of a job")]


def item_of(session: Session, item: str | None) -> int | None:
    """The number of an item that a request names."""
    return None if item is None else item_number(session, item)


@router.get("/tasks", operation_id="tasks")
def tasks(
    access: Viewing,
    job: JobNumber = None,
    item: Item = None,
    state: Annotated[str | None, Query(description="states, separated by commas")] = None,
    text: Annotated[str | None, Query(max_length=200, description="in the item's name or the reason")] = None,
    order: Annotated[str, Query(description="such as finished, or -seconds for the largest first")] = "-finished",
    limit: Limit = 100,
    offset: Offset = 0,
) -> TaskPage:
    """Some tasks, sorted."""
    states = [word.strip() for word in (state or "").split(",") if word.strip()]
    with access.project.asking() as session:
        return task_page(
            session,
            job=job,
            item=item_of(session, item),
            states=states,
            text=text,
            order=order,
            limit=limit,
            offset=offset,
        )


@router.get("/tasks/{job}/{item}", operation_id="task")
def task(access: Viewing, job: int, item: int) -> TaskDetail:
    """All that is known of one task: reason, hint, log, times, files, why it stands as it does."""
    with access.project.reading() as session:
        return task_detail(session, min(job, 2**53), min(item, 2**53))


@router.get("/queue", operation_id="queue")
def queue(access: Viewing, limit: Annotated[int, Query(ge=0, le=500)] = 60) -> Queue:
    """Workers with what they do, the next tasks in their order, what waits for what, failures by reason."""
    with access.project.reading() as session:
        return queues.queue(session, limit)


@router.get("/why", operation_id="why")
def why(
    access: Viewing, name: Annotated[str | None, Query(description="a job, an item, or nothing: the project")] = None
) -> str:
    """In a sentence, what a job or an item waits for, and what to do."""
    with access.project.reading() as session:
        return explain(session, name)
