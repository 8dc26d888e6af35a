"""What a workflow template is: its JSON, read from a file or shipped, and checked before anything is done with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vitreous.core.errors import DataError, UsageError
from vitreous.core.words import near
from vitreous.workflow.job_type import MODES

FORMAT = "vitreous-template"
VERSION = 1
"""Version of the format that this program writes; it reads all up to this one."""
SETTINGS = "settings"
"""Key under which changes of settings stand beside those of jobs: no job of a template is called so."""
INPUTS = "inputs"
"""Name under which a job's open inputs are supplied, beside its parameters."""
UNSET = "unset"
"""Name under which parameters are listed that a job leaves to slots, project and defaults, though the template sets
them."""
FOLDER = "templates_shipped"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TemplateInput(_Part):
    """Where a job's items come from: the output of another job of the template, or something of the project.

    Attributes:
        job, output: the key of a job, and its output.
        open: slots that an input from outside the template must give; ``micrograph|movie`` is one or the other.
        was: what it was where the template comes from, for people.
    """

    job: str | None = None
    output: str = "items"
    open: tuple[str, ...] | None = None
    was: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> TemplateInput:
        if (self.job is None) == (self.open is None):
            raise ValueError("an input names either a job, or the slots that it must give (open)")
        return self


class TemplateJob(_Part):
    """One job; attributes as in the graph, jobs by their keys. ``version`` is that of its type, ``None`` unknown."""

    key: str = Field(pattern=r"^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$")
    type: str
    version: int | None = None
    title: str = ""
    note: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: tuple[TemplateInput, ...] = ()
    waits: tuple[str, ...] = ()
    priority: int = 0
    serial: bool = False
    batch: int | None = Field(None, ge=0)
    state: Literal["active", "paused", "cancelled"] = "active"
    continues: str | None = None


class TemplateFile(_Part):
    """A file that a job's parameter (or, without ``job``, a setting) names; its content does not travel.

    Attributes:
        job, parameter: where it is named.
        name: in the project that the template comes from.
        identity: hash of its content; ``None`` where it could not be read.
    """

    job: str | None = None
    parameter: str
    name: str
    identity: str | None = None


class Supply(_Part):
    """A value that must be supplied: it belongs to one session (the camera's folders)."""

    job: str
    parameter: str
    help: str = ""


class TemplateDecision(_Part):
    """What a person decided about items; ``kind`` and ``value`` as the catalogue records them."""

    kind: Literal["flag", "trash", "group", "tag", "comment", "parameters"]
    items: tuple[str, ...] = Field(min_length=1)
    value: str | None = None
    author: str = ""
    time: float = 0.0


class Template(_Part):
    """A workflow that any project can take.

    Attributes:
        format, version: of the file.
        title, summary: for people.
        mode: of the projects that it is for.
        vitreous: the program that wrote it.
        jobs: each behind those whose items it takes.
        files, supply: what does not travel, and must be there or be supplied.
        settings: of the project, which jobs inherit; empty unless asked for.
        decisions: about items, applied to items of the same content or name as they arrive.
        items: name → content hash of the items that people decided about.
        scripts: file name → text of the scripts that the jobs use.
        left_out: what of the jobs could not be taken along, in sentences.
    """

    format: Literal["vitreous-template"]
    version: int = Field(ge=1)
    title: str = ""
    summary: str = ""
    mode: Literal["drift", "single-particle", "tomography", "crystal2d"]
    vitreous: str = ""
    jobs: tuple[TemplateJob, ...] = Field(min_length=1)
    files: tuple[TemplateFile, ...] = ()
    supply: tuple[Supply, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    decisions: tuple[TemplateDecision, ...] = ()
    items: dict[str, str] = Field(default_factory=dict)
    scripts: dict[str, str] = Field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _keys_fit(self) -> Template:
        seen: set[str] = set()
        for job in self.jobs:
            for name in (*(entry.job for entry in job.inputs if entry.job is not None), *_others(job)):
                if name not in seen:
                    raise ValueError(f"job {job.key} speaks of {name}, which is no job before it")
            if job.key in seen or job.key == SETTINGS:
                raise ValueError(f"two jobs have the key {job.key}" if job.key in seen else "no job may be 'settings'")
            seen.add(job.key)
        elsewhere = [(file.job, file.parameter) for file in self.files if file.job is not None]
        for key, parameter in (*elsewhere, *((supply.job, supply.parameter) for supply in self.supply)):
            if key not in seen:
                raise ValueError(f"{parameter} of {key} is to be supplied, which is no job of the template")
        return self

    def job(self, key: str) -> TemplateJob:
        """A job by its key, or a ``UsageError``."""
        found = {job.key: job for job in self.jobs}
        if key not in found:
            hint = near(key, found) or f"It has {', '.join(found)}"
            raise UsageError(f"the template has no job {key!r}", hint=hint, job=key)
        return found[key]


def _others(job: TemplateJob) -> tuple[str, ...]:
    return job.waits if job.continues is None else (*job.waits, job.continues)


def check_template(content: Mapping[str, Any], origin: str = "the template") -> Template:
    """The template that a mapping holds.

    Raises:
        DataError: it is none, it is of a newer format, or a part of it is wrong; the message says which.
    """
    if content.get("format") != FORMAT:
        raise DataError(
            f"{origin} is no workflow template (it has no format: {FORMAT!r})",
            hint="Give a file that vitreous export-template wrote, or the name of a ready one",
            path=origin,
        )
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise DataError(
            f"{origin} is a template of version {version}, written by Vitreous {content.get('vitreous', '?')}; "
            f"this program reads versions up to {VERSION}",
            hint="Install a newer Vitreous",
            path=origin,
        )
    try:
        return Template.model_validate_json(json.dumps(dict(content)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{origin}: {place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}",
            hint="Export it again, or mend the file",
            path=origin,
        ) from error
    except (TypeError, ValueError) as error:
        raise DataError(f"{origin} is not JSON: {error}", hint="Export it again", path=origin) from error


def to_mapping(template: Template) -> dict[str, Any]:
    """The template as JSON; parts that say nothing are left away, so that people can read it."""
    found = template.model_dump(mode="json", exclude_defaults=True)
    for written, job in zip(found["jobs"], template.jobs, strict=True):
        written.setdefault("params", {})
        if job.inputs:
            written["inputs"] = [entry.model_dump(mode="json", exclude_defaults=True) for entry in job.inputs]
    return {"format": FORMAT, "version": template.version, **found}


def read_template(template: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """A template's content: of a ready one by name, of a file, or as it was given; it is checked.

    Raises:
        UsageError: there is no ready template and no file of that name.
        DataError: the file is no template.
    """
    if isinstance(template, Mapping):
        return to_mapping(check_template(template))
    text, origin = _text_of(template)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{origin} is not JSON: {error}", hint="Export it again, or mend it", path=origin) from error
    if not isinstance(content, dict):
        content = {}
    return to_mapping(check_template(content, origin))


def _text_of(template: str | Path) -> tuple[str, str]:
    ready = _ready()
    if str(template) in ready:
        return ready[str(template)], f"the template {template}"
    path = Path(template).expanduser()
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError as error:
        hint = near(str(template), ready) or f"Ready ones: {', '.join(ready)}; or give a file"
        raise UsageError(f"there is no template and no file {template}", hint=hint, path=str(path)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: can't be read: {reason}", hint="Check the file", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text", hint="Give a template's file", path=str(path)) from error


def _ready() -> dict[str, str]:
    """Name → text of the templates that come with the program."""
    folder = files("vitreous.project") / FOLDER
    found = {entry.name.removesuffix(".json"): entry for entry in folder.iterdir() if entry.name.endswith(".json")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def shipped() -> dict[str, dict[str, str]]:
    """The templates that come with the program: name → title, mode, summary; in the order of the modes."""
    found = {name: read_template(name) for name in _ready()}
    ordered = sorted(found, key=lambda name: (MODES.index(found[name]["mode"]), name))
    return {name: {key: found[name].get(key, "") for key in ("title", "mode", "summary")} for name in ordered}


def split(changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``{"import__sources": value}`` as ``{"import": {"sources": value}}``.

    Raises:
        UsageError: a name has no ``__`` between a job's key and a parameter.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        key, separator, parameter = name.partition("__")
        if not key or not separator or not parameter:
            raise UsageError(
                f"{name!r} names no job's parameter",
                hint="Write KEY__PARAMETER, such as import__sources",
                parameter=name,
            )
        found.setdefault(key, {})[parameter] = value
    return found
