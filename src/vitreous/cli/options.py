"""Command-line options from a parameters' model, and the model from what was typed."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import typer
from pydantic import BeforeValidator, ValidationError
from pydantic.fields import FieldInfo
from rich.markup import escape

from vitreous.core.errors import UsageError
from vitreous.workflow.job_type import Params

RESERVED = frozenset({"items", "out", "json_output", "threads", "help"})
SIMPLE = (bool, int, float, Path)


def option_name(field: str) -> str:
    """``pixel_size`` → ``--pixel-size``."""
    return "--" + field.replace("_", "-")


def bare_type(annotation: Any) -> Any:
    """The annotation without ``| None`` and ``Annotated``."""
    if typing.get_origin(annotation) is Annotated:
        return bare_type(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return bare_type(kinds[0]) if len(kinds) == 1 else str
    return annotation


def option_type(field: FieldInfo) -> Any:
    """The type that the command line parses: simple types and choices as they are, anything else as text."""
    kind = bare_type(field.annotation)
    if kind in SIMPLE or typing.get_origin(kind) is Literal:
        return kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return str


def default_text(field: FieldInfo) -> str:
    """How ``--help`` shows the default, with a space before; empty where there is none to show."""
    value = None if field.is_required() or field.default_factory is not None else field.default
    return "" if value is None else f" [default: {shown(value)}]"


def shown(value: Any) -> str:
    """A parameter's value as a person would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple | list):
        return ",".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def help_text(field: FieldInfo) -> str:
    """Help with the unit in brackets: ``pixel size of the images as recorded [Å]``."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = extra.get("unit")
    return (field.description or "") + (f" [{unit}]" if unit else "")


def panel(field: FieldInfo) -> str:
    """The heading under which ``--help`` lists the option."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    group = str(extra.get("group") or "Options")
    return f"{group} (advanced)" if extra.get("level") == "advanced" else group


def option_parameters(params: type[Params]) -> list[inspect.Parameter]:
    """One keyword parameter per field, with its typer option; normal ones first, grouped as declared."""
    fields = params.model_fields
    clash = RESERVED & set(fields)
    if clash:
        raise TypeError(f"{params.__name__}: the command line keeps these names for itself: {', '.join(sorted(clash))}")
    ordered = sorted(fields.items(), key=lambda pair: panel(pair[1]).endswith("(advanced)"))
    return [_parameter(name, field) for name, field in ordered]


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = option_type(field)
    flag = option_name(name)
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    required = field.is_required() or bool(extra.get("needed"))
    option = typer.Option(
        *names,
        help=escape(help_text(field) + default_text(field)),
        show_default=False,
        rich_help_panel=panel(field),
        metavar=_metavar(field) if kind is str else None,
    )
    accepted: Any = kind if required else kind | None
    annotation = Annotated[accepted, option]
    default = inspect.Parameter.empty if required else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _metavar(field: FieldInfo) -> str:
    kind = bare_type(field.annotation)
    if typing.get_origin(kind) is not tuple:
        return "TEXT"
    parts = typing.get_args(kind)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return "A,B,…"
    return ",".join("ABCDEFGHIJ"[: len(parts)])


def _own_parser(params: type[Params], name: str) -> bool:
    """Whether the model itself reads text for this field (a validator that runs before pydantic's)."""
    decorators = params.__pydantic_decorators__
    named = any(
        name in entry.info.fields and entry.info.mode in ("before", "plain", "wrap")
        for entry in decorators.field_validators.values()
    )
    return named or any(isinstance(item, BeforeValidator) for item in params.model_fields[name].metadata)


def split_text(text: str, kind: Any) -> list[str]:
    """``1.3,1.2`` → its parts; whole numbers may also be given as ``4x4``."""
    whole = set(typing.get_args(kind)) <= {int, Ellipsis}
    return [part.strip() for part in re.split(r"[,x×]" if whole else ",", text) if part.strip()]


def build_params(params: type[Params], given: Mapping[str, Any]) -> Params:
    """The parameters' model from what was typed; what was not given (``None``) keeps its default.

    Raises:
        UsageError: names the option and what is wrong with it.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        kind = bare_type(params.model_fields[name].annotation)
        is_list = typing.get_origin(kind) in (tuple, list)
        values[name] = split_text(value, kind) if is_list and not _own_parser(params, name) else value
    try:
        return params(**values)
    except ValidationError as error:
        raise _usage_error(params, error, given) from None


def _usage_error(params: type[Params], error: ValidationError, given: Mapping[str, Any]) -> UsageError:
    messages = []
    names = []
    for item in error.errors():
        reason = item["msg"].removeprefix("Value error, ").removesuffix(".")
        reason = reason[:1].lower() + reason[1:]
        name = str(item["loc"][0]) if item["loc"] else ""
        if name not in params.model_fields:
            messages.append(reason)
            continue
        names.append(name)
        shown = f" (given: {given[name]})" if given.get(name) is not None else ""
        messages.append(f"{option_name(name)}: {reason}{shown}")
    known = [help_text(params.model_fields[name]) for name in dict.fromkeys(names)]
    hint = "; ".join(text for text in known if text)
    return UsageError("; ".join(dict.fromkeys(messages)), hint=_sentence(hint), options=names)


def _sentence(hint: str) -> str:
    return f"It is the {hint}" if hint else "See --help"
