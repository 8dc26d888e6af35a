"""Where a parameter's value comes from: the item, the job, a slot of the input, the project, or the default."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vitreous.core.errors import UsageError
from vitreous.core.plain import plain
from vitreous.workflow.job_type import JobType, Params


@dataclass(frozen=True)
class Source:
    """Values with the name of where they come from, such as ``job`` or ``slot micrograph``."""

    name: str
    values: Mapping[str, Any]
    inherited: bool = True
    """Whether only parameters that inherit may take them."""


@dataclass(frozen=True)
class Value:
    """A parameter's value, and where it comes from."""

    value: Any
    origin: str


def flag(job_type: JobType, name: str, key: str) -> bool:
    """Whether a parameter carries a mark of its declaration (``inherits``, ``machine``)."""
    extra = job_type.params.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get(key))


def resolve(job_type: JobType, sources: Sequence[Source]) -> dict[str, Value]:
    """Each parameter that some source sets, from the first that does; the rest is left to the defaults.

    Args:
        job_type: whose parameters.
        sources: the nearest first. A source that is ``inherited`` is asked only for parameters that inherit, and its
            ``None`` counts as unknown.
    """
    found: dict[str, Value] = {}
    for name in job_type.params.model_fields:
        inherits = flag(job_type, name, "inherits")
        for source in sources:
            if source.inherited and (not inherits or source.values.get(name) is None):
                continue
            if name in source.values:
                found[name] = Value(source.values[name], source.name)
                break
    return found


def checked(job_type: JobType, values: Mapping[str, Any], origin: str) -> Params:
    """The parameters' model, or a ``UsageError`` that names the parameter, its unit and what is wrong."""
    try:
        return job_type.params.model_validate(dict(values))
    except ValidationError as error:
        raise parameter_error(job_type, error, origin) from error


def parameter_error(job_type: JobType, error: ValidationError, origin: str) -> UsageError:
    """A validation error in words for people."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    field = job_type.params.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    unit = (
        (field.json_schema_extra or {}).get("unit")
        if field is not None and isinstance(field.json_schema_extra, dict)
        else None
    )
    hint = f"{name}: {field.description}" + (f" [{unit}]" if unit else "") if field is not None else ""
    if first["type"] == "extra_forbidden":
        text, hint = "there is no such parameter", f"Known: {', '.join(job_type.params.model_fields)}"
    given = "" if first["type"] in ("missing", "extra_forbidden") or not name else f" (given: {first['input']!r})"
    return UsageError(
        f"{origin}: {name + ': ' if name else ''}{text}{given}",
        hint=hint or f"See vitreous show {job_type.name}",
        parameter=name or None,
        job_type=job_type.name,
    )


def normalised(job_type: JobType, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the model reads them, JSON-able: ``"5x5"`` becomes ``[5, 5]``.

    Raises:
        UsageError: a value is not allowed.
    """
    model = checked(job_type, values, job_type.name)
    return typing.cast(dict[str, Any], plain(model.model_dump(mode="json", include=set(values))))


def is_file(job_type: JobType, name: str) -> bool:
    """Whether a parameter names a file."""
    return Path in _kinds(job_type.params.model_fields[name].annotation)


def _kinds(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return set().union(*(_kinds(part) for part in typing.get_args(annotation)))
    return {annotation}


def check_needed(job_type: JobType, values: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` where a parameter is unknown without which nothing can be computed."""
    for name, field in job_type.params.model_fields.items():
        if flag(job_type, name, "needed") and values.get(name) is None:
            project = (
                f", or for the whole project: vitreous settings {name}=…" if flag(job_type, name, "inherits") else ""
            )
            raise UsageError(
                f"{job_type.name}: {name} is not set ({field.description})",
                hint=f"Set it for the job{project}",
                parameter=name,
                job_type=job_type.name,
            )


def identity_values(
    job_type: JobType, params: Mapping[str, Any], settings: Mapping[str, Any], file_identity: Callable[[str], str]
) -> dict[str, Any]:
    """Every parameter that bears on the result, as a job knows it before it sees an item; files by their content.

    Raises:
        UsageError: the values do not go together, or a file is missing.
    """
    values = resolve(job_type, [Source("job", params, inherited=False), Source("project", settings)])
    check_needed(job_type, {name: value.value for name, value in values.items()})
    model = checked(job_type, {name: value.value for name, value in values.items()}, job_type.name)
    found = model.model_dump(mode="json")
    for name in list(found):
        if flag(job_type, name, "machine"):
            del found[name]
        elif found[name] is not None and is_file(job_type, name):
            found[name] = file_identity(found[name])
    return typing.cast(dict[str, Any], plain(found))
