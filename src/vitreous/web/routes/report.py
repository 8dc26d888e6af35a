"""What the jobs have given, its files, and reports of the whole session."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from vitreous.project import item_table
from vitreous.project.item_table import Which
from vitreous.project.job_results import JobResult, Yield, filter_yield, job_results, result_file, result_paths
from vitreous.project.session_report.making import Making, Reports
from vitreous.web.guard import Access, Viewing
from vitreous.web.picture_answers import is_guest
from vitreous.web.refused import Refused

router = APIRouter(prefix="/api/projects/{project}", tags=["results"])

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""What a browser may do with a report that it shows."""
FOR_GUESTS = frozenset({".json", ".star", ".csv", ".txt", ".log", ".md", ".yaml", ".yml", ".toml"})
"""Endings of result files without images; guests get others in no way, as images are blurred for them."""


class ReportAsked(BaseModel):
    """Which report is wanted."""

    format: Literal["html", "pdf"] = "html"


class ReportState(BaseModel):
    """How far a report is: ``running``, ``done`` or ``failed``; ``fraction`` of 1; ``bytes`` once it is done."""

    id: str
    format: Literal["html", "pdf"]
    state: Literal["running", "done", "failed"]
    fraction: float
    what: str
    message: str | None
    hint: str | None
    bytes: int | None


@router.get("/results", operation_id="results")
def results(
    access: Viewing,
    job: Annotated[int | None, Query(description="of one job only")] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 2000,
) -> list[JobResult]:
    """What each job has given, in the order of the graph."""
    with access.project.reading() as session:
        return job_results(session, None if job is None else [job])[offset : offset + limit]


@router.get("/results/yield/{job}", operation_id="filter_yield")
def yields(access: Viewing, job: int) -> Yield:
    """How many images a filter keeps as time goes on."""
    with access.project.asking() as session:
        return filter_yield(session, job)


@router.get("/results/file", operation_id="result_file", response_class=FileResponse)
def file(
    request: Request, access: Viewing, path: Annotated[str, Query(max_length=1000, description="below jobs/")]
) -> FileResponse:
    """One file of the project's results; no images for those who see images blurred."""
    found = result_file(access.project.folder, path)
    if _guest(request, access) and found.suffix.lower() not in FOR_GUESTS:
        raise Refused(
            "image files are not given to guests, who see images blurred",
            hint="Ask an owner of the project for more rights",
        )
    return FileResponse(found, filename=found.name, headers={"X-Content-Type-Options": "nosniff"})


@router.get("/results/paths", operation_id="result_paths", response_class=PlainTextResponse)
def paths(
    access: Viewing,
    slot: Annotated[str, Query(max_length=100, description="such as micrograph")],
    name: Annotated[str, Query(max_length=100, description="of the slot's further files")] = "",
    where: Annotated[str | None, Query(max_length=2000)] = None,
    filter: Annotated[int | None, Query(description="number of a filter job")] = None,
    absolute: bool = False,
) -> PlainTextResponse:
    """The result files of the chosen items, a line each."""
    with access.project.asking() as session:
        found = list(result_paths(session, slot, name, Which(where=where, filter=filter)))
    start = f"{access.project.folder}/" if absolute else ""
    text = "".join(f"{start}{line}\n" for line in found)
    headers = {"Content-Disposition": f'attachment; filename="{access.project.key}-{slot}.txt"'}
    return PlainTextResponse(text, headers=headers)


@router.get("/results/table.parquet", operation_id="items_parquet", response_class=StreamingResponse)
def parquet(
    access: Viewing,
    columns: Annotated[str, Query(max_length=10_000, description="names, separated by commas")],
    where: Annotated[str | None, Query(max_length=2000)] = None,
    filter: Annotated[int | None, Query(description="number of a filter job")] = None,
) -> StreamingResponse:
    """Columns of the chosen items as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [name.strip() for name in columns.split(",") if name.strip()]
    with access.project.asking() as session:
        ids = item_table.ids_between(session, Which(where=where, filter=filter), [("id", "asc")], 0, 2**40)
        rows = [row for part in item_table.chunks(ids) for row in item_table.rows_by_id(session, part, names)]
    values = {name: [row[place] for row in rows] for place, name in enumerate(names, start=1)}
    buffer = io.BytesIO()
    pq.write_table(pa.table(values), buffer, compression="zstd")
    buffer.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{access.project.key}-items.parquet"'}
    return StreamingResponse(_blocks(buffer), media_type="application/vnd.apache.parquet", headers=headers)


def _blocks(buffer: io.BytesIO) -> Iterator[bytes]:
    while block := buffer.read(1 << 18):
        yield block


@router.get("/methods", operation_id="methods")
def methods(access: Viewing) -> str:
    """The methods paragraph of the session, with its citations."""
    from vitreous.project.session_report.methods import methods_of

    with access.project.reading() as session:
        return methods_of(session).text


def _reports(request: Request) -> Reports:
    state = request.app.state
    if not hasattr(state, "reports"):
        state.reports = Reports()
    found: Reports = state.reports
    return found


def _guest(request: Request, access: Access) -> bool:
    return is_guest(request, access.caller, access.project.key)


def _state(making: Making) -> ReportState:
    return ReportState(
        id=making.id,
        format=making.format,
        state=making.state,
        fraction=making.fraction,
        what=making.what,
        message=making.message,
        hint=making.hint,
        bytes=making.path.stat().st_size if making.state == "done" else None,
    )


@router.post("/report", operation_id="make_report")
def make_report(request: Request, access: Viewing, asked: ReportAsked) -> ReportState:
    """Begin to make a report of the session; one that is being made already is given again."""
    project = access.project
    return _state(_reports(request).make(project.key, project.folder, asked.format, _guest(request, access)))


@router.get("/report/{number}", operation_id="report_state")
def report_state(request: Request, access: Viewing, number: str) -> ReportState:
    """How far a report is."""
    return _state(_reports(request).get(access.project.key, number, _guest(request, access)))


@router.get("/report/{number}/file", operation_id="report_file", response_class=FileResponse)
def report_file(request: Request, access: Viewing, number: str, show: bool = False) -> FileResponse:
    """A finished report, to keep or (``show``) to look at in the browser."""
    making = _reports(request).done(access.project.key, number, _guest(request, access))
    name = f"{access.project.key}-report.{making.format}"
    media = "application/pdf" if making.format == "pdf" else "text/html; charset=utf-8"
    kind = "inline" if show else "attachment"
    headers = {"Content-Security-Policy": POLICY} if making.format == "html" else {}
    return FileResponse(making.path, media_type=media, filename=name, content_disposition_type=kind, headers=headers)
