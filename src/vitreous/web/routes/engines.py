"""The engine of a project: who runs it, with what; starting, stopping, freeing an abandoned project."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from vitreous.web.engine_process import EngineOptions
from vitreous.web.engines import Engines
from vitreous.web.guard import Operating, Viewing
from vitreous.workflow.profile import check_profile, load_profiles

router = APIRouter(prefix="/api/projects/{project}/engine", tags=["engine"])


class EngineStart(BaseModel):
    """How the engine is to run; what is not given is as the server was started."""

    model_config = ConfigDict(extra="forbid")
    profile: Annotated[str | None, Field(max_length=200)] = None
    workers: Annotated[int | None, Field(ge=0, le=100_000, description="other than the profile's")] = None
    threads: Annotated[int | None, Field(ge=1, le=1024, description="of a worker, other than the profile's")] = None


class EngineStop(BaseModel):
    """Whether what is under way is given up."""

    model_config = ConfigDict(extra="forbid")
    now: bool = False


class Engine(BaseModel):
    """The engine of a project.

    ``state``: running, starting, stopping, pausing (started again after a crash), stopped, refused, elsewhere (run by
    another process, which ``holder`` names), stale (abandoned by a process that is gone). ``mine``: this server has
    started it. ``since``, ``next_try``: s since 1970.
    """

    state: str
    sentence: str
    holder: str | None
    lock: str
    since: float | None
    mine: bool
    profile: str | None
    workers: list[dict[str, Any]]
    running: int
    conditions: dict[str, str]
    crashes: int
    next_try: float | None
    log: list[str]


class EngineProfile(BaseModel):
    """A run profile: where work runs, with how many workers, and what is suspicious in it."""

    name: str
    kind: str
    workers: str
    origin: str | None
    findings: list[str]


def _engines(request: Request) -> Engines:
    engines: Engines = request.app.state.engines
    return engines


@router.get("", operation_id="engine")
def engine(request: Request, access: Viewing) -> Engine:
    """Who runs the project, with what, and what hinders it."""
    return Engine(**_engines(request).describe(access.project))


@router.post("/start", operation_id="start_engine")
def start(request: Request, access: Operating, given: EngineStart) -> Engine:
    """Start an engine under this server."""
    engines = _engines(request)
    usual = engines.options
    options = EngineOptions(given.profile or usual.profile, given.workers, given.threads)
    if given.model_fields_set <= {"profile"} and options.profile == usual.profile:
        options = usual
    engines.start(access.project, options)
    return Engine(**engines.describe(access.project))


@router.post("/stop", operation_id="stop_engine")
def stop(request: Request, access: Operating, given: EngineStop) -> Engine:
    """Ask the engine to end after what is under way, or at once."""
    engines = _engines(request)
    engines.stop(access.project, given.now, access.caller.name)
    return Engine(**engines.describe(access.project))


@router.post("/unlock", operation_id="unlock")
def unlock(request: Request, access: Operating) -> Engine:
    """Free the project from a process that is gone; a living one keeps it."""
    engines = _engines(request)
    engines.unlock(access.project)
    return Engine(**engines.describe(access.project))


@router.get("/profiles", operation_id="run_profiles")
def profiles(access: Viewing) -> list[EngineProfile]:
    """The run profiles of the project, of the user and of the site."""
    return [
        EngineProfile(
            name=named.name,
            kind=named.profile.kind,
            workers=str(named.profile.workers),
            origin=None if named.origin is None else str(named.origin),
            findings=[f"{finding.field}: {finding.message}" for finding in check_profile(named.profile)],
        )
        for named in load_profiles(access.project.folder).values()
    ]
