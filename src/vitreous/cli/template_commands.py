"""The commands on workflow templates: export-template, run-template, templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vitreous.cli.project_common import Command, JsonOption, ProjectOption, answer, looking, opened, say, table, typed
from vitreous.cli.terminal import console
from vitreous.core.errors import ResourceError, UsageError
from vitreous.core.plain import to_json
from vitreous.core.words import counted

if TYPE_CHECKING:
    from vitreous.project.session import Session
    from vitreous.project.template_format import Template, TemplateJob
    from vitreous.workflow.job_type import JobType

Mode = Literal["drift", "single-particle", "tomography", "crystal2d"]


def export_template(
    jobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB]...", help="numbers (J3), titles or job types [default: all jobs]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="file to be written [default: standard output]")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="for people; the project's unless given")] = None,
    with_settings: Annotated[
        bool, typer.Option("--with-settings", help="take the project's settings along (pixel size, voltage ...)")
    ] = False,
    decisions: Annotated[
        bool,
        typer.Option("--decisions/--no-decisions", help="take along what people decided about images"),
    ] = True,
    project: ProjectOption = None,
) -> None:
    """Write jobs as a template: parameters, order, notes, scripts, and what people decided, as JSON.

    Files such as gain references stay behind, named with the hash of their content.

    Example: [bold]vitreous export-template --out my-workflow.json --project session1[/bold]
    """
    from vitreous.project import templates
    from vitreous.project.overview import find_job

    with looking(project) as session:
        numbers = [find_job(session.graph(), name) for name in jobs] if jobs else None
        content = templates.export_template(
            session, numbers, with_settings=with_settings, with_decisions=decisions, title=title
        )
    if out is None:
        print(to_json(content))  # noqa: T201 - the answer
    else:
        _write(out, content)
    for line in told_of(content):
        console(stderr=True).print(line, soft_wrap=True)


def _write(out: Path, content: Mapping[str, Any]) -> None:
    from vitreous.formats.base import atomic_path

    try:
        with atomic_path(out) as aside:
            aside.write_text(to_json(content) + "\n", encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            f"{out}: can't be written: {error.strerror}", hint="Choose another file", path=str(out)
        ) from error
    say(f"{out}: {counted(len(content['jobs']), 'job')}. Use it: vitreous run-template {out} --project DIR")


def told_of(content: Mapping[str, Any]) -> list[str]:
    """What people should know of a template: what must be supplied, what it does not hold, whose decisions it has."""
    supply = [f"{entry['job']}.{entry['parameter']}" for entry in content.get("supply", ())]
    files = [f"{entry.get('job', 'settings')}.{entry['parameter']}" for entry in content.get("files", ())]
    number = sum(len(entry["items"]) for entry in content.get("decisions", ()))
    lines = [f"must be supplied where it is used: {', '.join(supply)}"] if supply else []
    lines += [f"files that do not travel: {', '.join(files)}"] if files else []
    lines += [f"holds {counted(number, 'decision')} about images, for those of the same content or name"] * bool(number)
    return [*lines, *(f"left out: {text}" for text in content.get("left_out", ()))]


def run_template(
    template: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="a ready template (vitreous templates) or a file")
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY.NAME=VALUE]...",
            help="parameters of its jobs, such as import.sources=/camera; KEY.NAME= leaves one to the project; "
            "KEY.inputs=J3 says where a job takes its items; settings.NAME=VALUE sets one of the project",
            show_default=False,
        ),
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions/--no-decisions", help="decide about images as was done where it comes from")
    ] = True,
    run: Annotated[bool, typer.Option("--run", help="run the project's jobs until all is done")] = False,
    project: ProjectOption = None,
    json_output: JsonOption = False,
) -> None:
    """Add the jobs of a template to a project; all is checked before anything is added.

    Example: [bold]vitreous run-template drift import.sources=/camera/grid3 motion.patches=7x5 --project session1[/bold]
    """
    from vitreous.project import templates

    content = templates.check_template(templates.read_template(template))
    with looking(project) as session:
        changes = read_changes(session, content, words or ())
    with opened(project) as found:
        mapping = templates.read_template(template)
        numbers = found.act("apply_template", template=mapping, changes=changes, decisions=decisions)
    added = dict(zip((job.key for job in content.jobs), numbers, strict=True))
    answer(
        {"template": content.title, "jobs": added},
        json_output and not run,
        lambda: say(f"Added {', '.join(f'J{number} {key}' for key, number in added.items())}."),
    )
    if run:
        from vitreous.cli.project_running import run as run_project

        run_project(project=project, json_output=json_output)


def read_changes(session: Session, template: Template, words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What ``KEY.NAME=VALUE`` words change, by the key of the job.

    Raises:
        UsageError: there is no such job or parameter, or a value is not allowed.
    """
    from vitreous.cli.project_setup import setting_values
    from vitreous.project.template_format import SETTINGS
    from vitreous.project.template_plan import in_terms_of
    from vitreous.project.templates import template_types

    grouped: dict[str, dict[str, str]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        key, dot, rest = name.partition(".")
        if not equals or not dot or not key or not rest:
            keys = ", ".join(job.key for job in template.jobs)
            raise UsageError(
                f"{word!r} sets no parameter of a job",
                hint=f"Write KEY.NAME=VALUE, such as import.sources=/camera; the keys are {keys}, {SETTINGS}",
                word=word,
            )
        grouped.setdefault(key, {})[rest.replace("-", "_")] = text
    changes: dict[str, dict[str, Any]] = {}
    if SETTINGS in grouped:
        changes[SETTINGS] = setting_values(grouped.pop(SETTINGS))
    jobs = {key: template.job(key) for key in grouped}
    types = template_types(session, template)
    for key, values in grouped.items():
        with in_terms_of(key):
            changes[key] = _job_changes(template, jobs[key], types[key], values)
    return changes


def _job_changes(template: Template, job: TemplateJob, job_type: JobType, values: Mapping[str, str]) -> dict[str, Any]:
    from vitreous.project.template_format import INPUTS, UNSET

    found: dict[str, Any] = {}
    parameters = {name: text for name, text in values.items() if name != INPUTS}
    if INPUTS in values:
        found[INPUTS] = [name.strip() for name in values[INPUTS].split(",") if name.strip()]
    if parameters:
        # Files that may be found by their content stand for themselves, so that none counts as missing.
        files = {file.parameter: file.name for file in template.files if file.job == job.key}
        before = {**job.params, **files}
        after = typed(job_type, [f"{name}={text}" for name, text in parameters.items()], before)
        found |= {name: value for name, value in after.items() if name not in before or before[name] != value}
        unset = [name for name in before if name not in after]
        if unset:
            found[UNSET] = unset
    return found


def list_templates(
    mode: Annotated[Mode | None, typer.Option("--mode", help="only those for this mode", show_default=False)] = None,
    json_output: JsonOption = False,
) -> None:
    """List the ready templates.

    Example: [bold]vitreous templates --mode tomography[/bold]
    """
    from vitreous.project.templates import shipped

    found = {name: entry for name, entry in shipped().items() if mode in (None, entry["mode"])}
    rows = [[name, entry["mode"], entry["title"], entry["summary"]] for name, entry in found.items()]
    answer(found, json_output, lambda: table(["template", "mode", "title", "what it does"], rows))


COMMANDS = {
    "templates": Command(list_templates),
    "run-template": Command(run_template),
    "export-template": Command(export_template),
}
