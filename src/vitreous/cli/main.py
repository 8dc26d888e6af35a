"""The entry point: finds the commands, runs one, turns any fault into a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from vitreous import __version__
from vitreous.cli import commands, job_type_commands
from vitreous.cli.terminal import show_error
from vitreous.core.errors import VitreousError
from vitreous.project import job_types
from vitreous.project.faults import describe

BUILT_IN: dict[str, Callable[..., None]] = {
    "header": commands.header,
    "doctor": commands.doctor,
    "job-types": job_type_commands.list_job_types,
    "show": job_type_commands.show_job_type,
}
EPILOG = "Example: [bold]vitreous process movies/*.tiff --gain gain.mrc --pixel-size 0.83 --out processed[/bold]"


class LazyGroup(TyperGroup):
    """Commands from entry points, each loaded when it is asked for; listing them imports none."""

    listing = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, which only lists the commands."""
        self.listing = True
        super().format_help(ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands: job types that work outside of projects, then the built-in ones."""
        declared = job_types.declared().items()
        return [*(name for name, point in declared if name not in BUILT_IN and job_types.is_command(point)), *BUILT_IN]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or ``None``."""
        if cmd_name in BUILT_IN:
            return _single(cmd_name, BUILT_IN[cmd_name])
        point = job_types.declared().get(cmd_name)
        if point is None or not job_types.is_command(point):
            return None
        if self.listing:
            return _single(cmd_name, _listed(job_types.summary(point)), rich_help_panel="Job types")
        from vitreous.cli.job_command import broken_command, job_command, job_epilog

        job = job_types.load(point)
        if isinstance(job, job_types.BrokenJob):
            lenient = {"allow_extra_args": True, "ignore_unknown_options": True}
            return _single(cmd_name, broken_command(job), context_settings=lenient)
        return _single(cmd_name, job_command(job), epilog=job_epilog(job))


def _listed(summary: str) -> Callable[..., None]:
    def command() -> None:
        """Stand for the job type in the list of commands."""

    command.__doc__ = escape(summary)
    return command


def _single(name: str, function: Callable[..., None], **settings: Any) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    settings.setdefault("rich_help_panel", "Tools")
    app.command(name, no_args_is_help=False, **settings)(function)
    command = typer.main.get_command(app)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=EPILOG,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"vitreous {__version__}")  # noqa: T201 - what was asked for
        raise typer.Exit


@app.callback()
def vitreous(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Cryo-EM data from the microscope to the map."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 well, 1 our fault or the machine's or stopped, 2 the user's."""
    try:
        typer.main.get_command(app).main(args=None if arguments is None else list(arguments), prog_name="vitreous")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        return _stopped() if code == 130 else code
    except KeyboardInterrupt:
        return _stopped()
    except VitreousError as error:
        show_error(error.to_dict())
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        show_error(describe(error))
        return 1
    return 0


def _stopped() -> int:
    show_error({"message": "stopped", "hint": "No partial file was left"})
    return 1


if __name__ == "__main__":
    sys.exit(main())
