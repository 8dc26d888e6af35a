"""The project's settings as a form, and what a change of them would have computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.core.camera import ORIENTATIONS
from vitreous.core.errors import UsageError, VitreousError
from vitreous.model.acquisition import Acquisition
from vitreous.project.session import Session
from vitreous.project.settings import FILES, OTHER_SETTINGS, check_settings
from vitreous.project.types import find_type
from vitreous.store.ledger import task_counts
from vitreous.workflow.identity import job_identity
from vitreous.workflow.job_type import JobType
from vitreous.workflow.parameters import identity_values

CHOICES: Mapping[str, tuple[str, ...]] = {
    "gain_orientation": ("auto", *(str(orientation) for orientation in ORIENTATIONS)),
    "gain_kind": ("auto", "multiplicative", "sensitivity"),
    "device": ("cpu", "cuda"),
    "order": ("first", "newest"),
}
"""Settings that are a choice."""
CAMERA = frozenset({"gain", "gain_orientation", "gain_kind", "defects"})


@dataclass(frozen=True)
class SettingField:
    """One setting.

    Attributes:
        name, help, unit: what it is.
        group: heading: Acquisition, Camera, Processing.
        kind: ``number``, ``list`` (of numbers), ``choice``, ``path``.
        value: ``None`` where it is not set.
        origin: who or what set it.
        least, most: of numbers; ``least_open``: the least itself is not allowed.
        choices: of a choice.
    """

    name: str
    help: str
    unit: str | None
    group: str
    kind: str
    value: Any
    origin: str | None
    least: float | None
    most: float | None
    least_open: bool
    choices: tuple[str, ...]


def setting_fields(session: Session) -> list[SettingField]:
    """All settings of a project with their values."""
    values = session.settings_with_origin()
    schema = Acquisition.model_json_schema()["properties"]
    found = [_acquisition(name, schema[name], values.get(name, {})) for name in Acquisition.model_fields]
    for name, meaning in OTHER_SETTINGS.items():
        entry = values.get(name, {})
        choices = CHOICES.get(name, ())
        kind = "choice" if choices else "path" if name in FILES else "number"
        text, unit = _unit(meaning)
        found.append(
            SettingField(
                name,
                text,
                unit,
                "Camera" if name in CAMERA else "Processing",
                kind,
                entry.get("value"),
                entry.get("origin"),
                0.0 if kind == "number" else None,
                None,
                False,
                choices,
            )
        )
    return found


def _acquisition(name: str, field: Mapping[str, Any], entry: Mapping[str, Any]) -> SettingField:
    forms = [form for form in field.get("anyOf", [field]) if form.get("type") != "null"]
    first = forms[0] if forms else {}
    text, unit = _unit(str(field.get("description", "")))
    least = first.get("minimum", first.get("exclusiveMinimum"))
    return SettingField(
        name,
        text,
        unit,
        "Acquisition",
        "list" if first.get("type") == "array" else "number",
        entry.get("value"),
        entry.get("origin"),
        least,
        first.get("maximum", first.get("exclusiveMaximum")),
        "exclusiveMinimum" in first,
        (),
    )


def _unit(meaning: str) -> tuple[str, str | None]:
    """``pixel size, Å`` → the text and the unit behind its last comma; a remark after a semicolon stays text."""
    head, semicolon, remark = meaning.partition(";")
    text, comma, unit = head.rpartition(", ")
    if not comma or unit.strip() not in {"Å", "kV", "mm", "fraction", "e/Å²", "GB"}:
        return meaning, None
    return text + semicolon + remark, unit.strip()


@dataclass(frozen=True)
class StaleJob:
    """A job that would work again; ``direct``: its own parameters change, else those of a job before it."""

    job: int
    title: str
    done: int
    direct: bool


@dataclass(frozen=True)
class Effect:
    """What a change of settings does: jobs whose results become stale, how many results, and what would be broken."""

    stale: list[StaleJob]
    results: int
    broken: list[str]


def effect_of(session: Session, values: Mapping[str, Any]) -> Effect:
    """What would become stale if these settings were changed (``None`` removes one); nothing is changed.

    Raises:
        UsageError: a setting or value is not allowed.
    """
    check_settings({name: value for name, value in values.items() if value is not None})
    for name in FILES:
        path = values.get(name)
        if path and not (session.folder / str(path)).expanduser().is_file():
            raise UsageError(f"{path} is not a file", hint="Give a file on the server's disk", setting=name)
    settings = {**session.settings(), **values}
    settings = {name: value for name, value in settings.items() if value is not None}
    graph, direct, broken = session.graph(), set(), []
    for number in graph.order:
        job = graph.jobs[number]
        found = find_type(session.folder, job.type)
        if not isinstance(found, JobType):
            continue
        try:
            given = identity_values(found, job.params, settings, session.file_identity)
            identity = job_identity(found.name, found.version, found.provenance, given)
        except VitreousError as error:
            broken.append(f"{job.label}: {error.message}")
            continue
        if identity != job.identity:
            direct.add(number)
    behind = graph.descendants(sorted(direct)) if direct else frozenset()
    counts = task_counts(session.db)
    stale = [
        StaleJob(n, graph.jobs[n].title, counts.get(n, {}).get("done", 0), n in direct)
        for n in graph.order
        if n in behind or n in direct
    ]
    return Effect(stale, sum(entry.done for entry in stale), broken)
