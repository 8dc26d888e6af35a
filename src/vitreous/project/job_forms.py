"""What a form needs before a job is added or changed: the catalogue, inputs that fit, faults at their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vitreous.core.errors import UsageError, VitreousError
from vitreous.project.job_actions import InputName, check_columns, check_connection, default_inputs, read_input
from vitreous.project.job_pages import job_lines
from vitreous.project.schemas import default_methods, methods_text, schema
from vitreous.project.session import Session, job_number
from vitreous.project.types import find_type, needed_type, type_names
from vitreous.store.ledger import task_counts
from vitreous.workflow.graph import Graph, Input
from vitreous.workflow.job_type import MODES, JobType, no_command
from vitreous.workflow.parameters import Source, checked, flag, identity_values, is_file, normalised, resolve


def catalogue(session: Session, mode: str | None = None) -> dict[str, Any]:
    """Every job type that a project of a mode offers, in processing order, and the broken ones with their reason.

    Raises:
        UsageError: there is no such mode.
    """
    if mode is not None and mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", hint=f"Modes: {', '.join(MODES)}", missing=True)
    good, broken = [], []
    for name in type_names(session.folder):
        found = find_type(session.folder, name)
        if not isinstance(found, JobType):
            reason = "it is not there" if found is None else found.reason
            broken.append({"name": name, "reason": reason, "traceback": getattr(found, "traceback", "")})
        elif (mode is None or mode in found.modes) and _in_projects(found):
            good.append({**schema(found), "methods": default_methods(found)})
    good.sort(key=lambda entry: (entry["order"], entry["name"]))
    return {"types": good, "categories": list(dict.fromkeys(entry["category"] for entry in good)), "broken": broken}


def _in_projects(job_type: JobType) -> bool:
    """Whether a project can use it: it works on items of a project, or brings them in."""
    return job_type.scope != "item" or bool(job_type.needs) or job_type.start is no_command


def type_named(session: Session, name: str) -> JobType:
    """A job type; where there is none, an error that says so as missing."""
    found = find_type(session.folder, name)
    if isinstance(found, JobType):
        return found
    try:
        return needed_type(session.folder, name)
    except VitreousError as error:
        raise UsageError(error.message, hint=error.hint, missing=True) from error


def fitting_inputs(session: Session, name: str, job: str | int | None = None) -> dict[str, Any]:
    """Outputs of jobs that a job of a type can take, the newest first; ``default`` is what is taken unless chosen.

    Args:
        session: the project.
        name: of the job type.
        job: that is to be connected anew: it and what comes behind it are not offered.
    """
    job_type, graph = type_named(session, name), session.graph()
    if job_type.scope == "source":
        return {"inputs": [], "default": [], "takes": "none"}
    own = frozenset() if job is None else graph.descendants([job_number(graph, job)])
    lines = {entry["id"]: entry for entry in job_lines(session)["jobs"]}
    found = [
        {
            "input": f"J{number}" if output == "items" else f"J{number}:{output}",
            "job": number,
            "output": output,
            "title": lines[number]["title"],
            "type": lines[number]["type"],
            "count": lines[number]["given"].get(output),
            "slots": lines[number]["slots"],
        }
        for number in sorted(graph.jobs, reverse=True)
        if number not in own and _fits(graph, job_type, Input(number))
        for output in lines[number]["outputs"]
    ]
    try:
        default = [f"J{entry.source}" for entry in default_inputs(graph, job_type)]
    except UsageError:
        default = []
    return {"inputs": found, "default": default, "takes": "several" if job_type.scope == "decision" else "some"}


def _fits(graph: Graph, job_type: JobType, entry: Input) -> bool:
    try:
        check_connection(graph, job_type, [entry])
    except UsageError:
        return False
    return True


def check_job(
    session: Session,
    name: str,
    params: Mapping[str, Any],
    inputs: Sequence[InputName] | None = None,
    job: str | int | None = None,
) -> dict[str, Any]:
    """What is wrong with a job before it is added or changed, at its fields; what a change does; JSON-able.

    Args:
        session: the project.
        name: of the job type.
        params: what is set.
        inputs: in place of the default.
        job: that is to be changed.

    Returns:
        ``faults`` (``field`` such as ``select.fraction``, ``inputs``, or empty for the whole), ``inherited`` (value
        and origin of what is not set), ``changes``, ``stale`` (results that are computed again), ``methods``.
    """
    job_type, graph = type_named(session, name), session.graph()
    faults = [*_param_faults(session, job_type, params), *_input_faults(graph, job_type, inputs)]
    changes, stale = ([], 0) if job is None else _changes(session, graph, job_type, job_number(graph, job), params)
    return {
        "faults": faults,
        "inherited": inherited(session, job_type, params),
        "changes": changes,
        "stale": stale,
        "methods": "" if faults else _sentence(session, job_type, params),
    }


def _param_faults(session: Session, job_type: JobType, params: Mapping[str, Any]) -> list[dict[str, str]]:
    faults = []
    try:
        job_type.params.model_validate(dict(params))
    except ValidationError as error:
        return [_of_entry(job_type, entry) for entry in error.errors()]
    except VitreousError as error:
        return [_of_error(error)]
    for field, value in params.items():
        if isinstance(value, str) and is_file(job_type, field) and not _is_there(session, value):
            faults.append(
                {"field": field, "message": f"{value} is not a file", "hint": "Relative names begin in the project"}
            )
    if faults:
        return faults
    try:
        values = normalised(job_type, params)
        check_columns(session, job_type, values)
        identity_values(job_type, values, session.settings(), lambda name: name)
    except VitreousError as error:
        faults.append(_of_error(error))
    return faults


def _of_entry(job_type: JobType, entry: Mapping[str, Any]) -> dict[str, str]:
    """One of pydantic's errors; the tag that it puts into the place of a kind is left out."""
    place = [str(part) for part in entry["loc"]]
    if len(place) > 2 and place[0] in job_type.params.model_fields and place[1] not in ("kind",):
        kinds = _kinds(job_type, place[0])
        place = [place[0], *place[2:]] if place[1] in kinds else place
    field = job_type.params.model_fields.get(place[0]) if place else None
    message = str(entry["msg"]).removeprefix("Value error, ")
    return {"field": ".".join(place), "message": message, "hint": (field.description or "") if field else ""}


def _kinds(job_type: JobType, name: str) -> frozenset[str]:
    field = job_type.params.model_json_schema()["properties"].get(name, {})
    found: Mapping[str, Any] = field.get("discriminator") or next(
        (part["discriminator"] for part in field.get("anyOf", ()) if "discriminator" in part), {}
    )
    return frozenset(found.get("mapping", {}))


def _of_error(error: VitreousError) -> dict[str, str]:
    field = error.context.get("parameter") or ("expression" if "expression" in error.context else "")
    return {"field": str(field or ""), "message": error.message, "hint": error.hint}


def _is_there(session: Session, name: str) -> bool:
    path = Path(name).expanduser()
    return path.is_file() if path.is_absolute() else (session.folder / path).is_file() or path.is_file()


def _input_faults(graph: Graph, job_type: JobType, inputs: Sequence[InputName] | None) -> list[dict[str, str]]:
    try:
        chosen = default_inputs(graph, job_type) if inputs is None else [read_input(graph, entry) for entry in inputs]
        check_connection(graph, job_type, chosen)
    except UsageError as error:
        return [{"field": "inputs", "message": error.message, "hint": error.hint}]
    return []


def inherited(session: Session, job_type: JobType, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Parameter that is not set → the value that it takes from the project, with its origin."""
    origins = session.settings_with_origin()
    sources = [
        Source("project" if entry["origin"] == "user" else f"project, from {entry['origin']}", {name: entry["value"]})
        for name, entry in origins.items()
    ]
    found = resolve(job_type, sources)
    return {
        name: {"value": entry.value, "origin": entry.origin}
        for name, entry in found.items()
        if params.get(name) is None
    }


def _changes(
    session: Session, graph: Graph, job_type: JobType, number: int, params: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """Parameters that would be other ones, and how many results would be computed again."""
    before = graph.jobs[number].params
    names = dict.fromkeys([*before, *params])
    given = {name: value for name, value in params.items() if value is not None}
    changes = [
        {"name": name, "before": before.get(name), "after": given.get(name)}
        for name in names
        if before.get(name) != given.get(name)
    ]
    bears = [
        entry
        for entry in changes
        if entry["name"] in job_type.params.model_fields and not flag(job_type, str(entry["name"]), "machine")
    ]
    if not bears:
        return changes, 0
    counts = task_counts(session.db)
    return changes, sum(counts.get(other, {}).get("done", 0) for other in graph.descendants([number]))


def _sentence(session: Session, job_type: JobType, params: Mapping[str, Any]) -> str:
    own = {name: value for name, value in params.items() if value is not None}
    sources = [Source("job", own, inherited=False), Source("project", session.settings())]
    values = {name: entry.value for name, entry in resolve(job_type, sources).items()}
    return methods_text(job_type, checked(job_type, values, job_type.name))
