"""The entry point: finds the commands, runs one, turns any fault into a line and an exit code."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from vitreous import __version__
from vitreous.cli.project_common import Command
from vitreous.cli.terminal import show_error
from vitreous.core.errors import VitreousError
from vitreous.project import job_types
from vitreous.project.faults import describe

EPILOG = (
    "Example: [bold]vitreous new session1 --mode drift --pixel-size 0.83 --voltage 300[/bold], then "
    "[bold]vitreous watch /camera/grid3 --project session1 --template drift[/bold]\n\n"
    "Without a project: [bold]vitreous process movies/*.tiff --gain gain.mrc --pixel-size 0.83 --out processed[/bold]"
)


@cache
def built_in() -> Mapping[str, tuple[str, Command]]:
    """Name of a command that is no job type → heading in the help, command; in the order of the help."""
    from vitreous.cli import (
        alarm_command,
        command_groups,
        commands,
        job_type_commands,
        project_copies,
        project_items,
        project_jobs,
        project_look,
        project_running,
        project_setup,
        project_states,
        project_tables,
        report_command,
        serve_command,
        template_commands,
        view_command,
    )

    panels: tuple[tuple[str, Mapping[str, Command]], ...] = (
        ("Project", project_setup.COMMANDS),
        ("Project", project_running.COMMANDS),
        ("Project", serve_command.COMMANDS),
        ("Jobs", project_jobs.COMMANDS),
        ("Jobs", project_copies.COMMANDS),
        ("Jobs", project_states.JOB_COMMANDS),
        ("Jobs", template_commands.COMMANDS),
        ("Items", project_tables.ITEM_COMMANDS),
        ("Items", project_items.COMMANDS),
        ("Items", project_states.ITEM_COMMANDS),
        ("Look", project_look.COMMANDS),
        ("Look", project_tables.LOOK_COMMANDS),
        ("Look", alarm_command.COMMANDS),
        ("Look", report_command.COMMANDS),
        ("Look", view_command.COMMANDS),
        ("Tools", command_groups.COMMANDS),
        ("Tools", job_type_commands.COMMANDS),
        ("Tools", commands.COMMANDS),
    )
    return {name: (panel, command) for panel, found in panels for name, command in found.items()}


class LazyGroup(TyperGroup):
    """Commands from entry points, each loaded when it is asked for; listing them imports none."""

    listing = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, which only lists the commands."""
        self.listing = True
        super().format_help(ctx, formatter)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands: the built-in ones, then job types that work outside of projects."""
        declared = job_types.declared().items()
        types = [name for name, point in declared if name not in built_in() and job_types.is_command(point)]
        return [*built_in(), *types]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or ``None``."""
        if cmd_name in built_in():
            return _built_in(cmd_name, self.listing)
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


def _built_in(name: str, listing: bool) -> Any:
    panel, command = built_in()[name]
    if listing:
        summary = inspect.cleandoc(command.function.__doc__ or "").partition("\n\n")[0]
        return TyperCommand(name, help=summary, rich_help_panel=panel, rich_markup_mode="rich")
    if command.group is not None:
        return _group(name, command.group())
    function = command.function if command.options is None else with_options(command.function, command.options())
    return _single(name, function, rich_help_panel=panel)


def with_options(function: Callable[..., Any], options: Sequence[inspect.Parameter]) -> Callable[..., Any]:
    """The function with further keyword options, which it takes as ``**given``."""

    def command(**values: Any) -> Any:
        return function(**values)

    own = inspect.signature(function, eval_str=True).parameters.values()
    named = [
        parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own if parameter.kind != parameter.VAR_KEYWORD
    ]
    command.__signature__ = inspect.Signature([*named, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*named, *options]}
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def _group(name: str, app: typer.Typer) -> Any:
    group = typer.main.get_group(app)
    group.name = name
    return group


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
