"""The commands that make a project and tell of it as a whole: new, info, settings, unlock."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from vitreous.cli.project_common import (
    Command,
    JsonOption,
    ProjectOption,
    answer,
    cell,
    find_folder,
    looking,
    moment,
    opened,
    say,
    show_jobs,
    size_text,
    table,
)
from vitreous.cli.terminal import console
from vitreous.core.errors import UsageError
from vitreous.core.words import counted, duration

Mode = Literal["drift", "single-particle", "tomography", "crystal2d"]


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="of the project; it must not be there, or be empty")],
    mode: Annotated[Mode, typer.Option("--mode", help="what it is for", show_default=True)] = "single-particle",
    title: Annotated[str | None, typer.Option("--title", help="for people; the folder's name unless given")] = None,
    template: Annotated[
        str | None, typer.Option("--template", help="take the jobs of this template (vitreous templates)")
    ] = None,
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--source", metavar="DIR", help="folder of the camera, for the template's import; may be repeated"
        ),
    ] = None,
    json_output: JsonOption = False,
    **given: Any,
) -> None:
    """Make a project: a folder with its catalogue and the settings that its jobs inherit.

    Example: [bold]vitreous new session1 --mode drift --pixel-size 0.83 --voltage 300 --dose-per-frame 1.1[/bold]
    """
    from vitreous.project.project import Project

    changes = template_sources(template, sources or ()) if template is not None else {}
    if sources and template is None:
        raise UsageError("--source is for the import of a template", hint="Give --template too, or use vitreous watch")
    with Project.create(folder, mode, setting_values(given), title=title) as project:
        jobs = project.run_template(template, **changes) if template is not None else []
        found = {"folder": str(folder), "mode": mode, "settings": project.settings(), "jobs": [job.id for job in jobs]}

    def show() -> None:
        with_jobs = f" with {counted(len(jobs), 'job')}" if jobs else ""
        camera = "" if jobs else "CAMERA_FOLDER "
        say(f"{folder} is made for {mode}{with_jobs}. Go on with: vitreous watch {camera}--project {folder}")

    answer(found, json_output, show)


def template_sources(template: str, sources: Sequence[Path | str]) -> dict[str, Any]:
    """The camera's folders as changes of a template, before anything is made.

    Raises:
        UsageError: the template needs folders and none is given, or it has no import.
    """
    from vitreous.project.templates import read_template

    content = read_template(template)
    imports = [job["key"] for job in content["jobs"] if job["type"] == "import"]
    if sources and not imports:
        raise UsageError(
            f"the template {template} has no import", hint="Use vitreous run-template, then vitreous watch"
        )
    needed = [f"{entry['job']}.{entry['parameter']}" for entry in content.get("supply", ())]
    left = [name for name in needed if not (sources and name == f"{imports[0]}.sources")]
    if left:
        raise UsageError(
            f"the template {template} needs {', '.join(left)}",
            hint="Give the camera's folder with --source DIR, or make the project without it and use vitreous watch "
            f"CAMERA_FOLDER --template {template}",
        )
    return {f"{imports[0]}__sources": [str(Path(path).expanduser().absolute()) for path in sources]} if sources else {}


def setting_options() -> list[inspect.Parameter]:
    """Options for the settings of a project, from the declarations of the acquisition and of the project."""
    from vitreous.cli.options import option_name, option_type
    from vitreous.model.acquisition import Acquisition
    from vitreous.project.settings import OTHER_SETTINGS

    entries: list[tuple[str, Any, str, str]] = [
        (name, option_type(field), field.description or "", "Acquisition")
        for name, field in Acquisition.model_fields.items()
    ]
    entries += [(name, str, text, "Other settings") for name, text in OTHER_SETTINGS.items()]
    found = []
    for name, kind, text, panel in entries:
        option = typer.Option(option_name(name), help=escape(text), show_default=False, rich_help_panel=panel)
        annotation: Any = Annotated[kind | None, option]
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=None))
    return found


def setting_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the project keeps them, from what was typed; ``None`` stays.

    Raises:
        UsageError: there is no such setting, or its value is not allowed.
    """
    from vitreous.cli.options import bare_type, split_text
    from vitreous.core.errors import DataError
    from vitreous.model.acquisition import Acquisition, from_mapping
    from vitreous.project.settings import FILES, NUMBERS, check_settings

    fields = Acquisition.model_fields
    typed = {name: value for name, value in given.items() if value is not None}
    for name, value in typed.items():
        if name in fields and isinstance(value, str) and "tuple" in str(fields[name].annotation):
            typed[name] = split_text(value, bare_type(fields[name].annotation))
        elif name in NUMBERS and isinstance(value, str):
            typed[name] = _number(name, value)
        elif name in FILES and Path(value).expanduser().is_file():
            typed[name] = str(Path(value).expanduser().absolute())
    check_settings(typed)
    try:
        model = from_mapping({name: value for name, value in typed.items() if name in fields}, origin="settings")
    except DataError as error:
        raise UsageError(error.message, hint=error.hint) from error
    known = {name: getattr(model, name) for name in typed if name in fields}
    return {**{name: None for name in given if given[name] is None}, **typed, **known}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{name} is {text!r}, which is no number", hint="Give a number, such as 10") from None


def info(
    project: ProjectOption = None,
    disk: Annotated[bool, typer.Option("--disk", help="add up the sizes of the project's files too")] = False,
    json_output: JsonOption = False,
) -> None:
    """Tell of a project: mode, settings, jobs, items, disk, who holds it, what hinders it.

    Example: [bold]vitreous info --project session1[/bold]
    """
    from vitreous.project.overview import overview
    from vitreous.project.why import explain

    with looking(project) as session:
        found = {**overview(session, measure_disk=disk), "why": explain(session)}
    answer(found, json_output, lambda: _show_info(found))


def _show_info(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    items, disk, holder = found["items"], found["disk"], found["holder"]
    use = f"; the project takes {size_text(disk['project'])}" if disk["project"] is not None else ""
    held = holder["reason"] if holder["owner"] is None else f"{holder['state']} by {holder['owner']}"
    rows = {
        "project": f"{found['title']} ({found['mode']}) in {found['folder']}, made {moment(found['created'])}",
        "settings": "; ".join(_setting(name, entry) for name, entry in found["settings"].items()) or "none",
        "items": f"{items['total']:,} ({_pairs(items['groups'])})",
        "flags": _pairs(items["flags"]),
        "camera's files": _pairs(found["files"]),
        "disk": f"{size_text(disk['free'])} free of {size_text(disk['total'])}{use}",
        "held": held if holder["state"] != "free" else "by nobody",
        "engine": f"{counted(found['workers'], 'worker')}, {counted(found['running'], 'submission')} under way",
    }
    if holder["state"] != "held":
        del rows["engine"]
    grid = Table(show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for key, text in rows.items():
        if text:
            grid.add_row(key, text)
    screen = console(stderr=False)
    screen.print(grid)
    if found["jobs"]:
        screen.print()
        show_jobs(found["jobs"])
    for text in found["preflight"]:
        screen.print(f"first movies: {text} (vitreous preflight)", style="yellow", soft_wrap=True)
    for name, text in found["conditions"].items():
        screen.print(f"{name}: {text}", style="yellow", soft_wrap=True)
    screen.print()
    screen.print(found["why"], soft_wrap=True)


def _setting(name: str, entry: Mapping[str, Any]) -> str:
    origin = "" if entry["origin"] == "user" else f" ({entry['origin']})"
    return f"{name} {cell(entry['value'])}{origin}"


def _pairs(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in values.items())


def settings(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="settings to set; NAME= removes one")
    ] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show the settings of a project, which its jobs inherit, with their origin; or set some.

    Example: [bold]vitreous settings pixel_size=0.83 gain=gain.mrc[/bold]
    """
    with opened(project) as found:
        if words:
            given = dict(_pair(word) for word in words)
            found.set(**setting_values(given))
    with looking(project) as session:
        known = session.settings_with_origin()
    rows = [[name, entry["value"], entry["origin"]] for name, entry in sorted(known.items())]
    answer(known, json_output, lambda: table(["setting", "value", "from"], rows))


def _pair(word: str) -> tuple[str, str | None]:
    name, equals, text = word.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"{word!r} sets nothing", hint="Write NAME=VALUE, such as pixel_size=0.83", word=word)
    return name.strip().replace("-", "_"), text or None


def unlock(
    project: ProjectOption = None,
    force: Annotated[bool, typer.Option("--force", help="take away the lock of a process that is gone")] = False,
    json_output: JsonOption = False,
) -> None:
    """Tell who holds a project; with --force, free it from a process that is gone. A living one keeps it.

    Example: [bold]vitreous unlock --project session1 --force[/bold]
    """
    from vitreous.project.overview import holder_record
    from vitreous.store.lock import acquire, read_lock

    folder = find_folder(project)
    state = read_lock(folder)
    if force and state.held:
        raise UsageError(
            f"{folder} is held by {state.owner}, which lives: {state.reason}",
            hint="End it with vitreous stop, or stop that process on its host",
            path=str(folder),
        )
    freed = force and state.state == "stale"
    if freed:
        acquire(folder, "unlock", take_over=True).release()
    record = {**holder_record(state), "freed": freed}

    def show() -> None:
        if state.state == "free":
            say("Nobody holds the project.")
            return
        since = "" if state.owner is None else f", since {duration(time.time() - state.owner.since)}"
        say(f"{state.owner or 'An unknown process'} {'held' if freed else 'holds'} the project{since}: {state.reason}.")
        if freed:
            say("The lock is taken away; the project is free.", style="green")
        elif state.state == "stale":
            say("Make sure that it no longer runs there; then free the project with vitreous unlock --force.")

    answer(record, json_output, show)


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be removed")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Remove results that no task shows any more: of parameters that have changed, of jobs that were removed.

    They are computed again if they are ever wanted. Example: [bold]vitreous clean --dry-run[/bold]
    """
    with opened(project) as found:
        done = found.act("clean", dry_run=dry_run)

    def show() -> None:
        for folder in done["folders"][:20]:
            say(folder, style="dim")
        told = "would be removed" if dry_run else "removed"
        say(f"{counted(len(done['folders']), 'folder')}, {size_text(done['bytes'])}, {told}.")

    answer(done, json_output, show)


COMMANDS = {
    "new": Command(new, setting_options),
    "info": Command(info),
    "settings": Command(settings),
    "unlock": Command(unlock),
    "clean": Command(clean),
}
