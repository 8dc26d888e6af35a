"""The catalogue of job types, and checks of a form before a job is added or changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from vitreous.project import job_forms
from vitreous.store.database import read_meta
from vitreous.web.guard import Viewing
from vitreous.web.routes.jobs import Change

router = APIRouter(tags=["jobs"], prefix="/api/projects/{project}/job-types")


class SlotColumn(BaseModel):
    """A column that a slot brings."""

    name: str
    kind: str | None = None
    unit: str | None = None
    meaning: str | None = None


class GivenSlot(BaseModel):
    """What an item gains."""

    name: str
    file: str | None
    files: list[str]
    columns: list[SlotColumn]


class JobTypeSchema(BaseModel):
    """A job type; ``parameters`` is a JSON schema (draft 2020-12) with unit, level and group of each parameter."""

    name: str
    title: str
    summary: str
    version: int
    category: str
    order: int
    modes: list[str]
    scope: str
    items: str
    needs: list[list[str]]
    gives: list[GivenSlot]
    outputs: list[str]
    parameters: dict[str, Any]
    methods: str
    citations: list[str]
    example: str


class BrokenType(BaseModel):
    """A job type that can't be used, and why."""

    name: str
    reason: str
    traceback: str


class Catalogue(BaseModel):
    """All job types in processing order, their categories, and the broken ones."""

    types: list[JobTypeSchema]
    categories: list[str]
    broken: list[BrokenType]


class FittingInput(BaseModel):
    """An output of a job that fits; ``input`` is what ``add_job`` takes."""

    input: str
    job: int
    output: str
    title: str
    type: str
    count: int | None
    slots: list[str]


class FittingInputs(BaseModel):
    """Inputs that fit, the newest first; ``takes`` none, some or several."""

    inputs: list[FittingInput]
    default: list[str]
    takes: str


class CheckRequest(BaseModel):
    """A form as it stands; ``job`` where one is to be changed."""

    model_config = ConfigDict(extra="forbid")
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: list[str] | None = None
    job: int | None = None


class FieldFault(BaseModel):
    """What is wrong with a field (``select.fraction``, ``inputs``; empty: with all together)."""

    field: str
    message: str
    hint: str


class Inherited(BaseModel):
    """A value that is taken where none is set."""

    value: Any
    origin: str


class CheckAnswer(BaseModel):
    """Faults, inherited values, what a change does (``stale``: results computed again), the methods sentence."""

    faults: list[FieldFault]
    inherited: dict[str, Inherited]
    changes: list[Change]
    stale: int
    methods: str


@router.get("", operation_id="list_job_types")
def list_job_types(
    access: Viewing,
    mode: Annotated[str | None, Query(description="drift, single-particle …; the project's unless given")] = None,
) -> Catalogue:
    """The job types that the project offers, and the broken ones with their reason."""
    with access.project.reading() as session:
        chosen = mode if mode is not None else read_meta(session.db).get("mode")
        return Catalogue.model_validate(job_forms.catalogue(session, chosen))


@router.get("/{name}/inputs", operation_id="fitting_inputs")
def fitting_inputs(
    access: Viewing,
    name: str,
    job: Annotated[int | None, Query(description="the job that is to be connected anew")] = None,
) -> FittingInputs:
    """Outputs of jobs that a job of this type can take."""
    with access.project.reading() as session:
        return FittingInputs.model_validate(job_forms.fitting_inputs(session, name, job))


@router.post("/{name}/check", operation_id="check_job")
def check_job(access: Viewing, name: str, given: CheckRequest) -> CheckAnswer:
    """What is wrong with a job before it is added or changed; nothing is changed."""
    with access.project.reading() as session:
        return CheckAnswer.model_validate(job_forms.check_job(session, name, given.params, given.inputs, given.job))
