"""What the commands on projects share: finding the project, printing answers, words for times and sizes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.terminal import console
from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json

if TYPE_CHECKING:
    import inspect

    from vitreous.project.project import Project
    from vitreous.project.session import Session
    from vitreous.workflow.job_type import JobType

CATALOGUE = "project.db"

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        metavar="DIR",
        help="folder of the project [default: the current folder, or the nearest one above it that is a project]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="number (J3), title or job type")]
JobsArgument = Annotated[list[str], typer.Argument(metavar="JOB...", help="numbers (J3), titles or job types")]
WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME=VALUE]...", help="parameters; vitreous show TYPE lists them", show_default=False),
]


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        function: its docstring is the help.
        options: options that are made from declarations, added to the function's own when the command is used.
        group: commands below this one, in place of the function.
    """

    function: Callable[..., Any]
    options: Callable[[], list[inspect.Parameter]] | None = None
    group: Callable[[], typer.Typer] | None = None


def find_folder(given: Path | None) -> Path:
    """The project's folder: that which was given, else the current one or the nearest above it.

    Raises:
        UsageError: there is none.
    """
    if given is not None:
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CATALOGUE).is_file():
            return folder
    raise UsageError(
        f"neither {here} nor a folder above it is a project",
        hint="Go into a project, name it with --project DIR, or make one with vitreous new",
        path=str(here),
    )


@contextlib.contextmanager
def opened(given: Path | None) -> Iterator[Project]:
    """The project, and a word on standard error where people should know how it was opened."""
    from vitreous.project.project import Project

    with Project(find_folder(given)) as project:
        if project.note:
            console(stderr=True).print(f"note: {project.note}", style="yellow", soft_wrap=True)
        yield project


@contextlib.contextmanager
def looking(given: Path | None) -> Iterator[Session]:
    """The project's catalogue, for reading only."""
    from vitreous.project.overview import open_for_reading

    session = open_for_reading(find_folder(given))
    try:
        if session.db.note:
            console(stderr=True).print(f"note: {session.db.note}", style="yellow", soft_wrap=True)
        yield session
    finally:
        session.db.close()


def job_of(project: Project, name: str | int) -> int:
    """Number of a job by number, title, or type where only one is of it."""
    from vitreous.project.overview import find_job

    return find_job(project.graph(), name)


def type_of(project: Project, number: int) -> JobType:
    """The job type of a job."""
    from vitreous.project.types import needed_type

    return needed_type(project.folder, project.graph().jobs[number].type)


def type_name(folder: Path, name: str) -> str:
    """The name of a job type; scripts may be called without ``script:`` before it."""
    from vitreous.project.types import type_names

    known = type_names(folder)
    return f"script:{name}" if name not in known and f"script:{name}" in known else name


def input_names(project: Project, names: Sequence[str] | None) -> list[str] | None:
    """``J2:rejected`` from what was typed (a title or type in place of the number too)."""
    from vitreous.project.overview import find_job

    graph, found = project.graph(), []
    for name in names or ():
        try:
            found.append(f"J{find_job(graph, name)}")
        except UsageError:
            # Only now the colon may stand before an output: titles and types of scripts hold one too.
            job, colon, output = name.rpartition(":")
            if not colon:
                raise
            found.append(f"J{find_job(graph, job)}:{output}")
    return found or None


def answer(value: Any, json_output: bool, show: Callable[[], None]) -> None:
    """Print the answer as JSON, or for people."""
    if json_output:
        print(to_json(value))  # noqa: T201 - the answer
    else:
        show()


def say(text: str, style: str | None = None) -> None:
    """One line for people on standard output."""
    console(stderr=False).print(text, style=style, soft_wrap=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """Print rows for people; columns whose name ends in ``#`` are numbers."""
    from rich.table import Table

    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        number = heading.endswith("#")
        shown.add_column(heading.rstrip("#"), justify="right" if number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(cell(value) for value in row))
    console(stderr=False).print(shown)


def show_jobs(jobs: Sequence[Mapping[str, Any]]) -> None:
    """The table of jobs."""
    rows = [
        [
            f"J{job['id']}",
            job["type"],
            job["title"] + (f" (continues J{job['continues']})" if job["continues"] else ""),
            ", ".join(job["inputs"]),
            f"broken: {job['broken']}" if job["broken"] else job["state"],
            counts_text({**job["files"], **job["counts"]}) + _leaving_text(job.get("leaving", {})),
        ]
        for job in jobs
    ]
    table(["job", "type", "title", "takes", "state", "tasks or files"], rows)


def _leaving_text(leaving: Mapping[str, int]) -> str:
    """`` (4 items, 2 rejected)``: by which outputs items leave a job that decides."""
    return f" ({', '.join(f'{number:,} {output}' for output, number in sorted(leaving.items()))})" if leaving else ""


def cell(value: Any) -> str:
    """A value in a table: a dash for what is not known, numbers short."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(one) for one in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def counts_text(counts: Mapping[str, int]) -> str:
    """``12 done, 2 running``, in the order of the life of a task or of a camera's file."""
    order = (
        "imported",
        "settling",
        "done",
        "running",
        "ready",
        "waiting",
        "failed",
        "quarantined",
        "excluded",
        "cancelled",
    )
    known = [*(name for name in order if name in counts), *(name for name in counts if name not in order)]
    return ", ".join(f"{counts[name]:,} {name}" for name in known if counts[name])


def size_text(size: int | None) -> str:
    """``3.2 GB``; powers of 1000."""
    if size is None:
        return "–"
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def moment(seconds: float | None) -> str:
    """A time of day on this machine's clock, with the date where it was not today."""
    if seconds is None:
        return "–"
    then, now = time.localtime(seconds), time.localtime()
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)


def absolute_files(job_type: JobType, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with files of the current folder named in full: the engine has another current folder."""
    from vitreous.workflow.parameters import is_file

    found = dict(params)
    for name, value in params.items():
        if isinstance(value, str) and is_file(job_type, name) and Path(value).expanduser().is_file():
            found[name] = str(Path(value).expanduser().absolute())
    return found


def typed(job_type: JobType, words: Sequence[str] | None, current: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters that were typed as NAME=VALUE, over those that were set before."""
    from vitreous.cli.param_text import parse_settings

    before = dict(current or {})
    values = parse_settings(job_type, list(words or ()), before)
    new = {name: value for name, value in values.items() if name not in before or before[name] != value}
    return {**values, **absolute_files(job_type, new)}
