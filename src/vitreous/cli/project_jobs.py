"""The commands that make and change one job: add, edit, undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitreous.cli.project_common import (
    Command,
    JobArgument,
    JsonOption,
    ProjectOption,
    WordsArgument,
    answer,
    cell,
    input_names,
    job_of,
    opened,
    say,
    type_name,
    type_of,
    typed,
)
from vitreous.core.errors import UsageError
from vitreous.core.words import counted

if TYPE_CHECKING:
    from vitreous.project.project import Project

InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "--after",
        "-i",
        metavar="JOB[:OUTPUT]",
        help="take the items of this job, such as J2, ctf or J4:rejected; may be repeated",
        show_default=False,
    ),
]
TitleOption = Annotated[str | None, typer.Option("--title", help="for people", show_default=False)]
NoteOption = Annotated[str | None, typer.Option("--note", help="for people", show_default=False)]
WaitsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--wait", metavar="JOB", help="start only when this job is finished; may be repeated", show_default=False
    ),
]
PriorityOption = Annotated[
    int | None, typer.Option("--priority", help="jobs with a higher one go first [default: 0]", show_default=False)
]
SerialOption = Annotated[
    bool | None,
    typer.Option("--serial/--no-serial", help="one item after the other, in the order of arrival", show_default=False),
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch",
        min=0,
        metavar="N",
        help="items that are worked on together (0: all); a set is run again when so many have come",
        show_default=False,
    ),
]


def add(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="job type (vitreous job-types)")],
    words: WordsArgument = None,
    inputs: InputsOption = None,
    title: TitleOption = None,
    note: NoteOption = None,
    waits: WaitsOption = None,
    priority: PriorityOption = None,
    serial: SerialOption = None,
    batch: BatchOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Add a job; without --input it takes the items of the newest job behind which it fits.

    Example: [bold]vitreous add motion patches=5x5 binning=2 --title "half size"[/bold]
    """
    from vitreous.project.types import needed_type

    with opened(project) as found:
        job_type = needed_type(found.folder, type_name(found.folder, type))
        number = found.act(
            "add_job",
            type=job_type.name,
            params=typed(job_type, words),
            inputs=input_names(found, inputs),
            **_fields(title, note, priority, serial, batch),
            **_waits(found, waits),
        )
        record = record_of(found, number)
    takes = f", which takes {', '.join(record['inputs'])}" if record["inputs"] else ""
    answer(record, json_output, lambda: say(f"Added J{number} {record['title']} ({record['type']}){takes}."))


def edit(
    job: JobArgument,
    words: WordsArgument = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="NAME", help="leave a parameter to the project and its default again"),
    ] = None,
    inputs: InputsOption = None,
    reason: Annotated[str, typer.Option("--reason", help="kept with the change", show_default=False)] = "",
    items: Annotated[
        list[str] | None,
        typer.Option(
            "--item", metavar="PATTERN", help="set the parameters for these items alone, in all jobs of the type"
        ),
    ] = None,
    title: TitleOption = None,
    note: NoteOption = None,
    waits: WaitsOption = None,
    priority: PriorityOption = None,
    serial: SerialOption = None,
    batch: BatchOption = None,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Change a job; results that depend on what changed are computed again, and nothing else is.

    Example: [bold]vitreous edit J2 patches=7x7 --reason "more local motion than expected"[/bold]
    """
    fields = _fields(title, note, priority, serial, batch)
    with opened(project) as found:
        number = job_of(found, job)
        if items:
            if fields or inputs or waits or reason:
                raise UsageError("items have only parameters of their own", hint="Give NAME=VALUE beside --item")
            _edit_items(found, number, words or (), unset or (), items, json_output)
            return
        before = record_of(found, number)
        params, taken = _changes(found, number, words or (), unset or (), before["params"])
        if not (params or taken or inputs or waits or fields):
            raise UsageError("nothing is to be changed", hint="Give NAME=VALUE, --unset, --input, --title …")
        found.act(
            "edit_job",
            job=number,
            params=params,
            unset=taken,
            reason=reason,
            inputs=input_names(found, inputs),
            **fields,
            **_waits(found, waits),
        )
        _answer_change(found, number, before, json_output)


def _changes(
    project: Project, number: int, words: Sequence[str], unset: Sequence[str], before: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Parameters to set, and those to leave to the project again."""
    job_type = type_of(project, number)
    names = [name.replace("-", "_") for name in unset]
    for name in names:
        if name not in job_type.params.model_fields:
            known = ", ".join(job_type.params.model_fields)
            raise UsageError(f"{job_type.name} has no parameter {name!r}", hint=f"Known: {known}", parameter=name)
    values = typed(job_type, words, before) if words else dict(before)
    taken = [name for name in before if name not in values or name in names]
    changed = {name: value for name, value in values.items() if name not in taken and before.get(name) != value}
    return changed, taken


def _edit_items(
    project: Project, number: int, words: Sequence[str], unset: Sequence[str], items: Sequence[str], json_output: bool
) -> None:
    from vitreous.cli.param_text import parse_settings

    job_type = type_of(project, number)
    required = {name for name, field in job_type.params.model_fields.items() if field.is_required()}
    params: dict[str, Any] = dict.fromkeys(name.replace("-", "_") for name in unset)
    if words:
        known = project.job_view(number).params
        before = {name: value for name, value in known.items() if name in required}
        values = parse_settings(job_type, words, before)
        params |= {name: value for name, value in values.items() if before.get(name) != value}
    if not params:
        raise UsageError("no parameter is given", hint="Give NAME=VALUE or --unset NAME beside --item")
    selection = {"names": list(items)}
    changed = project.act("set_item_parameters", selection=selection, type=job_type.name, params=params)
    told = ", ".join(f"{name} = {cell(value)}" for name, value in params.items())
    answer(
        {"type": job_type.name, "params": params, "items": changed},
        json_output,
        lambda: say(f"{told} for {counted(len(changed), 'item')}, in jobs of the type {job_type.name}."),
    )


def _answer_change(project: Project, number: int, before: Mapping[str, Any], json_output: bool) -> None:
    from vitreous.project.overview import dependent_tasks, open_for_reading

    after = record_of(project, number)
    session = open_for_reading(project.folder)
    try:
        stale = dependent_tasks(session, number)
    finally:
        session.db.close()
    changed = {
        name: {"before": before["params"].get(name), "after": after["params"].get(name)}
        for name in dict.fromkeys([*before["params"], *after["params"]])
        if before["params"].get(name) != after["params"].get(name)
    }
    other = [name for name in after if name not in ("params", "revision", "counts") and after[name] != before[name]]
    affected = stale if changed or "inputs" in other else 0
    record = {**after, "changed": changed, "may_be_computed_again": affected}

    def show() -> None:
        for name, values in changed.items():
            say(f"{name}: {_set_text(values['before'])} → {_set_text(values['after'])}")
        for name in other:
            say(f"{name}: {cell(before[name]) or '–'} → {cell(after[name]) or '–'}")
        if not changed and not other:
            say(f"J{number} stays as it was.")
        if affected:
            task = counted(affected, "finished task")
            say(f"{task} of J{number} and the jobs behind it are computed again, unless such results are known.")

    answer(record, json_output, show)


def _set_text(value: Any) -> str:
    return "not set" if value is None else cell(value)


def undo(job: JobArgument, project: ProjectOption = None, json_output: JsonOption = False) -> None:
    """Go back to a job's parameters before the last change; results of then are found again.

    Example: [bold]vitreous undo J2[/bold]
    """
    with opened(project) as found:
        number = job_of(found, job)
        before = record_of(found, number)
        found.act("undo_edit", job=number)
        _answer_change(found, number, before, json_output)


def _fields(
    title: str | None, note: str | None, priority: int | None, serial: bool | None, batch: int | None
) -> dict[str, Any]:
    given = {"title": title, "note": note, "priority": priority, "serial": serial, "batch": batch}
    return {name: value for name, value in given.items() if value is not None}


def _waits(project: Project, names: Sequence[str] | None) -> dict[str, Any]:
    return {"waits": [job_of(project, name) for name in names]} if names else {}


def record_of(project: Project, number: int) -> dict[str, Any]:
    """What is shown of a job; JSON-able."""
    from vitreous.project.overview import job_record

    return job_record(project.graph().jobs[number], project.job_view(number).counts, {})


COMMANDS = {
    "add": Command(add),
    "edit": Command(edit),
    "undo": Command(undo),
}
