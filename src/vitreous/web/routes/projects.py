"""The projects of the server, and what each is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from vitreous.project.brief import brief
from vitreous.project.overview import overview
from vitreous.project.why import explain
from vitreous.web.guard import Role, Signed, Viewing
from vitreous.web.served import Projects

router = APIRouter(tags=["projects"])


class ProjectLine(BaseModel):
    """A project in the list: its key, where it is, the caller's role, and how it stands (see ``brief``)."""

    key: str
    folder: str
    role: Role
    fault: str | None
    brief: dict[str, Any]


@router.get("/api/projects", operation_id="list_projects")
def list_projects(request: Request, who: Signed) -> list[ProjectLine]:
    """The projects that the caller may see."""
    projects: Projects = request.app.state.projects
    found = []
    for project in projects:
        role = who.role_in(project.key)
        if role is None:
            continue
        with project.reading() as session:
            found.append(
                ProjectLine(key=project.key, folder=str(project.folder), role=role, fault=None, brief=brief(session))
            )
    return found


@router.get("/api/projects/{project}", operation_id="project_overview")
def project_overview(access: Viewing) -> dict[str, Any]:
    """Mode, settings, jobs, items, disk, holder, conditions of a project, and in a sentence how it is (``why``)."""
    with access.project.reading() as session:
        return {**overview(session), "why": explain(session)}
