"""The command that writes a session's report: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitreous.cli.project_common import Command, JsonOption, ProjectOption, answer, find_folder, say


def report(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="what is written: .html or .pdf")] = Path(
        "report.html"
    ),
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write a report of the session: figures over time, tables, methods with citations, settings, versions.

    One file that needs nothing else; the HTML also holds the template with which all can be done again.

    Example: [bold]vitreous report --out session.pdf[/bold]
    """
    from vitreous.project.session_report.write import write_session_report

    path = write_session_report(find_folder(project), out)
    answer({"report": str(path.absolute())}, json_output, lambda: say(f"The report: {path.absolute()}"))


COMMANDS: dict[str, Command] = {"report": Command(report)}
