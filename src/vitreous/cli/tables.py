"""The table of results at the end of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vitreous.workflow.job_type import JobType, Result


def format_value(value: Any, spec: str) -> str:
    """A table cell: a dash for what is not known; a value that the format doesn't fit is shown as it is."""
    if value is None:
        return "–"
    try:
        return format(value, spec)
    except (TypeError, ValueError):
        return str(value)


def results_table(job: JobType, results: Sequence[Result]) -> Table:
    """One line per item with the job type's columns; failed items say so."""
    table = Table(title=job.title, title_justify="left", title_style="bold", header_style="bold")
    table.add_column(job.items.lower(), overflow="fold")
    for heading, _ in job.columns.values():
        table.add_column(heading, justify="right")
    for result in results:
        name = Path(result["input"]).name
        if "error" in result:
            failed = Text(f"failed ({result['error']['code']})", style="red")
            table.add_row(name, failed, *[""] * (len(job.columns) - 1)) if job.columns else table.add_row(name)
            continue
        table.add_row(name, *[format_value(result.get(key), spec) for key, (_, spec) in job.columns.items()])
    return table
