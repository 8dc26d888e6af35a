"""Parameters of a job from words such as ``patches=5x5``, ``select.kind=first``, ``keep=["a"]`` or ``@file.json``."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from vitreous.cli.options import bare_type, help_text, shown, split_text
from vitreous.core.errors import DataError, UsageError
from vitreous.core.words import near
from vitreous.workflow.job_type import JobType

Settings = dict[str, Any]


def parse_settings(job_type: JobType, words: Sequence[str], current: Mapping[str, Any] | None = None) -> Settings:
    """What was set, as JSON knows it, checked by the job type's model; what was not set stays out.

    A word is ``name=value``; a dot leads into a parameter that has parts. Values are text as people type it; what
    begins with ``[`` or ``{`` is JSON, ``@name.json`` is read from that file, nothing (``name=``) takes a setting back.
    ``@name.json`` alone is a file with several parameters. Later words win over earlier ones.

    Args:
        job_type: whose parameters they are.
        words: as typed.
        current: what was set before, which the words change.

    Raises:
        UsageError: names the parameter, its unit and limits, and parameters that are spelt nearly so.
        DataError: a file is no JSON.
    """
    values: Settings = json.loads(json.dumps(dict(current or {})))
    for word in words:
        if word.startswith("@"):
            _put_file(job_type, values, word)
            continue
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"{word!r} sets no parameter",
                hint=f"Write name=value; vitreous show {job_type.name} lists the names",
                word=word,
            )
        _put(job_type, values, name.strip().replace("-", "_"), text)
    return checked_settings(job_type, values)


def checked_settings(job_type: JobType, values: Mapping[str, Any]) -> Settings:
    """The values as the model understands them, JSON-able, without defaults.

    Raises:
        UsageError: names the parameter, its unit and limits.
    """
    try:
        params = job_type.params.model_validate(dict(values))
    except ValidationError as error:
        raise _explained(job_type, error) from None
    settings: Settings = params.model_dump(mode="json", exclude_unset=True)
    for name, number in _numbers(settings, ""):
        if not math.isfinite(number):
            raise UsageError(f"{job_type.name}: {name} is {number}, which is no number", hint="Give a finite number")
    return settings


def limits(field: FieldInfo) -> str:
    """What a parameter may be, in words: ``at least 1, at most 32``; empty where nothing is said."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [
        f"{text} {shown(getattr(rule, name))}"
        for rule in field.metadata
        for name, text in words.items()
        if getattr(rule, name, None) is not None
    ]
    kind = bare_type(field.annotation)
    if typing.get_origin(kind) is Literal:
        found.append("one of " + ", ".join(shown(choice) for choice in typing.get_args(kind)))
    return ", ".join(found)


def _put_file(job_type: JobType, values: Settings, word: str) -> None:
    given = _read_json(word[1:])
    if not isinstance(given, dict):
        raise DataError(f"{word[1:]} holds no parameters", hint='Write {"name": value, ...} in it', path=word[1:])
    for name in given:
        _field(job_type, job_type.params, name, name)
    values.update(given)


def _read_json(name: str) -> Any:
    try:
        return _json(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except ValueError as error:
        reason = f"is no JSON: {error}"
    raise DataError(f"{name} {reason}", hint="Give the path of a JSON file", path=name)


def _json(text: str) -> Any:
    """What the JSON says; any fault is a ``ValueError``."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _put(job_type: JobType, values: Settings, path: str, text: str) -> None:
    """Set, or take back, one value in ``values``; what its kind no longer has is left out."""
    place: Settings = values
    models: list[type[BaseModel]] = [job_type.params]
    *parents, last = path.split(".")
    for depth, name in enumerate(parents):
        field = _any_field(job_type, models, name, path)
        models = list(models_of(field.annotation))
        if not models:
            before = ".".join(parents[: depth + 1])
            raise UsageError(f"{job_type.name}: {before} has no parts", hint=f"Write {before}=value")
        inner = place.get(name)
        place[name] = place = dict(inner) if isinstance(inner, dict) else {}
        models = _of_kind(models, place) if last != "kind" else models
    field = _any_field(job_type, models, last, path)
    if not text:
        place.pop(last, None)
        return
    value = _value(field, text, path)
    if last == "kind" and parents and place.get("kind") not in (None, value):
        place.clear()
    place[last] = value


def _value(field: FieldInfo, text: str, path: str) -> Any:
    """The value that was typed; text and paths are taken as they are, whatever they begin with."""
    kind = bare_type(field.annotation)
    if text.startswith("@") and text.endswith(".json"):
        return _read_json(text[1:])
    verbatim = kind is Path or (kind is str and not any(models_of(field.annotation)))
    if not verbatim and text.startswith(("[", "{")):
        try:
            return _json(text)
        except ValueError as error:
            hint = 'JSON is, for example, ["a", "b"] or {"a": 1}'
            raise UsageError(f"{path} is no JSON: {error}", hint=hint, parameter=path) from None
    return split_text(text, kind) if typing.get_origin(kind) in (tuple, list) else text


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a parameter with parts may be: one, or those of a tagged union."""
    if typing.get_origin(annotation) is Annotated:
        yield from models_of(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from models_of(member)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _of_kind(models: Sequence[type[BaseModel]], values: Mapping[str, Any]) -> list[type[BaseModel]]:
    """Of several models, that whose ``kind`` was set; all where it was not."""
    chosen = [
        model
        for model in models
        if "kind" in model.model_fields and values.get("kind") in typing.get_args(model.model_fields["kind"].annotation)
    ]
    return chosen or list(models)


def _any_field(job_type: JobType, models: Sequence[type[BaseModel]], name: str, path: str) -> FieldInfo:
    for model in models:
        if name in model.model_fields:
            return model.model_fields[name]
    return _field(job_type, models[0], name, path, [field for model in models for field in model.model_fields])


def _field(
    job_type: JobType, model: type[BaseModel], name: str, path: str, known: Iterable[str] | None = None
) -> FieldInfo:
    if name in model.model_fields:
        return model.model_fields[name]
    names = list(dict.fromkeys(model.model_fields if known is None else known))
    hint = near(name, names) or f"Known: {', '.join(names) or 'none'}"
    raise UsageError(f"{job_type.name} has no parameter {path!r}", hint=hint, parameter=path)


def _explained(job_type: JobType, error: ValidationError) -> UsageError:
    messages: list[str] = []
    hints: list[str] = []
    names: list[str] = []
    for item in error.errors():
        name, field = _located(job_type.params, item["loc"])
        messages.append(f"{name}: {_reason(item)}" if name else _reason(item))
        if name:
            names.append(name)
        about = ", ".join(part for part in (help_text(field), limits(field)) if part) if field is not None else ""
        if about:
            hints.append(f"{name}: {about}")
    hint = "; ".join(dict.fromkeys(hints)) or f"See vitreous show {job_type.name}"
    return UsageError(f"{job_type.name}: {'; '.join(dict.fromkeys(messages))}", hint=hint, parameters=names)


def _reason(item: Mapping[str, Any]) -> str:
    """What is wrong, and what was given where that is short."""
    known = {"missing": "it must be given", "extra_forbidden": "there is no such parameter"}
    if item["type"] in known:
        return known[item["type"]]
    reason = item["msg"].removeprefix("Value error, ").removesuffix(".")
    simple = isinstance(item["input"], str | int | float) and item["type"] != "value_error"
    given = f" (given: {item['input']})" if simple else ""
    return f"{reason[:1].lower()}{reason[1:]}{given}"


def _located(params: type[BaseModel], location: Sequence[str | int]) -> tuple[str, FieldInfo | None]:
    """The parameter that pydantic's location means, dotted, and its declaration where it has one."""
    models: list[type[BaseModel]] = [params]
    field: FieldInfo | None = None
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
            models = [] if field is None else _models_inside(field)
            continue
        tagged = _of_kind(models, {"kind": part})
        if len(models) > 1 and len(tagged) == 1:
            models = tagged  # pydantic names the kind of a tagged union, people don't
            continue
        field = next((model.model_fields[part] for model in models if part in model.model_fields), None)
        name = f"{name}.{part}" if name else part
        models = [] if field is None else list(models_of(field.annotation))
    return name, field


def _models_inside(field: FieldInfo) -> list[type[BaseModel]]:
    """The models of a list's entries."""
    return [model for kind in typing.get_args(bare_type(field.annotation)) for model in models_of(kind)]


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, name)
    elif isinstance(value, float):
        yield name, value
