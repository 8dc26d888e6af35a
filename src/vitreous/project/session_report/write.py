"""Writing the report of a session."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vitreous.core.errors import UsageError
from vitreous.formats.base import atomic_path, write_text
from vitreous.project.overview import open_for_reading
from vitreous.project.session_report.blocks import Report
from vitreous.project.session_report.content import content
from vitreous.project.session_report.html import html_of
from vitreous.project.session_report.pdf import write_pdf

Tell = Callable[[float, str], None]
PARTS = 11


def write_session_report(
    project: Path, path: Path, tell: Tell = lambda fraction, what: None, *, blurred: bool = False
) -> Path:
    """Write the report of a project's session as it is now.

    Args:
        project: folder of the project; it is only read, and may be run meanwhile.
        path: of the file; its ending says what it becomes: ``.html`` or ``.pdf``.
        tell: is told the fraction that is done, and what is being done.
        blurred: images are blurred, for readers who may only look.

    Raises:
        UsageError: no project, or another ending.
    """
    if path.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise UsageError(f"{path.name}: a report is HTML or PDF", hint="Name a file that ends with .html or .pdf")
    session = open_for_reading(project)
    try:
        report, done = Report("", ""), 0
        tell(0.0, "reading the session")
        for name, _, so_far in content(session, time.time(), blurred):
            report, done = so_far, done + 1
            tell(0.5 * done / PARTS, name)
    finally:
        session.db.close()
    return write(report, path, lambda fraction: tell(0.5 + 0.5 * fraction, "drawing"))


def write(report: Report, path: Path, tell: Callable[[float], None] = lambda fraction: None) -> Path:
    """Write any report as HTML or PDF, by the ending of the file's name; its folder is made."""
    if path.suffix.lower() == ".pdf":
        with atomic_path(path) as aside:
            write_pdf(report, aside, tell)
    else:
        write_text(path, html_of(report))
    tell(1.0)
    return path
