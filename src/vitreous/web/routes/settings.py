"""Settings of a project: their form, what a change does, pre-flight findings, disk, scripts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from vitreous.project import disk_use as disks
from vitreous.project.disk_use import DiskUse
from vitreous.project.preflight import newest_report
from vitreous.project.script_list import ScriptLine, script_lines
from vitreous.project.settings_form import Effect, SettingField, effect_of, setting_fields
from vitreous.web.guard import Viewing

router = APIRouter(prefix="/api/projects/{project}", tags=["settings"])


class Changes(BaseModel):
    """New values of settings; ``null`` removes one."""

    values: dict[str, Any]


class Finding(BaseModel):
    """One finding of the pre-flight check: ``ok`` is null where it can't be said; what it proposes."""

    check: str
    ok: bool | None
    message: str
    hint: str
    proposal: dict[str, Any]


class Preflight(BaseModel):
    """The newest pre-flight check: number of movies, findings, and the settings that it proposes."""

    movies: int
    findings: list[Finding]
    proposal: dict[str, Any]


@router.get("/settings", operation_id="settings")
def settings(access: Viewing) -> list[SettingField]:
    """All settings with their values, units, limits and where they come from."""
    with access.project.reading() as session:
        return setting_fields(session)


@router.post("/settings/effect", operation_id="settings_effect")
def effect(access: Viewing, changes: Changes) -> Effect:
    """What would become stale if these settings were changed; nothing is."""
    with access.project.reading() as session:
        return effect_of(session, changes.values)


@router.get("/preflight", operation_id="preflight")
def preflight(access: Viewing) -> Preflight | None:
    """What the newest check of the first movies found; null where there is none."""
    with access.project.reading() as session:
        report = newest_report(session)
    if report is None:
        return None
    findings = [
        Finding(
            check=str(entry.get("check", "")),
            ok=entry.get("ok"),
            message=str(entry.get("message", "")),
            hint=str(entry.get("hint") or ""),
            proposal=dict(entry.get("proposal") or {}),
        )
        for entry in report["findings"]
    ]
    movies = report.get("movies", 0)
    return Preflight(
        movies=movies if isinstance(movies, int) else len(movies), findings=findings, proposal=dict(report["proposal"])
    )


@router.get("/disk", operation_id="disk")
def disk(access: Viewing) -> DiskUse:
    """How much room the project takes; every file is looked at."""
    with access.project.asking() as session:
        return disks.disk_use(session)


@router.get("/scripts", operation_id="scripts")
def scripts(access: Viewing) -> list[ScriptLine]:
    """The user scripts of the project, and which job type each has become or why not."""
    return script_lines(access.project.folder)
