"""What a template would do to a project, before it is done: its jobs, what it asks for, what stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitreous.core.errors import UsageError, VitreousError
from vitreous.project.session import Session
from vitreous.project.template_format import SETTINGS, Template, check_template
from vitreous.project.template_plan import Changes, plan_template, template_types


def preview_template(session: Session, content: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Jobs, settings and scripts that it would add, what is to be supplied, and the first fault; JSON-able.

    Raises:
        DataError: it is no template.
    """
    template = check_template(content)
    fault, planned = None, {}
    try:
        plan = plan_template(session, template, changes)
        places = {plan.first + place: entry.job.key for place, entry in enumerate(plan.jobs)}
        planned = {
            entry.job.key: [
                places.get(edge.source, f"J{edge.source}") + ("" if edge.output == "items" else f":{edge.output}")
                for edge in entry.inputs
            ]
            for entry in plan.jobs
        }
        settings: Mapping[str, Any] = plan.settings
    except VitreousError as error:
        settings = template.settings
        fault = {"message": error.message, "hint": error.hint}
    return {
        "title": template.title,
        "summary": template.summary,
        "mode": template.mode,
        "jobs": [
            {
                "key": job.key,
                "type": job.type,
                "title": job.title,
                "note": job.note,
                "params": job.params,
                "inputs": planned.get(job.key) or [entry.job or (entry.was or "open") for entry in job.inputs],
            }
            for job in template.jobs
        ],
        "settings": dict(settings),
        "asks": _asks(session, template, changes),
        "decisions": sum(len(entry.items) for entry in template.decisions),
        "scripts": sorted(template.scripts),
        "left_out": list(template.left_out),
        "fault": fault,
    }


def _asks(session: Session, template: Template, changes: Changes) -> list[dict[str, Any]]:
    """What has to be given: values of one session, files that don't travel, open inputs, required parameters."""
    asks = [
        {"job": entry.job, "name": entry.parameter, "kind": "value", "help": entry.help, "required": True}
        for entry in template.supply
    ]
    asks += [
        {"job": file.job or SETTINGS, "name": file.parameter, "kind": "file", "help": f"was {file.name}",
         "required": False}
        for file in template.files
    ]  # fmt: skip
    for job in template.jobs:
        for entry in job.inputs:
            if entry.open is not None:
                wanted = " and ".join(need.replace("|", " or ") for need in entry.open) or "items"
                text = f"items with {wanted}" + (f"; it was {entry.was}" if entry.was else "")
                asks.append({"job": job.key, "name": "inputs", "kind": "input", "help": text, "required": False})
    known = {(ask["job"], ask["name"]) for ask in asks}
    try:
        types = template_types(session, template)
    except UsageError:
        return asks
    for job in template.jobs:
        for name, field in types[job.key].params.model_fields.items():
            if field.is_required() and name not in job.params and (job.key, name) not in known:
                asks.append(
                    {"job": job.key, "name": name, "kind": "value", "help": field.description or "", "required": True}
                )
    return asks
