"""The projects of the server: what each is; making, opening and forgetting one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError, VitreousError
from vitreous.project import recent
from vitreous.project.brief import brief
from vitreous.project.new_project import make_project, modes, setting_fields
from vitreous.project.overview import overview
from vitreous.project.why import explain
from vitreous.web.guard import Caller, Operating, Role, ServerOperator, Signed, Viewing
from vitreous.web.routes.folders import chosen_folder, roots_of
from vitreous.web.served import Projects, ServedProject

router = APIRouter(tags=["projects"])


class ProjectLine(BaseModel):
    """A project in the list: its key, where it is, the caller's role, and how it stands (see ``brief``).

    ``fault`` says why it can't be read just now; ``brief`` is empty then.
    """

    key: str
    folder: str
    role: Role
    fault: str | None
    brief: dict[str, Any]


class RecentLine(BaseModel):
    """A project that was opened before and is not served now; ``opened`` in s since 1970."""

    folder: str
    title: str
    mode: str
    opened: float
    there: bool


class TemplateLine(BaseModel):
    """A template that is ready for a mode."""

    name: str
    title: str
    summary: str


class ModeLine(BaseModel):
    """A mode of projects: title, in a sentence what it is for, its templates."""

    name: str
    title: str
    sentence: str
    templates: list[TemplateLine]


class ProjectSetting(BaseModel):
    """A setting as a field of a form: kind is number, numbers, file, choice or text; level is normal or advanced.

    modes: those of projects in which it is normal though it is advanced elsewhere.
    """

    name: str
    title: str
    help: str
    unit: str | None
    kind: str
    level: str
    modes: list[str]
    choices: list[str]
    minimum: float | None
    maximum: float | None
    default: Any


class NewProjectForm(BaseModel):
    """What a new project is asked for, and where it may lie."""

    modes: list[ModeLine]
    settings: list[ProjectSetting]
    roots: list[str]
    separator: str = os.sep


class NewProject(BaseModel):
    """A project to be made: ``folder`` must be new or empty; ``sources`` are the camera's folders."""

    model_config = ConfigDict(extra="forbid")
    folder: Annotated[str, Field(min_length=1, max_length=4000)]
    mode: str
    title: Annotated[str | None, Field(max_length=200)] = None
    settings: dict[str, Any] = {}
    template: str | None = None
    sources: list[str] = []
    start: bool = Field(True, description="start an engine for it, which watches the camera's folders")


class OpenProject(BaseModel):
    """A project that is there already."""

    model_config = ConfigDict(extra="forbid")
    folder: Annotated[str, Field(min_length=1, max_length=4000)]
    start: bool = False


@router.get("/api/projects", operation_id="list_projects")
def list_projects(request: Request, who: Signed) -> list[ProjectLine]:
    """The projects that the caller may see."""
    projects: Projects = request.app.state.projects
    return [line for project in projects if (line := _line(project, who)) is not None]


def _line(project: ServedProject, who: Caller) -> ProjectLine | None:
    role = who.role_in(project.key)
    if role is None:
        return None
    found: dict[str, Any] = {}
    fault = None
    try:
        with project.reading() as session:
            found = brief(session)
    except (VitreousError, OSError) as error:  # one disk that is gone must not take the others from the list
        fault = str(error)
    return ProjectLine(key=project.key, folder=str(project.folder), role=role, fault=fault, brief=found)


@router.get("/api/recent-projects", operation_id="recent_projects")
def recent_projects(request: Request, who: ServerOperator) -> list[RecentLine]:
    """Projects that were opened before and are not served now."""
    served = {str(project.folder) for project in request.app.state.projects}
    return [
        RecentLine(folder=one.folder, title=one.title, mode=one.mode, opened=one.opened, there=one.there)
        for one in recent.recent_projects()
        if one.folder not in served
    ]


@router.get("/api/new-project", operation_id="new_project_form")
def new_project_form(request: Request, who: ServerOperator) -> NewProjectForm:
    """What a new project is asked for: modes with their templates, settings with units and limits."""
    return NewProjectForm(
        modes=[ModeLine(**mode) for mode in modes()],
        settings=[ProjectSetting(**field) for field in setting_fields()],
        roots=[str(root) for root in roots_of(request)],
    )


@router.post("/api/projects", operation_id="create_project", status_code=201)
def create(request: Request, who: ServerOperator, given: NewProject) -> ProjectLine:
    """Make a project, serve it, and start its engine."""
    folder = chosen_folder(request, given.folder)
    settings = {name: value for name, value in given.settings.items() if value is not None}
    make_project(
        folder, given.mode, settings, title=given.title or None, template=given.template, sources=given.sources
    )
    return _serve(request, who, folder, given.start)


@router.post("/api/projects/open", operation_id="open_project")
def open_project(request: Request, who: ServerOperator, given: OpenProject) -> ProjectLine:
    """Serve a project that is there already; one that is served is given again."""
    known = {entry.folder for entry in recent.recent_projects()}
    folder = Path(given.folder) if given.folder in known else chosen_folder(request, given.folder)
    return _serve(request, who, folder, given.start)


@router.delete("/api/projects/{project}", operation_id="forget_project", status_code=204)
def forget(request: Request, access: Operating, who: ServerOperator) -> None:
    """Show a project no longer; its engine is asked to end, and nothing of it is deleted."""
    projects: Projects = request.app.state.projects
    request.app.state.engines.forget(access.project)
    projects.remove(access.project.key)


def _serve(request: Request, who: Caller, folder: Path, start: bool) -> ProjectLine:
    projects: Projects = request.app.state.projects
    project = projects.add(folder, recent.key_of(folder))
    line = _line(project, who)
    if line is None:
        raise UsageError(f"{folder} is served, but you have no right to it", hint="Ask an owner of the server")
    told = line.brief
    recent.remember(folder, project.key, str(told.get("title") or folder.name), str(told.get("mode") or ""))
    if start and told.get("engine") == "free":
        request.app.state.engines.start(project)
    return line


@router.get("/api/projects/{project}", operation_id="project_overview")
def project_overview(access: Viewing) -> dict[str, Any]:
    """Mode, settings, jobs, items, disk, holder, conditions of a project, and in a sentence how it is (``why``)."""
    with access.project.reading() as session:
        return {**overview(session), "why": explain(session)}
