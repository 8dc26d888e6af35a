"""The commands that show projects in a browser: serve, users."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitreous.cli.project_common import Command, say
from vitreous.cli.project_running import ProfileOption, ThreadsOption, WorkersOption


def serve(
    projects: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PROJECT]...",
            help="folders of projects [default: those that were opened last, without engines]",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="address to listen at; others than this machine need users")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="the next free one when it is taken; 0: any")
    ] = 8642,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="open no browser")] = False,
    no_engine: Annotated[bool, typer.Option("--no-engine", help="only show the projects")] = False,
    host_names: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="name that the server answers to, as behind a proxy; may be repeated"),
    ] = None,
    roots: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            metavar="DIR",
            help="folder below which projects may be made in the page, beside the home folder; may be repeated",
        ),
    ] = None,
    sharp: Annotated[bool, typer.Option("--sharp", help="show images as they are to people who may only look")] = False,
    profile: ProfileOption = "local",
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Show projects in a browser, and run them: a server, and an engine for each project that nobody runs yet.

    Ctrl-C ends the server, and the engines after what is under way; twice at once.

    Example: [bold]vitreous serve session1 --no-browser[/bold]
    """
    from vitreous.web.engine_process import EngineOptions
    from vitreous.web.server import ServeOptions
    from vitreous.web.server import serve as run_server

    options = ServeOptions(
        projects=tuple(projects or ()),
        host=host,
        port=port,
        names=tuple(host_names or ()),
        roots=tuple(path.expanduser().absolute() for path in roots or ()),
        browser=not no_browser,
        engines=not no_engine,
        engine=EngineOptions(profile, workers, threads),
        sharp=sharp,
    )
    run_server(options, _say_now)


def _say_now(text: str) -> None:
    """A line that is seen at once in a log file too."""
    import sys

    say(text)
    sys.stdout.flush()


COMMANDS: dict[str, Command] = {"serve": Command(serve)}
