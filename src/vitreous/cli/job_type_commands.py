"""The commands that tell of job types: job-types and show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.project_common import Command
from vitreous.cli.terminal import console
from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.project import job_types

if TYPE_CHECKING:
    from vitreous.project.schemas import ParameterInfo
    from vitreous.workflow.job_type import JobType

JsonOption = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def list_job_types(json_output: JsonOption = False) -> None:
    """List the job types that are installed, the broken ones with their reason.

    Example: [bold]vitreous job-types --json[/bold]
    """
    rows = _ordered(_row(name, point) for name, point in job_types.declared().items())
    if json_output:
        print(to_json(rows))  # noqa: T201 - the answer
        return
    from rich.table import Table

    table = Table("category", "job type", "what it does", "needs", "gives", "from", header_style="bold")
    for row in rows:
        told = row.get("summary") or f"can't be loaded: {row['error']}"
        needs = ", ".join(" or ".join(need) for need in row.get("needs", ()))
        cells = (row.get("category", ""), row["name"], told, needs, ", ".join(row.get("gives", ())), row["origin"])
        table.add_row(*cells)
    console(stderr=False).print(table)


def _row(name: str, point: Any) -> dict[str, Any]:
    job = job_types.load(point)
    if isinstance(job, job_types.BrokenJob):
        return {"name": name, "origin": point.value, "error": job.reason}
    return {
        "name": name,
        "origin": point.value,
        "title": job.title,
        "summary": job.summary,
        "category": job.category,
        "order": job.order,
        "scope": job.scope,
        "needs": [need.split("|") for need in job.needs],
        "gives": [slot.name for slot in job.gives],
        "command": job_types.is_command(point),
    }


def _ordered(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Category by category, in the order of a workflow; the broken ones last."""
    last = 1000
    found = list(rows)
    first: dict[str, int] = {}
    for row in found:
        category = row.get("category", "")
        first[category] = min(first.get(category, last), row.get("order", last))

    def place(row: dict[str, Any]) -> tuple[int, str, int, str]:
        category = row.get("category", "")
        return first[category], category, row.get("order", last), row["name"]

    return sorted(found, key=place)


def show_job_type(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="name of the job type")],
    json_output: JsonOption = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON schema of its parameters alone")] = False,
) -> None:
    """Show one job type: what it needs and gives, its parameters with units and limits, the methods behind it.

    Example: [bold]vitreous show ctf[/bold]
    """
    from vitreous.project import schemas

    job = _needed(job_type)
    if schema:
        print(to_json(schemas.schema(job)["parameters"]))  # noqa: T201 - the answer
        return
    if json_output:
        print(to_json(schemas.schema(job)))  # noqa: T201 - the answer
        return
    _show(job, schemas.parameters(job))


def _needed(name: str) -> JobType:
    """The job type, or a ``UsageError`` that says what is wrong; scripts are looked for in the folder ``scripts``."""
    from vitreous.project.types import find_type, needed_type

    folder = Path.cwd()
    found = find_type(folder, name)
    if isinstance(found, job_types.BrokenJob):
        print(found.traceback, file=sys.stderr)  # noqa: T201 - what the user needs to report it
        raise UsageError(
            f"the job type {name!r} ({found.origin}) can't be loaded: {found.reason}",
            hint="Mend or remove the package that declares it; the traceback is above",
            job_type=name,
        )
    return needed_type(folder, name)


def _show(job: JobType, infos: tuple[ParameterInfo, ...]) -> None:
    from vitreous.project.schemas import default_methods, slot_lines

    screen = console(stderr=False)
    screen.print(f"{job.title} ({job.name}, {job.category})", style="bold")
    for line in (job.summary, *slot_lines(job)):
        screen.print(line, soft_wrap=True)
    ordered = sorted(infos, key=_heading(infos))
    for (group, level), members in groupby(ordered, key=lambda info: (info.group, info.level)):
        _show_group(group if level == "normal" else f"{group} (advanced)", list(members))
    screen.print()
    last = {"methods": default_methods(job), "papers": "; ".join(job.citations), "example": job.example}
    for title, text in last.items():
        if text:
            screen.print(f"{title}: {text}", soft_wrap=True)


def _heading(infos: tuple[ParameterInfo, ...]) -> Callable[[ParameterInfo], tuple[bool, int]]:
    """Sort key: the normal parameters before the advanced, groups in the order in which they are declared."""
    groups = list(dict.fromkeys(info.group for info in infos))
    return lambda info: (info.level == "advanced", groups.index(info.group))


def _show_group(title: str, infos: list[ParameterInfo]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for heading in ("parameter", "unit", "default", "limits", "meaning"):
        table.add_column(heading, overflow="fold")
    for info in infos:
        limits = info.limits or ", ".join(str(choice) for choice in info.choices)
        table.add_row(info.name, info.unit or "", info.default_text, limits, info.help)
    screen = console(stderr=False)
    screen.print()
    screen.print(table)


COMMANDS = {"job-types": Command(list_job_types), "show": Command(show_job_type)}
