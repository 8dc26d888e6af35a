"""The jobs of a project: the graph, one job, its plots, its log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from vitreous.project import job_pages
from vitreous.project.job_log import job_log, task_log
from vitreous.store import library
from vitreous.web.guard import Viewing

router = APIRouter(tags=["jobs"], prefix="/api/projects/{project}/jobs")


class JobLine(BaseModel):
    """A job of the graph: its state in a word, tasks by state, items that leave by each output, slots behind it."""

    model_config = ConfigDict(extra="ignore")
    id: int
    type: str
    type_title: str
    category: str
    scope: str
    title: str
    note: str
    state: str
    broken: str | None
    revision: int
    inputs: list[str]
    waits: list[str]
    priority: int
    serial: bool
    batch: int
    continues: int | None
    counts: dict[str, int]
    files: dict[str, int]
    given: dict[str, int]
    total: int
    bad: int
    needs: list[str]
    gives: list[str]
    outputs: list[str]
    slots: list[str]
    last_item: int | None


class Jobs(BaseModel):
    """All jobs in the order of the graph, and whether an engine runs them."""

    engine: bool
    jobs: list[JobLine]


class Origin(BaseModel):
    """A parameter's value, and where it comes from (job, project, default …)."""

    name: str
    value: Any
    origin: str


class JobRevision(BaseModel):
    """One version of a job's parameters; ``time`` in s since 1970."""

    revision: int
    params: dict[str, Any]
    author: str
    time: float
    reason: str


class Edge(BaseModel):
    """Where a job's items come from, and how many have come that way."""

    job: int
    output: str
    title: str
    count: int | None


class GivenColumn(BaseModel):
    """A column of the table that the job gives."""

    name: str
    slot: str
    kind: str
    unit: str | None
    meaning: str
    there: bool


class Warned(BaseModel):
    """A warning of the newest results, and how many have it."""

    text: str
    count: int


class Timing(BaseModel):
    """Pace of a job; times in s, ``running_since`` and ``finished`` in s since 1970."""

    done_last_hour: int
    seconds: float | None
    seconds_slow: float | None
    left: int
    seconds_left: float | None
    running_since: float | None
    finished: float | None


class JobPage(JobLine):
    """All that is known of one job; ``behind`` counts results of it and of all that depends on it."""

    params: dict[str, Any]
    output: str
    why: str
    parameters: list[Origin]
    revisions: list[JobRevision]
    sources: list[Edge]
    targets: list[int]
    columns: list[GivenColumn]
    methods: str
    citations: list[str]
    summary: str
    command: str
    versions: list[str]
    seeds: dict[str, Any]
    workers: list[str]
    folder: str | None
    warnings: list[Warned]
    timing: Timing
    behind: int


class Plot(BaseModel):
    """A column that can be drawn as a histogram."""

    column: str
    unit: str | None
    meaning: str


class LogEntry(BaseModel):
    """A line of a job's log; ``name`` is that of the item."""

    seq: int
    time: float
    kind: str
    item: int | None
    name: str | None
    message: str
    data: dict[str, Any] | None


class TaskLog(BaseModel):
    """The end of what a task wrote, and where the whole lies; nothing where it wrote nothing."""

    path: str | None
    text: str
    error: dict[str, Any] | None


class Change(BaseModel):
    """A parameter in two versions."""

    name: str
    before: Any
    after: Any


class RevisionDiff(BaseModel):
    """What two revisions differ in; of a filter also which items entered and left."""

    before: int
    after: int
    changes: list[Change]
    entered: list[str] | None
    left: list[str] | None


@router.get("", operation_id="list_jobs", response_model=Jobs)
def list_jobs(access: Viewing) -> Response:
    """All jobs in the order of the graph; the text of a thousand is kept until the data change."""
    with access.project.reading() as session:
        found = job_pages.job_lines(session)
        key = ("jobs as text", id(found["jobs"]))
        _, text = library.cached(session.db, key, lambda: (found["jobs"], Jobs.model_validate(found).model_dump_json()))
    return Response(text, media_type="application/json")


@router.get("/{job}", operation_id="get_job")
def get_job(access: Viewing, job: str) -> JobPage:
    """One job: parameters with their origin, revisions, edges, methods, pace, warnings, and why it waits."""
    with access.project.reading() as session:
        return JobPage.model_validate(job_pages.job_page(session, job))


@router.get("/{job}/plots", operation_id="job_plots")
def job_plots(access: Viewing, job: str) -> list[Plot]:
    """The columns of numbers that the job has given."""
    with access.project.reading() as session:
        columns = job_pages.job_columns(session, job)
    return [
        Plot(column=column["name"], unit=column["unit"], meaning=column["meaning"])
        for column in columns
        if column["there"] and column["kind"] in ("real", "integer")
    ]


@router.get("/{job}/log", operation_id="job_log")
def get_job_log(
    access: Viewing,
    job: str,
    after: Annotated[int, Query(ge=0, le=2**62, description="number of the last line that is known")] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> list[LogEntry]:
    """The newest lines of the job's log, oldest first."""
    with access.project.reading() as session:
        return [LogEntry.model_validate(line) for line in job_log(session, job, after, limit)]


@router.get("/{job}/tasks/{item}/log", operation_id="task_log")
def get_task_log(access: Viewing, job: str, item: int) -> TaskLog:
    """The end of what one task wrote, and its last error."""
    with access.project.reading() as session:
        return TaskLog.model_validate(task_log(session, job, item))


@router.get("/{job}/revisions/diff", operation_id="diff_revisions")
def diff(
    access: Viewing,
    job: str,
    before: Annotated[int, Query(ge=1, le=2**31)],
    after: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> RevisionDiff:
    """What two revisions of a job's parameters differ in (``after``: the newest)."""
    with access.project.asking() as session:
        return RevisionDiff.model_validate(job_pages.revision_diff(session, job, before, after))
