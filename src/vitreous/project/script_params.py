"""The parameters' model of a user script, made from its header: the same model that a built-in job type has."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError, create_model

from vitreous.project.script_header import Block, HeaderFault, ParameterHeader, ScriptHeader
from vitreous.workflow.job_type import Params, parameter

RESERVED = frozenset({"items", "out", "json_output", "threads", "help"})
"""Names that the command line keeps for itself."""

TYPES: dict[str, Any] = {"float": float, "int": int, "bool": bool, "text": str, "file": Path}


def params_model(name: str, header: ScriptHeader, block: Block) -> type[Params]:
    """A pydantic model with a field for each declared parameter: type, limits, unit, help, level, group.

    Raises:
        HeaderFault: a name is taken, or a default breaks its own limits.
    """
    fields: dict[str, Any] = {}
    for field, declared in header.parameters.items():
        line = block.line_of(("parameters", field))
        if field in RESERVED or hasattr(Params, field):
            raise HeaderFault(f"a parameter can't be called {field}", "Choose another name", line)
        kind = Literal[declared.choices] if declared.type == "choice" else TYPES[declared.type]
        fields[field] = (kind, _field(declared))
    model = create_model(name.title().replace("-", "").replace("_", "") + "Params", __base__=Params, **fields)
    for field, declared in header.parameters.items():
        if declared.default is not None:
            _check_default(model, field, declared, block)
    return model


def _field(declared: ParameterHeader) -> Any:
    limits = {"ge": declared.min, "le": declared.max}
    given: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    if declared.type == "float":
        given["allow_inf_nan"] = False
    return parameter(
        _default(declared),
        help=declared.help,
        unit=declared.unit,
        level=declared.level,
        group=declared.group,
        inherits=declared.inherits,
        **given,
    )


def _default(declared: ParameterHeader) -> Any:
    """``...`` (must be given) where the header states none; 3 becomes 3.0 for a float."""
    value = declared.default
    if value is None:
        return ...
    if declared.type == "file" and isinstance(value, str):
        return Path(value)
    return float(value) if declared.type == "float" and type(value) is int else value


def _check_default(model: type[Params], field: str, declared: ParameterHeader, block: Block) -> None:
    info = model.model_fields[field]
    checked: Any = TypeAdapter(_annotated(info))
    try:
        checked.validate_python(info.default, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        line = block.line_of(("parameters", field, "default"))
        raise HeaderFault(
            f"parameters.{field}: the default {declared.default!r} does not fit: {reason}",
            "Correct the default, the type or the limits",
            line,
        ) from None


def _annotated(info: Any) -> Any:
    from typing import Annotated

    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
