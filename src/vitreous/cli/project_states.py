"""The commands that let jobs run or not: pause, resume, cancel, close, reopen, remove; and retry, quarantine, order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from vitreous.cli.project_common import (
    Command,
    JobArgument,
    JobsArgument,
    JsonOption,
    ProjectOption,
    answer,
    job_of,
    opened,
    say,
)
from vitreous.cli.project_items import (
    FlagOption,
    GroupOption,
    NamesArgument,
    TagOption,
    WhereOption,
    selection,
)
from vitreous.core.errors import UsageError
from vitreous.core.words import counted


def pause(jobs: JobsArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """Begin no more tasks of these jobs; those under way end.

    Example: [bold]vitreous pause J3[/bold]
    """
    _each("pause_job", "is paused", jobs, project, json_output)


def resume(jobs: JobsArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """Go on with jobs that were paused or cancelled.

    Example: [bold]vitreous resume J3[/bold]
    """
    _each("resume_job", "goes on", jobs, project, json_output)


def cancel(jobs: JobsArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """End jobs: tasks under way are stopped, what is done stays.

    Example: [bold]vitreous cancel J3[/bold]
    """
    _each("cancel_job", "is cancelled", jobs, project, json_output)


def close(jobs: JobsArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """End imports: what comes later is not taken.

    Example: [bold]vitreous close J1[/bold]
    """
    _each("close_source", "is closed", jobs, project, json_output)


def reopen(jobs: JobsArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """Let imports that have ended watch again.

    Example: [bold]vitreous reopen J1[/bold]
    """
    _each("reopen_source", "watches again", jobs, project, json_output)


def _each(action: str, told: str, jobs: Sequence[str], project: Path | None, json_output: bool) -> None:
    with opened(project) as found:
        numbers = [job_of(found, name) for name in jobs]
        for number in numbers:
            found.act(action, job=number)
        views = [found.job_view(number) for number in numbers]
        running = found.folder
    records = [{"id": view.id, "title": view.title, "state": view.state} for view in views]

    def show() -> None:
        from vitreous.store.lock import read_lock

        for view in views:
            say(f"J{view.id} {view.title} {told}.")
        if action in ("resume_job", "reopen_source") and not read_lock(running).held:
            say("No engine runs this project; start it with vitreous run or vitreous watch.")

    answer(records, json_output, show)


def remove(
    job: JobArgument,
    with_all_behind: Annotated[bool, typer.Option("--with-all-behind", help="and all jobs that depend on it")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take a job out of the project; results stay on disk, and are found again if an equal job is added.

    Example: [bold]vitreous remove J5 --with-all-behind[/bold]
    """
    with opened(project) as found:
        number = job_of(found, job)
        titles = {entry.id: entry.label for entry in found.graph().jobs.values()}
        removed = found.act("remove_job", job=number, with_all_behind=with_all_behind)
    answer({"removed": removed}, json_output, lambda: say(f"Removed {', '.join(titles[n] for n in removed)}."))


def retry(
    names: NamesArgument = None,
    jobs: Annotated[
        list[str] | None, typer.Option("--job", metavar="JOB", help="of these jobs alone; may be repeated")
    ] = None,
    all_tasks: Annotated[bool, typer.Option("--all", help="of all jobs and items, and refused files too")] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="those alone that failed so, as the queue groups them"),
    ] = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Try failed and quarantined tasks again; without items, files that an import refused are looked at again too.

    Example: [bold]vitreous retry --job J2[/bold]
    """
    chosen = selection(names, group, flag, tag, where)
    if not (all_tasks or jobs or chosen or reason):
        raise UsageError("it is not said what to try again", hint="Name items, give --job JOB, or --all")
    with opened(project) as found:
        numbers = [job_of(found, name) for name in jobs] if jobs else None
        count = found.act("retry", jobs=numbers, selection=chosen or None, reason=reason)
    told = f"{counted(count, 'task or file', 'tasks and files')} will be tried again."
    answer({"count": count}, json_output, lambda: say(told if count else "Nothing has failed there."))


def quarantine(
    job: JobArgument,
    names: Annotated[list[str], typer.Argument(metavar="ITEM...", help="names, or patterns such as '*_0012*'")],
    reason: Annotated[str, typer.Option("--reason", help="why, for others")],
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Set tasks aside by hand: the job and what is behind it leave these items out, until they are retried.

    Example: [bold]vitreous quarantine ctf '*_0012*' --reason "a crack across the image"[/bold]
    """
    with opened(project) as found:
        number = job_of(found, job)
        count = found.act("quarantine", job=number, selection={"names": names}, reason=reason)
    answer({"count": count}, json_output, lambda: say(f"{counted(count, 'task')} of J{number} quarantined."))


def order(
    names: NamesArgument = None,
    first: Annotated[bool, typer.Option("--first", help="before all others")] = False,
    last: Annotated[bool, typer.Option("--last", help="after all others")] = False,
    normal: Annotated[bool, typer.Option("--normal", help="when it is their turn")] = False,
    before: Annotated[str | None, typer.Option("--before", metavar="NAME", help="right before this item")] = None,
    group: GroupOption = None,
    flag: FlagOption = None,
    tag: TagOption = None,
    where: WhereOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Have items worked on first, last, before another one, or at their turn; the rule for all is the setting order.

    Example: [bold]vitreous order '*_0040*' --first[/bold]
    """
    places: dict[Literal["first", "last", "normal"], bool] = {"first": first, "last": last, "normal": normal}
    chosen = [place for place, wanted in places.items() if wanted]
    if len(chosen) + (before is not None) != 1:
        raise UsageError(
            "it is not said where the items go", hint="Give one of --first, --last, --normal, --before NAME"
        )
    with opened(project) as found:
        picked = selection(names, group, flag, tag, where)
        if before is not None:
            count = found.act("place_items", selection=picked, before=before)
        else:
            count = found.act("order_items", selection=picked, place=chosen[0])
    words = {"first": "come first", "last": "come last", "normal": "come when it is their turn"}
    told = words[chosen[0]] if chosen else f"come before {before}"
    answer({"count": count}, json_output, lambda: say(f"{counted(count, 'item')} {told}."))


JOB_COMMANDS = {
    "pause": Command(pause),
    "resume": Command(resume),
    "cancel": Command(cancel),
    "close": Command(close),
    "reopen": Command(reopen),
    "remove": Command(remove),
    "retry": Command(retry),
}
ITEM_COMMANDS = {"quarantine": Command(quarantine), "order": Command(order)}
