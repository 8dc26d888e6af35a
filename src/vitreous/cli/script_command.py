"""The commands that help to write user scripts: ``script new`` and ``script check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitreous.cli.terminal import console, show_error
from vitreous.core.plain import to_json


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="of the script, without ending")],
    language: Annotated[Literal["sh", "python"], typer.Option("--language", help="sh or python")] = "sh",
    folder: Annotated[
        Path | None, typer.Option("--folder", help="where it goes [default: scripts, in a project, else here]")
    ] = None,
) -> None:
    """Write a first version of a user script, with its header.

    Example: [bold]vitreous script new ice-check --language python[/bold]
    """
    from vitreous.project.script_template import write_template

    here = Path("scripts") if Path("scripts").is_dir() or Path("project.db").is_file() else Path()
    path = write_template(name, language, here if folder is None else folder)
    console(stderr=False).print(f"{path} is written; vitreous script check {path} tells what it becomes")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the script")],
    json_output: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> None:
    """Tell which job type a user script becomes, or what is wrong with its header and in which line.

    Example: [bold]vitreous script check scripts/ice-check.py[/bold]
    """
    from vitreous.project.script_check import checked_script

    description, error = checked_script(file)
    if error is not None:
        if json_output:
            print(to_json({"error": error.to_dict()}))  # noqa: T201 - the answer
        show_error(error.to_dict())
        raise typer.Exit(error.exit_code)
    if json_output:
        print(to_json(description))  # noqa: T201 - the answer
        return
    _show(description)


def _show(description: dict[str, Any]) -> None:
    from rich.table import Table

    screen = console(stderr=False)
    table = Table(title=description["name"], title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in description.items():
        if isinstance(value, list):
            value = ", ".join(str(one) for one in value)
        if not isinstance(value, dict) and value not in ("", None) and key != "name":
            table.add_row(key, str(value))
    for heading in ("parameters", "columns"):
        for name, entry in description[heading].items():
            parts = [f"{key} {value}" for key, value in entry.items() if value not in (None, "", [])]
            table.add_row(f"{heading[:-1]} {name}", ", ".join(parts))
    screen.print(table)
