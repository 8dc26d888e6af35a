"""The commands that run a project: watch, run, stop."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from vitreous.cli.project_common import (
    CATALOGUE,
    Command,
    JsonOption,
    ProjectOption,
    answer,
    looking,
    opened,
    say,
    show_jobs,
    type_of,
    typed,
)
from vitreous.cli.project_setup import template_sources
from vitreous.cli.terminal import console
from vitreous.core.errors import UsageError

if TYPE_CHECKING:
    from vitreous.project.project import Project

PANEL = "Workers"
OWN_OPTIONS = ("sources", "patterns")
"""Parameters of the import that have an option of another form."""

ProfileOption = Annotated[
    str, typer.Option("--profile", help="run profile (vitreous profile list)", rich_help_panel=PANEL)
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="number of workers, other than the profile's; 0: work in this process",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="threads of a worker, other than the profile's",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]


def watch(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER]... [NAME=VALUE]...",
            help="folders into which the camera writes [default: those of the project's imports]",
            show_default=False,
        ),
    ] = None,
    patterns: Annotated[
        list[str] | None,
        typer.Option(
            "--pattern", help="file names that are taken, such as '*.tif'; may be repeated", show_default=False
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="with a new import, add the jobs of this template", show_default=False),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="end when what is there now is done, not when the import ends")
    ] = False,
    profile: ProfileOption = "local",
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
    **given: Any,
) -> None:
    """Bring movies into the project as the camera writes them, and run its jobs, until nothing more comes.

    A folder that no import watches yet gets one; one that is watched already goes on where it stopped.

    Example: [bold]vitreous watch /camera/grid3 --project session1 --pattern '*.tif' --template drift[/bold]
    """
    folders, settings = _split(words or ())
    settings += [f"{name}={_word(value)}" for name, value in given.items() if value is not None]
    settings += [f"patterns={','.join(patterns)}"] if patterns else []
    with opened(project) as found:
        for line in ensure_imports(found, folders, settings, template):
            console(stderr=True).print(line, soft_wrap=True)
        if _is_held(found):
            _say_held(found, json_output)
            return
        _work(found, "done" if once else "closed", profile, workers, threads, json_output)


def import_options() -> list[inspect.Parameter]:
    """Options for the parameters of the import, from their declaration; durations and lists are text."""
    from vitreous.acquisition.import_params import ImportParams
    from vitreous.cli.options import default_text, help_text, option_name, option_type, panel

    found = []
    fields = {name: field for name, field in ImportParams.model_fields.items() if name not in OWN_OPTIONS}
    for name, field in sorted(fields.items(), key=lambda pair: panel(pair[1]).endswith("(advanced)")):
        kind = option_type(field)
        kind = str if kind in (int, float) else kind
        flag = option_name(name)
        option = typer.Option(
            *([f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]),
            help=escape(help_text(field) + default_text(field)),
            show_default=False,
            rich_help_panel=f"Import: {panel(field)}",
        )
        found.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind | None, option], default=None
            )
        )
    return found


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Folders, and NAME=VALUE; a folder whose name holds ``=`` is known by being there."""
    settings = [word for word in words if "=" in word and not Path(word).is_dir()]
    for word in words:
        if (Path(word) / CATALOGUE).is_file():
            raise UsageError(f"{word} is a project, no camera's folder", hint=f"Name it with --project {word}")
    return [str(Path(word).expanduser().absolute()) for word in words if word not in settings], settings


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def ensure_imports(
    project: Project, folders: Sequence[str], settings: Sequence[str], template: str | None
) -> list[str]:
    """Make the imports that are not there yet, change and reopen those that are; returns what was done, for people.

    Raises:
        UsageError: there is nothing to watch.
    """
    imports = [job for job in project.graph().jobs.values() if job.type == "import"]
    watching = {str(source): job.id for job in imports for source in job.params.get("sources", ())}
    if not folders:
        if not imports:
            raise UsageError("no folder is given, and the project has no import", hint="Name the camera's folder")
        if settings or template:
            raise UsageError("it is not said for which folder the options are", hint="Name the camera's folder")
    lines = [f"{folder} is not there yet; it is waited for" for folder in folders if not Path(folder).is_dir()]
    chosen = dict.fromkeys(watching[folder] for folder in folders if folder in watching)
    for number in chosen or [job.id for job in imports if not folders]:
        lines += _go_on(project, number, settings)
    missing = [folder for folder in folders if folder not in watching]
    if missing:
        lines += _add_import(project, missing, settings, template)
    elif template is not None:
        lines.append(f"the import is there, so the jobs of the template {template} were not added again")
    return lines


def _go_on(project: Project, number: int, settings: Sequence[str]) -> list[str]:
    lines = []
    job = project.graph().jobs[number]
    if settings:
        values = typed(type_of(project, number), settings, job.params)
        changed = {name: value for name, value in values.items() if job.params.get(name) != value}
        if changed:
            project.act("edit_job", job=number, params=changed)
            lines.append(f"{job.label}: changed {', '.join(changed)}")
    if job.closed:
        project.act("reopen_source", job=number)
        lines.append(f"{job.label} watches again")
    if job.state != "active":
        lines.append(f"{job.label} is {job.state}; go on with vitreous resume J{number}")
    return lines


def _add_import(project: Project, sources: Sequence[str], settings: Sequence[str], template: str | None) -> list[str]:
    from vitreous.project.types import needed_type

    params = {"sources": list(sources), **typed(needed_type(project.folder, "import"), settings, {"sources": sources})}
    if template is not None:
        (key,) = template_sources(template, sources)
        start = key.removesuffix("sources")
        jobs = project.run_template(template, **{start + name: value for name, value in params.items()})
        return [f"added {', '.join(f'J{job.id} {job.view().title}' for job in jobs)} of the template {template}"]
    number = project.act("add_job", type="import", params=params)
    return [f"added J{number}, which watches {', '.join(sources)}"]


def run(
    until: Annotated[
        Literal["done", "closed", "stopped"],
        typer.Option(
            "--until",
            help="done: nothing is left to do now; closed: and every import has ended too; stopped: vitreous stop",
        ),
    ] = "done",
    profile: ProfileOption = "local",
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Run the project's jobs until all is done. Ctrl-C ends it after what is under way, twice at once.

    Example: [bold]vitreous run --workers 4[/bold]
    """
    with opened(project) as found:
        _work(found, until, profile, workers, threads, json_output)


def _work(
    project: Project,
    until: Literal["done", "closed", "stopped"],
    profile: str,
    workers: int | None,
    threads: int | None,
    json_output: bool,
) -> None:
    from vitreous.cli.job_command import keep_freed_memory, limit_threads, output_for_messages
    from vitreous.cli.project_monitor import monitored
    from vitreous.project.overview import overview
    from vitreous.project.why import explain

    if workers == 0:
        limit_threads(threads)
        keep_freed_memory()
    with output_for_messages(json_output), monitored(project.folder):
        project.run(until=until, profile=profile, workers=workers, threads=threads)
    with looking(project.folder) as session:
        found: Mapping[str, Any] = {**overview(session), "why": explain(session)}

    def show() -> None:
        show_jobs(found["jobs"])
        say(found["why"])

    answer(found, json_output, show)


def _is_held(project: Project) -> bool:
    from vitreous.store.lock import read_lock

    return read_lock(project.folder).held


def _say_held(project: Project, json_output: bool) -> None:
    from vitreous.project.overview import overview
    from vitreous.store.lock import read_lock

    with looking(project.folder) as session:
        found = overview(session)
    owner = read_lock(project.folder).owner
    text = f"An engine runs this project already: {owner or 'unknown'}. It does what is new; see vitreous jobs."
    answer(found, json_output, lambda: say(text))


def stop(
    now: Annotated[bool, typer.Option("--now", help="give up what is under way; it is begun again next time")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask the engine that runs the project to end after the tasks that are under way.

    Example: [bold]vitreous stop --now[/bold]
    """
    with opened(project) as found:
        found.stop(now=now)
    told = "The engine ends now." if now else "The engine ends after what is under way."
    answer({"stopping": True, "now": now}, json_output, lambda: say(told))


COMMANDS = {"watch": Command(watch, import_options), "run": Command(run), "stop": Command(stop)}
