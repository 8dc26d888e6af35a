"""The command that shows images in a browser: view."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitreous.cli.project_common import Command, say


def view(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="images: MRC, TIFF, EER, DM, packed MRC")],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="the next free one when it is taken; 0: any")
    ] = 8742,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="open no browser")] = False,
) -> None:
    """Show images in a browser: zoom, contrast, values, spectra with Thon rings, frames of stacks.

    Only this machine can reach them. Ctrl-C ends it.

    Example: [bold]vitreous view micrograph.mrc movie.tiff[/bold]
    """
    from vitreous.web.view_server import view as run_viewer

    run_viewer(files, port, not no_browser, say)


COMMANDS: dict[str, Command] = {"view": Command(view)}
