"""Workflow templates: the ready ones, jobs of the project as one, and what one would do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError
from vitreous.core.plain import to_json
from vitreous.project import templates
from vitreous.project.template_preview import preview_template
from vitreous.web.guard import Viewing

router = APIRouter(tags=["templates"], prefix="/api/projects/{project}/templates")


class ReadyTemplate(BaseModel):
    """A template that comes with the program."""

    name: str
    title: str
    mode: str
    summary: str


class TemplateRequest(BaseModel):
    """A template (its content, or the name of a ready one), with what is supplied: job's key → name → value."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    content: dict[str, Any] | None = None
    changes: dict[str, dict[str, Any]] = Field(default_factory=dict)


class PreviewJob(BaseModel):
    """A job that would be added."""

    key: str
    type: str
    title: str
    note: str
    params: dict[str, Any]
    inputs: list[str]


class Ask(BaseModel):
    """Something that has to be supplied: a ``value``, a ``file``, or an ``input``."""

    job: str
    name: str
    kind: str
    help: str
    required: bool


class PreviewFault(BaseModel):
    """Why it could not be applied as it stands."""

    message: str
    hint: str


class TemplatePreview(BaseModel):
    """What a template would do; ``content`` is what the action ``apply_template`` takes."""

    title: str
    summary: str
    mode: str
    jobs: list[PreviewJob]
    settings: dict[str, Any]
    asks: list[Ask]
    decisions: int
    scripts: list[str]
    left_out: list[str]
    fault: PreviewFault | None
    content: dict[str, Any]


@router.get("", operation_id="list_templates")
def list_templates(access: Viewing) -> list[ReadyTemplate]:
    """The templates that come with the program."""
    return [ReadyTemplate(name=name, **about) for name, about in templates.shipped().items()]


@router.get("/export", operation_id="export_template", response_class=Response)
def export(
    access: Viewing,
    jobs: Annotated[str | None, Query(description="numbers, separated by commas; all unless given")] = None,
    with_settings: bool = False,
    with_decisions: bool = True,
    title: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Jobs of the project as a template: a JSON file to be saved."""
    chosen = None if jobs is None else [name.strip() for name in jobs.split(",") if name.strip()]
    with access.project.reading() as session:
        content = templates.export_template(
            session, chosen, with_settings=with_settings, with_decisions=with_decisions, title=title or None
        )
    name = f"{access.project.key}-workflow.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(to_json(content), media_type="application/json", headers=headers)


@router.post("/preview", operation_id="preview_template")
def preview(access: Viewing, given: TemplateRequest) -> TemplatePreview:
    """What a template would add and what it asks for; nothing is changed."""
    content = _content(given)
    with access.project.reading() as session:
        return TemplatePreview(content=content, **preview_template(session, content, given.changes))


def _content(given: TemplateRequest) -> dict[str, Any]:
    if given.content is not None:
        return templates.read_template(given.content)
    ready = templates.shipped()
    if given.name not in ready:  # a name is never taken for a file of the server
        raise UsageError(
            f"there is no ready template {given.name!r}", hint=f"Ready ones: {', '.join(ready)}", missing=True
        )
    return templates.read_template(given.name)
