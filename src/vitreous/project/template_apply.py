"""Add a template's jobs to a project, with what people decided where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.core.words import counted, near
from vitreous.project.create import FILES
from vitreous.project.decisions import BY_HAND, Pending, await_items, names_by_hand
from vitreous.project.job_actions import add_job
from vitreous.project.references import bring_file
from vitreous.project.session import Session
from vitreous.project.template_format import Template, TemplateDecision, TemplateJob, check_template
from vitreous.project.template_plan import Changes, Plan, PlannedJob, in_terms_of, plan_template, write_scripts
from vitreous.store import jobs as rows
from vitreous.store.events import log_event
from vitreous.store.groups import make_group
from vitreous.store.items import FLAGS
from vitreous.workflow.parameters import normalised


def apply_template(
    session: Session, template: Mapping[str, Any], changes: Changes | None = None, decisions: bool = True
) -> list[int]:
    """Add a template's jobs, connected as they were; all of it is checked before anything is added.

    What people decided about items is done again to items of the same content, else of the same name, now and as they
    arrive.

    Args:
        session: the project.
        template: its content.
        changes: key of a job → parameters to set, ``inputs`` (jobs of the project for its open inputs), ``unset``
            (parameters to leave to slots, project and defaults); ``settings`` → settings of the project to set.
        decisions: whether to take the decisions too.

    Returns:
        Numbers of the jobs, in the order of the template.

    Raises:
        DataError: it is no template, or of a newer format.
        UsageError: a job type is unknown or too old, a parameter is wrong or must be supplied, a file is missing, or
            an input finds no job; nothing is changed.
    """
    content = check_template(template)
    if not decisions:
        content = _without_decisions(content)
    plan = plan_template(session, content, changes or {})
    _check_decisions(session, content, plan)
    folder = session.folder / "scripts"
    folder.mkdir(exist_ok=True)
    written = write_scripts(folder, plan.scripts)
    try:
        with session.db.transaction():
            return _add(session, content, plan)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _without_decisions(template: Template) -> Template:
    jobs = []
    for job in template.jobs:
        by_hand = BY_HAND.get(job.type, ())
        params = {name: value for name, value in job.params.items() if name not in by_hand}
        jobs.append(job.model_copy(update={"params": params}))
    return template.model_copy(update={"jobs": tuple(jobs), "decisions": (), "items": {}})


def _check_decisions(session: Session, template: Template, plan: Plan) -> None:
    """Raise ``UsageError`` for a decision that could not be done when its item arrives."""
    for decision in template.decisions:
        value = decision.value or ""
        if decision.kind == "flag" and value not in FLAGS:
            raise UsageError(f"the template gives a flag {value!r}", hint=f"Flags are {', '.join(FLAGS)}")
        if decision.kind == "tag" and (not value.strip() or "," in value):
            raise UsageError(f"the template gives a tag {value!r}", hint="Tags have letters, and no comma")
        if decision.kind == "parameters":
            _check_parameters(session, plan, decision)


def _check_parameters(session: Session, plan: Plan, decision: TemplateDecision) -> None:
    types = {entry.job.type: entry.job_type for entry in plan.jobs}
    try:
        values = dict(json.loads(decision.value or ""))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the template sets parameters of {decision.items[0]} that can't be read", hint="Export it again"
        ) from error
    for name, value in values.items():
        type_name, _, parameter = name.rpartition(".")
        job_type = types.get(type_name) or session.type(type_name)
        if parameter not in job_type.params.model_fields:
            hint = near(parameter, job_type.params.model_fields) or f"See vitreous show {type_name}"
            raise UsageError(f"the template sets {name} of {decision.items[0]}: there is no such parameter", hint=hint)
        normalised(job_type, {parameter: value})


def _add(session: Session, template: Template, plan: Plan) -> list[int]:
    if plan.settings:
        _set(session, plan.settings, template.title)
    numbers: dict[int, int] = {}
    keys: dict[str, int] = {}
    for place, entry in enumerate(plan.jobs):
        with in_terms_of(entry.job.key):
            number = _add_job(session, entry, numbers, keys)
        numbers[plan.first + place] = keys[entry.job.key] = number
    added = list(keys.values())
    for decision in template.decisions:
        if decision.kind == "group":
            make_group(session.db, decision.value or "", session.author)
    told = f"template {template.title!r} applied: {counted(len(added), 'job')}"
    log_event(session.db, "template", told, session.clock(), data={"author": session.author, "jobs": keys})
    await_items(session, list(_pending(template, keys)), template.title)
    return added


def _set(session: Session, settings: Mapping[str, Any], title: str) -> None:
    stored = session.settings_with_origin()
    for name, value in settings.items():
        kept = bring_file(session, str(value)) if name in FILES and value is not None else value
        stored[name] = {"value": kept, "origin": f"template {title}"}
    session.write_settings(stored)
    told = ", ".join(f"{name} = {value}" for name, value in settings.items())
    log_event(session.db, "settings", f"settings: {told}", session.clock(), data=dict(settings))


def _add_job(session: Session, entry: PlannedJob, numbers: Mapping[int, int], keys: Mapping[str, int]) -> int:
    job: TemplateJob = entry.job
    number = add_job(
        session,
        job.type,
        entry.params,
        [(numbers.get(edge.source, edge.source), edge.output) for edge in entry.inputs],
        title=job.title or None,
        note=job.note,
        waits=[keys[key] for key in job.waits],
        priority=job.priority,
        serial=job.serial,
        batch=job.batch,
        continues=None if job.continues is None else keys[job.continues],
    )
    if job.state != "active":
        rows.update_job(session.db, number, state=job.state)
    return number


def _pending(template: Template, keys: Mapping[str, int]) -> Iterator[Pending]:
    for decision in template.decisions:
        for name in decision.items:
            identity = template.items.get(name)
            yield Pending(name, identity, decision.kind, decision.value, None, decision.author, decision.time)
    for job in template.jobs:
        for parameter in BY_HAND.get(job.type, ()):
            for name in names_by_hand({parameter: job.params.get(parameter)}):
                if name in template.items:
                    yield Pending(name, template.items[name], parameter, None, keys[job.key])


ACTIONS = (apply_template,)
