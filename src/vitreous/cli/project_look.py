"""The commands that show what happens: jobs, tasks, log, why, parameters, revisions, diff."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.project_common import (
    Command,
    JobArgument,
    JsonOption,
    ProjectOption,
    answer,
    cell,
    job_of,
    looking,
    moment,
    opened,
    say,
    show_jobs,
    table,
    type_of,
)
from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json

if TYPE_CHECKING:
    from vitreous.project.session import Session
    from vitreous.store.events import Event

JobOption = Annotated[str | None, typer.Option("--job", metavar="JOB", help="of this job", show_default=False)]
ItemOption = Annotated[
    str | None, typer.Option("--item", metavar="ITEM", help="of this item (its name, or #12)", show_default=False)
]
FOLLOW_SECONDS = 1.0


def jobs(project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """List the jobs in the order in which items go through them, with the states of their tasks.

    Example: [bold]vitreous jobs[/bold]
    """
    from vitreous.project.overview import job_records

    with looking(project) as session:
        found = job_records(session)

    def show() -> None:
        if found:
            show_jobs(found)
        else:
            say("The project has no jobs: add one with vitreous add, or take a template with vitreous run-template.")

    answer(found, json_output, show)


def tasks(
    job: JobOption = None,
    item: ItemOption = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="waiting, ready, running, done, failed, quarantined …", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="rows at most")] = 200,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """List tasks: one item in one job, with its state, its reason where it failed, its time.

    Example: [bold]vitreous tasks --state quarantined[/bold]
    """
    from vitreous.core.errors import UsageError
    from vitreous.core.words import near
    from vitreous.project.overview import find_job
    from vitreous.project.views import task_views
    from vitreous.workflow.states import TaskState

    known = [one.value for one in TaskState]
    if state is not None and state not in known:
        raise UsageError(f"tasks have no state {state!r}", hint=near(state, known) or f"States: {', '.join(known)}")
    with looking(project) as session:
        number = None if job is None else find_job(session.graph(), job)
        found = task_views(session, job=number, item=item, state=state, limit=limit)
    rows = [
        [f"J{one.job}", one.name, one.state, one.tries, _seconds(one.seconds), moment(one.finished), _reason(one)]
        for one in found
    ]
    headings = ["job", "item", "state", "tries#", "time#", "finished", "reason"]

    def show() -> None:
        table(headings, rows)
        if len(found) == limit:
            say(f"These are the first {limit:,}; give --limit for more.", style="dim")

    answer([asdict(one) for one in found], json_output, show)


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"


def _reason(task: Any) -> str:
    if task.error is not None and task.state in ("failed", "quarantined", "ready", "running"):
        return f"{task.error.get('message', '')}. {task.error.get('hint', '')}".rstrip(". ")
    return "; ".join(task.warnings)


def log(
    job: JobOption = None,
    item: ItemOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="lines at most")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on showing what comes, until Ctrl-C")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show the log of the project, of a job or of an item, the newest line last.

    Example: [bold]vitreous log --job J2 --follow[/bold]
    """
    from vitreous.project.overview import find_job
    from vitreous.project.views import item_number
    from vitreous.store.events import events

    with looking(project) as session:
        number = None if job is None else find_job(session.graph(), job)
        chosen = None if item is None else item_number(session, item)
        found = events(session.db, job=number, item=chosen, limit=limit)
        if json_output and not follow:
            print(to_json([asdict(event) for event in found]))  # noqa: T201 - the answer
            return
        _print_events(session, found, json_output)
        last = found[-1].seq if found else 0
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            while follow:
                time.sleep(FOLLOW_SECONDS)
                new = events(session.db, job=number, item=chosen, after=last, limit=100_000)
                _print_events(session, new, json_output)
                last = new[-1].seq if new else last


def _print_events(session: Session, found: list[Event], json_output: bool) -> None:
    from vitreous.store.items import names_of

    numbers = sorted({event.item for event in found if event.item})
    names = dict(zip(numbers, names_of(session.db, numbers), strict=True)) if numbers else {}
    for event in found:
        if json_output:
            print(to_json(asdict(event), indent=None), flush=True)  # noqa: T201 - a line for each event
            continue
        about = [f"J{event.job}"] if event.job else []
        about += [names.get(event.item, f"#{event.item}")] if event.item else []
        style = {"quarantined": "red", "failed": "yellow"}.get(event.kind)
        say(" ".join([moment(event.time), *about, event.message]), style=style)


def why(
    name: Annotated[
        str | None, typer.Argument(metavar="[JOB|ITEM|FILE]", help="the whole project unless given", show_default=False)
    ] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say in a sentence what a job, an item, a file of the camera or the project waits for, and what to do.

    Example: [bold]vitreous why J3[/bold]
    """
    from vitreous.project.overview import find_job
    from vitreous.project.why import explain

    with looking(project) as session:
        graph = session.graph()
        if name is not None and any(job.type in (name, f"script:{name}") for job in graph.jobs.values()):
            name = f"J{find_job(graph, name)}"
        text = explain(session, name)
    answer({"about": name, "why": text}, json_output, lambda: say(text))


def parameters(
    job: JobArgument, item: ItemOption = None, project: ProjectOption = None, json_output: JsonOption = False
) -> None:
    """Show every parameter of a job (for one item), its value, its unit, and where the value comes from.

    Example: [bold]vitreous parameters J2 --item session1_0012[/bold]
    """
    from vitreous.project import schemas

    with opened(project) as found:
        number = job_of(found, job)
        values = found.parameters(number, item)
        job_type = type_of(found, number)
    infos = {info.name: info for info in schemas.parameters(job_type)}
    records = {
        name: {"value": value.value, "unit": infos[name].unit if name in infos else None, "origin": value.origin}
        for name, value in values.items()
    }
    rows = [[name, entry["value"], entry["unit"] or "", entry["origin"]] for name, entry in records.items()]
    title = f"J{number} {job_type.title}" + (f", {item}" if item else "")
    answer(records, json_output, lambda: table(["parameter", "value", "unit", "from"], rows, title))


def revisions(job: JobArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """List the versions of a job's parameters: when, by whom, why, what changed.

    Example: [bold]vitreous revisions J4[/bold]
    """
    from vitreous.project.overview import find_job
    from vitreous.store.jobs import revisions as known

    with looking(project) as session:
        found = known(session.db, find_job(session.graph(), job))
    rows: list[list[Any]] = []
    before: Mapping[str, Any] = {}
    for one in found:
        names = [name for name in dict.fromkeys([*before, *one.params]) if before.get(name) != one.params.get(name)]
        changed = "; ".join(f"{name} = {cell(one.params.get(name))}" for name in names)
        rows.append([one.revision, moment(one.time), one.author, changed, one.reason])
        before = one.params
    answer(
        [asdict(one) for one in found],
        json_output,
        lambda: table(["revision#", "when", "by", "what changed", "why"], rows),
    )


def diff(
    job: JobArgument,
    before: Annotated[int, typer.Argument(metavar="REVISION", help="the earlier revision")],
    after: Annotated[
        int | None, typer.Argument(metavar="[REVISION]", help="the later one; as it is now unless given")
    ] = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show which items entered and left a filter between two of its revisions.

    Example: [bold]vitreous diff J4 1 3[/bold]
    """
    with opened(project) as found:
        change = found.diff(job_of(found, job), before, after)

    def show() -> None:
        for sign, names, style in (("+", change.entered, "green"), ("-", change.left, "red")):
            for name in names:
                say(f"{sign} {name}", style=style)
        say(f"{len(change.entered):,} entered, {len(change.left):,} left.")

    answer({"entered": change.entered, "left": change.left}, json_output, show)


def preflight(
    apply: Annotated[bool, typer.Option("--apply", help="set the project's settings as it proposes")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show what the check of the first movies found: gain, frames, dose, pixel size, and what would mend them.

    Example: [bold]vitreous preflight --apply[/bold]
    """
    with opened(project) as found:
        report = found.preflight()
        if report is None:
            raise UsageError(
                "no check of the first movies is done",
                hint="Add one behind a subset of an import: vitreous add subset select.kind=first select.number=5, "
                "then vitreous add preflight --batch 3",
            )
        done = found.apply_proposal() if apply else {}
    marks = {True: "ok", False: "wrong", None: "not sure"}
    rows = [
        [entry["check"].replace("_", " "), marks[entry["ok"]], entry["message"], _proposed(entry["proposal"])]
        for entry in report["findings"]
    ]

    def show() -> None:
        table(["check", "", "what was found", "proposal"], rows)
        if done:
            say(f"Set {_proposed(done)}.")

    answer({**report, "applied": done}, json_output, show)


def _proposed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={cell(value)}" for name, value in values.items())


COMMANDS = {
    "preflight": Command(preflight),
    "jobs": Command(jobs),
    "tasks": Command(tasks),
    "log": Command(log),
    "why": Command(why),
    "parameters": Command(parameters),
    "revisions": Command(revisions),
    "diff": Command(diff),
}
