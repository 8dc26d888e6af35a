"""Check all of a template against a project before anything of it is added."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous import __version__
from vitreous.core.errors import UsageError, VitreousError
from vitreous.core.plain import plain
from vitreous.core.words import near
from vitreous.model.acquisition import Acquisition, from_mapping
from vitreous.project.job_actions import check_connection, read_input
from vitreous.project.scripts import LARGEST, BrokenScript, find_scripts
from vitreous.project.session import Session
from vitreous.project.settings import check_settings
from vitreous.project.template_format import INPUTS, SETTINGS, UNSET, Template, TemplateFile, TemplateInput, TemplateJob
from vitreous.project.types import PREFIX
from vitreous.store.database import read_meta
from vitreous.workflow.graph import Graph, Input, Job, chosen_slot
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import checked, is_file

Changes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class PlannedJob:
    """One job that will be added: ``inputs`` are jobs of the project, or places of planned jobs in the plan."""

    job: TemplateJob
    job_type: JobType
    params: Mapping[str, Any]
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Plan:
    """What a template will do to a project.

    Attributes:
        jobs: in order.
        first: number that stands for the first planned job in ``inputs``; the second is one more, and so on.
        settings: to be set.
        scripts: file name → text, to be written.
    """

    jobs: tuple[PlannedJob, ...]
    first: int
    settings: Mapping[str, Any]
    scripts: Mapping[str, str]


def plan_template(session: Session, template: Template, changes: Changes) -> Plan:
    """What the template will do, or a ``UsageError`` in terms of its keys and parameters."""
    for key in changes:
        if key != SETTINGS:
            template.job(key)
    scripts = _new_scripts(session, template)
    types = _types(session, template, scripts)
    settings = _settings(session, template, changes.get(SETTINGS, {}))
    values = {job.key: _values(template, types[job.key], job, changes.get(job.key, {})) for job in template.jobs}
    found, missing = _find_files(session, template, values, {**session.settings(), **settings}, changes)
    missing += _not_supplied(template, types, values)
    if missing:
        raise _must_be_supplied(template, missing)
    for key, params in values.items():
        _check_params(session, types[key], key, params)
    jobs, first = _connected(session, template, types, values, changes)
    return Plan(jobs, first, {**settings, **found}, scripts)


def template_types(session: Session, template: Template) -> dict[str, JobType]:
    """Key → job type, also of the scripts that the template brings; a ``UsageError`` where one can't be used here."""
    return _types(session, template, _new_scripts(session, template))


# --- scripts and job types ------------------------------------------------------------------------------------------


def _new_scripts(session: Session, template: Template) -> dict[str, str]:
    """The scripts that the project has not; one that it has must be the same."""
    new = {}
    for name, text in template.scripts.items():
        if not name or name != Path(name).name or name.startswith(".") or not name.isprintable() or len(text) > LARGEST:
            raise UsageError(
                f"the template holds a script {name!r}, which can't be one",
                hint="Scripts are files directly in the folder scripts, of at most 4 MB",
            )
        there = session.folder / "scripts" / name
        if not there.exists():
            new[name] = text
        elif not there.is_file() or there.read_bytes() != text.encode():
            raise UsageError(
                f"the project has another script {name} than the template",
                hint=f"Rename or remove {there}, or rename the script in the template",
                path=str(there),
            )
    return new


def _types(session: Session, template: Template, scripts: Mapping[str, str]) -> dict[str, JobType]:
    """Key → job type; those of scripts that are yet to be written are read from a copy."""
    types = {}
    with _written_aside(scripts) as folder:
        fresh = find_scripts(folder)
        here = find_scripts(session.folder / "scripts")
        for name in fresh.keys() & here.keys():
            raise UsageError(f"the project has another script that is {name}", hint="Rename one of the two scripts")
        mode = read_meta(session.db)["mode"]
        for job in template.jobs:
            types[job.key] = found = _type(session, job, fresh.get(job.type))
            if job.version is not None and job.version > found.version:
                raise UsageError(
                    f"{job.key}: the template uses version {job.version} of {job.type}; this program has version "
                    f"{found.version}",
                    hint=f"Install Vitreous {template.vitreous} or newer (this is {__version__})",
                    job=job.key,
                )
            if mode not in found.modes:
                hint = f"{job.type} is offered for {', '.join(found.modes)}"
                raise UsageError(f"{job.key}: {job.type} is not offered for {mode}", hint=hint, job=job.key)
    return types


@contextmanager
def _written_aside(scripts: Mapping[str, str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "scripts"
        folder.mkdir()
        write_scripts(folder, scripts)
        yield folder


def write_scripts(folder: Path, scripts: Mapping[str, str]) -> list[Path]:
    """Write scripts as executable files; returns them."""
    written = []
    for name, text in scripts.items():
        path = folder / name
        path.write_text(text, encoding="utf-8", newline="")
        path.chmod(0o755)
        written.append(path)
    return written


def _type(session: Session, job: TemplateJob, fresh: JobType | BrokenScript | None) -> JobType:
    if isinstance(fresh, JobType):
        return fresh
    with in_terms_of(job.key):
        if fresh is not None:
            raise fresh.error()
        if job.type.startswith(PREFIX) and job.type not in find_scripts(session.folder / "scripts"):
            hint = "Export the template again: the script is missing in it"
            raise UsageError(f"there is no script for {job.type}, here or in the template", hint=hint)
        return session.type(job.type)


@contextmanager
def in_terms_of(key: str) -> Iterator[None]:
    """Put the key of the job before what goes wrong."""
    try:
        yield
    except VitreousError as error:
        context = {name: value for name, value in error.context.items() if name != "job"}
        raise UsageError(f"{key}: {error.message}", hint=error.hint, **context, job=key) from error


# --- settings, parameters, files --------------------------------------------------------------------------------------


def _settings(session: Session, template: Template, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings to be set: those given, and those of the template that the project has not."""
    here = session.settings()
    merged = {**{name: value for name, value in template.settings.items() if name not in here}, **given}
    check_settings(merged)
    acquisition = {name: value for name, value in merged.items() if name in Acquisition.model_fields}
    typed = from_mapping(acquisition, origin=SETTINGS).model_dump(mode="json", include=set(acquisition))
    return {**merged, **typed}


def _values(template: Template, job_type: JobType, job: TemplateJob, given: Mapping[str, Any]) -> dict[str, Any]:
    unset = given.get(UNSET, ())
    unset = [unset] if isinstance(unset, str) else unset
    fields = job_type.params.model_fields
    for name in (*(n for n in given if n not in (INPUTS, UNSET)), *unset):
        if name not in fields:
            hint = near(name, fields) or f"Known: {', '.join(fields) or 'none'}"
            raise UsageError(f"{job.key}: {job.type} has no parameter {name!r}", hint=hint, job=job.key, parameter=name)
    values = {**job.params, **{name: value for name, value in given.items() if name not in (INPUTS, UNSET)}}
    return {name: plain(value) for name, value in values.items() if name not in unset}


def _find_files(
    session: Session,
    template: Template,
    values: dict[str, dict[str, Any]],
    settings: Mapping[str, Any],
    changes: Changes,
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Put files of the same content as the template's in their places; returns those of settings, and what is missing.

    What was supplied, or is to be left unset, is not looked for.
    """
    found, missing = {}, []
    for file in template.files:
        given = changes.get(file.job or SETTINGS, {})
        if file.parameter in given or file.parameter in given.get(UNSET, ()):
            continue
        if file.job is None and settings.get(file.parameter):
            continue
        name = _same_file(session, file)
        if name is None:
            identity = f", content hash {file.identity}" if file.identity else ""
            missing.append((file.job or SETTINGS, file.parameter, f"was {file.name}{identity}"))
        elif file.job is None:
            found[file.parameter] = name
        else:
            values[file.job][file.parameter] = name
    return found, missing


def _same_file(session: Session, file: TemplateFile) -> str | None:
    """The file of the project with the same content, by its name or in ``references``."""
    folder = session.folder / "references"
    names = [str(path.relative_to(session.folder)) for path in sorted(folder.glob("*"))] if folder.is_dir() else []
    for name in ([] if Path(file.name).is_absolute() else [file.name]) + names:
        if (session.folder / name).is_file() and session.file_identity(name) == file.identity:
            return name
    return None


def _not_supplied(
    template: Template, types: Mapping[str, JobType], values: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    missing = {
        (entry.job, entry.parameter): entry.help
        for entry in template.supply
        if values[entry.job].get(entry.parameter) is None
    }
    files = {(file.job, file.parameter) for file in template.files}
    for key, job_type in types.items():
        for name, field in job_type.params.model_fields.items():
            if field.is_required() and name not in values[key] and (key, name) not in files:
                missing.setdefault((key, name), field.description or "")
    return [(key, name, help) for (key, name), help in missing.items()]


def _must_be_supplied(template: Template, missing: Sequence[tuple[str, str, str]]) -> UsageError:
    names = [f"{key}.{name}" for key, name, _ in missing]
    texts = [f"{key}.{name}=…" + (f" ({about})" if about else "") for key, name, about in missing]
    return UsageError(
        f"the template {template.title!r} does not bring {' and '.join(names)}",
        hint=f"Supply {'; '.join(texts)}",
        missing=names,
    )


def _check_params(session: Session, job_type: JobType, key: str, params: Mapping[str, Any]) -> None:
    checked(job_type, params, key)
    for name, value in params.items():
        if value is None or not is_file(job_type, name):
            continue
        path = Path(str(value)).expanduser()
        if not path.is_file() and not (session.folder / path).is_file():
            raise UsageError(
                f"{key}: {name}: {value} is not a file",
                hint="Check the name; relative ones begin in the project",
                job=key,
                parameter=name,
                path=str(value),
            )


# --- connections ------------------------------------------------------------------------------------------------------


def _connected(
    session: Session,
    template: Template,
    types: Mapping[str, JobType],
    values: Mapping[str, Mapping[str, Any]],
    changes: Changes,
) -> tuple[tuple[PlannedJob, ...], int]:
    """The jobs with their inputs, each checked in the graph as it will be."""
    before = session.graph()
    first = max(before.jobs, default=0) + 1
    numbers = {job.key: first + place for place, job in enumerate(template.jobs)}
    jobs, planned = dict(before.jobs), []
    for job in template.jobs:
        job_type, graph = types[job.key], Graph(dict(jobs))
        with in_terms_of(job.key):
            inputs = tuple(_inputs(before, graph, numbers, job, changes.get(job.key, {}).get(INPUTS)))
            check_connection(graph, job_type, inputs)
        planned.append(PlannedJob(job, job_type, values[job.key], inputs))
        jobs[numbers[job.key]] = Job(
            numbers[job.key],
            job.type,
            title=job.title,
            inputs=inputs,
            scope=job_type.scope,
            needs=job_type.needs,
            each=job_type.each,
            gives=job_type.gives_names(),
            outputs=job_type.outputs,
            any_input=job_type.any_input,
        )
    return tuple(planned), first


def _inputs(before: Graph, graph: Graph, numbers: Mapping[str, int], job: TemplateJob, given: Any) -> Iterator[Input]:
    """Where the items come from; ``given`` are jobs of the project for the open inputs, in order."""
    opened = [entry for entry in job.inputs if entry.open is not None]
    names = [given] if isinstance(given, str | int) else list(given or [])
    if names and len(names) != len(opened):
        raise UsageError(
            f"{len(names)} inputs are given, but {len(opened)} are open", hint="Give one for each open input"
        )
    if len(opened) > 1 and not names:
        raise UsageError(
            f"{len(opened)} inputs from outside the template are open: {'; '.join(entry.was for entry in opened)}",
            hint=f"Name the jobs that give them: {job.key}.{INPUTS}=J1,J2",
        )
    for entry in job.inputs:
        if entry.job is None:
            yield read_input(before, names.pop(0)) if names else _newest(before, job.key, entry)
            continue
        source = graph.jobs[numbers[entry.job]]
        if entry.output not in source.outputs:
            hint = f"It has {', '.join(source.outputs)}"
            raise UsageError(f"{entry.job} has no output {entry.output!r}", hint=hint)
        yield Input(source.id, entry.output)


def _newest(graph: Graph, key: str, entry: TemplateInput) -> Input:
    """The newest job of the project behind which items have the slots that an open input must give."""
    needs = entry.open or ()
    for number in sorted(graph.jobs, reverse=True):
        slots = graph.slots_behind(number)
        single = graph.jobs[number].scope in ("item", "source")
        if single and all(chosen_slot(need, slots) is not None for need in needs):
            return Input(number)
    wanted = " and ".join(need.replace("|", " or ") for need in needs) or "items"
    raise UsageError(
        f"its input must give {wanted}, which no job of the project does"
        + (f" (it was {entry.was})" if entry.was else ""),
        hint=f"Add such a job first, or name one: {key}.{INPUTS}=J3",
    )
