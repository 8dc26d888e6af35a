"""What a job type is, as data: the one description that forms, documentation and other programs read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.plain import plain
from vitreous.model.columns import find_column
from vitreous.workflow.job_type import JobType, Params, Slot

_PLACE = re.compile(r"\{(\w+)\}")
_PART = re.compile(r"\[(\w+): ([^\[\]]*)\]")
_KINDS = {"number": "number", "integer": "whole number", "boolean": "yes or no", "string": "text", "array": "list"}
_SIGNS = (("exclusiveMinimum", ">"), ("minimum", "≥"), ("exclusiveMaximum", "<"), ("maximum", "≤"))


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter as a person reads it.

    Attributes:
        name: of the field.
        help: what it is.
        kind: "number", "whole number", "yes or no", "text", "path", "list" or "choice".
        unit: of numbers, or ``None``.
        level: "normal" or "advanced".
        group: heading.
        required: whether a value must be given.
        default: JSON-able, ``None`` where it is unset.
        limits: such as "> 0, ≤ 100"; empty where there are none.
        choices: of a choice.
    """

    name: str
    help: str
    kind: str
    unit: str | None
    level: str
    group: str
    required: bool
    default: Any
    limits: str
    choices: tuple[Any, ...]

    @property
    def default_text(self) -> str:
        """The default as a person reads it; "required" where there is none, empty where it is unset."""
        if self.required:
            return "required"
        return "" if self.default is None else _value_text(self.default)


def schema(job: JobType) -> dict[str, Any]:
    """A job type as a JSON-able dict.

    ``parameters`` is a JSON schema by itself (draft 2020-12): each property has ``unit``, ``level`` and ``group``
    beside limits, default and choices; a parameter that is one of several kinds has a ``discriminator``.
    """
    return {
        "name": job.name,
        "title": job.title,
        "summary": job.summary,
        "version": job.version,
        "category": job.category,
        "order": job.order,
        "modes": list(job.modes),
        "scope": job.scope,
        "items": job.items,
        "needs": [need.split("|") for need in job.needs],
        "gives": [_slot(slot) for slot in job.gives],
        "outputs": list(job.outputs),
        "parameters": plain(job.params.model_json_schema()),
        "methods": job.methods,
        "citations": list(job.citations),
        "example": job.example,
    }


def _slot(slot: Slot) -> dict[str, Any]:
    columns = []
    for name in slot.columns:
        known = find_column(name)
        facts = {} if known is None else {"kind": known.kind, "unit": known.unit, "meaning": known.meaning}
        columns.append({"name": name, **facts})
    return {"name": slot.name, "file": slot.file, "files": list(slot.files), "columns": columns}


def parameters(job: JobType) -> tuple[ParameterInfo, ...]:
    """The parameters of a job type in the order in which they are declared."""
    whole = job.params.model_json_schema()
    required = set(whole.get("required", ()))
    return tuple(_info(name, field, whole, name in required) for name, field in whole.get("properties", {}).items())


def _info(name: str, field: Mapping[str, Any], whole: Mapping[str, Any], required: bool) -> ParameterInfo:
    forms = [form for form in _forms(field, whole) if form.get("type") != "null"]
    choices = _choices(field, forms)
    # Of several forms (a number or text) the first is the one that a person is told of.
    kind = _KINDS.get(str(forms[0].get("type")), "text") if forms else "text"
    if any(form.get("format") == "path" for form in forms):
        kind = "path"
    limits = [f"{sign} {form[key]:g}" for form in forms for key, sign in _SIGNS if key in form]
    return ParameterInfo(
        name=name,
        help=str(field.get("description", "")),
        kind="choice" if choices else kind,
        unit=field.get("unit"),
        level=str(field.get("level", "normal")),
        group=str(field.get("group") or "Options"),
        required=required,
        default=plain(field.get("default")),
        limits=", ".join(dict.fromkeys(limits)),
        choices=choices,
    )


def _forms(field: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The forms that a value may have, with references followed."""
    parts = field.get("anyOf") or field.get("oneOf") or field.get("allOf")
    if parts:
        return [form for part in parts for form in _forms(part, whole)]
    reference = field.get("$ref")
    if reference is not None:
        return _forms(whole["$defs"][str(reference).rpartition("/")[2]], whole)
    return [field]


def _choices(field: Mapping[str, Any], forms: list[Mapping[str, Any]]) -> tuple[Any, ...]:
    """Values of a choice, or the tags of kinds that a value may be of."""
    for part in (field, *field.get("anyOf", ())):
        if "discriminator" in part:
            return tuple(part["discriminator"].get("mapping", {}))
    found = [value for form in forms for value in (form.get("enum") or ([form["const"]] if "const" in form else []))]
    return tuple(found)


def methods_places(job: JobType) -> frozenset[str]:
    """Names of the parameters that the methods sentence speaks of."""
    return frozenset(_PLACE.findall(job.methods)) | frozenset(name for name, _ in _PART.findall(job.methods))


def methods_text(job: JobType, params: Params) -> str:
    """The sentence for a paper's methods section with the values of ``params``.

    ``{name}`` stands for a value; ``[name: text]`` for a space and the text where that parameter is set (neither
    ``None`` nor no nor 0).
    """
    values = {name: getattr(params, name) for name in type(params).model_fields}
    chosen = _PART.sub(lambda part: f" {part[2]}" if values[part[1]] else "", job.methods)
    return _PLACE.sub(lambda place: _value_text(values[place[1]]), chosen)


def default_methods(job: JobType) -> str:
    """The methods sentence with default values; with its places where a parameter has no default."""
    return job.methods if any(info.required for info in parameters(job)) else methods_text(job, job.params())


def _value_text(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        joint = " × " if all(isinstance(part, int) for part in value) else ", "
        return joint.join(_value_text(part) for part in value)
    return str(plain(value))


def slot_lines(job: JobType) -> list[str]:
    """What the job type needs, and what an item gains by it, in words; files and columns by name."""
    lines = []
    if job.needs:
        lines.append("needs " + ", ".join(" or ".join(need.split("|")) for need in job.needs))
    for slot in job.gives:
        files = ", ".join(name for name in (slot.file, *slot.files) if name)
        columns = ", ".join(_with_unit(name) for name in slot.columns)
        parts = [f"files {files}" if files else "", f"columns {columns}" if columns else ""]
        lines.append(f"gives {slot.name}: " + "; ".join(part for part in parts if part))
    if job.outputs != ("items",):
        lines.append("outputs " + ", ".join(job.outputs))
    return lines


def _with_unit(name: str) -> str:
    known = find_column(name)
    return name if known is None or known.unit is None else f"{name} [{known.unit}]"
