"""The commands that look at files and at the machine: header, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.project_common import Command
from vitreous.cli.terminal import console, show_error
from vitreous.core.plain import plain, to_json
from vitreous.project.faults import describe, exit_code

if TYPE_CHECKING:
    from vitreous.workflow.job_type import Result

JsonOption = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def doctor(json_output: JsonOption = False) -> None:
    """Look at this machine: CPU, memory, GPU, libraries, optional packages, disk; say what is wrong and what to do.

    Example: [bold]vitreous doctor --json[/bold]
    """
    from vitreous.project.doctor import examine

    report = examine(Path.cwd())
    if json_output:
        print(to_json(report))  # noqa: T201 - the answer
    else:
        _show_doctor(report)
    if report["problems"]:
        raise typer.Exit(1)


def header(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="image files: MRC, TIFF, EER")],
    json_output: JsonOption = False,
) -> None:
    """Print what the headers of image files say: size, frames, type, pixel size in Å, exposure in e/Å².

    Example: [bold]vitreous header movie.tiff --json[/bold]
    """
    from vitreous.project.headers import read_header

    results: list[Result] = []
    for path in files:
        try:
            results.append(read_header(path))
        except Exception as error:
            results.append({"input": str(path), "error": describe(error)})
            show_error(results[-1]["error"], subject=str(path))
    if json_output:
        print(to_json(results))  # noqa: T201 - the answer
    else:
        for result in results:
            if "error" not in result:
                _show_mapping(result["input"], {key: value for key, value in result.items() if key != "input"})
    code = exit_code(results)
    if code:
        raise typer.Exit(code)


def _show_mapping(title: str, values: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in values.items():
        if isinstance(value, dict):
            for inner, item in value.items():
                table.add_row(f"{key}.{inner}", _text(item))
        elif value not in ((), [], None):
            table.add_row(key, _text(value))
    console(stderr=False).print(table)


def _text(value: Any) -> str:
    value = plain(value)
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _show_doctor(report: dict[str, Any]) -> None:
    screen = console(stderr=False)
    for section, values in report.items():
        if section == "problems":
            continue
        _show_mapping(section, values)
        screen.print()
    if not report["problems"]:
        screen.print("Nothing is wrong.", style="bold green")
    for problem in report["problems"]:
        screen.print(f"problem: {problem['message']}. {problem['hint']}", style="red", soft_wrap=True)


COMMANDS = {"header": Command(header), "doctor": Command(doctor)}
