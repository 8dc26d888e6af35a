"""Users, their rights in projects, and the server's log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from vitreous.core.errors import UsageError
from vitreous.web.accounts.users import User
from vitreous.web.guard import Caller, Owning, Role, ServerOwner
from vitreous.web.routes.signing import Done, Password, accounts_of, known_of
from vitreous.web.routes.tokens import key_of
from vitreous.web.served import Projects

router = APIRouter(tags=["accounts"])


class Right(BaseModel):
    """A role in one project; ``project`` is its key where the server shows it."""

    project: str | None
    folder: str
    role: Role


class UserLine(BaseModel):
    """A user; times in s since 1970, ``seen`` when a browser of theirs was last here."""

    id: int
    name: str
    role: Role | None
    disabled: bool
    created: float
    seen: float | None
    sessions: int
    tokens: int
    rights: list[Right]


class UserWish(BaseModel):
    """A user to be added; without a role on the server one sees only projects in which one has a right."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=64)
    password: Password
    role: Role | None = None


class UserChange(BaseModel):
    """What is changed of a user; what is not given stays."""

    model_config = ConfigDict(extra="forbid")
    role: Role | None = None
    disabled: bool = False
    password: Password | None = None


class Member(BaseModel):
    """Somebody who may see a project: by a role on the server, by one in the project, or both."""

    name: str
    server: Role | None
    project: Role | None


class RightWish(BaseModel):
    """A role in a project; ``None`` takes it away."""

    role: Role | None


class ServerLine(BaseModel):
    """A line of the server's log; ``time`` in s since 1970."""

    id: int
    time: float
    kind: str
    who: str
    message: str
    address: str | None


UserNumber = Annotated[int, Path(description="number of the user")]


def _line(projects: Projects, user: User) -> UserLine:
    rights = [Right(project=key_of(projects, folder), folder=folder, role=role) for folder, role in user.rights.items()]
    return UserLine(**{**vars(user), "rights": rights})


@router.get("/api/users", operation_id="list_users")
def list_users(request: Request, who: ServerOwner) -> list[UserLine]:
    """All users by name."""
    projects: Projects = request.app.state.projects
    return [_line(projects, user) for user in accounts_of(request).users()]


@router.post("/api/users", operation_id="add_user")
def add_user(request: Request, who: ServerOwner, given: UserWish) -> UserLine:
    """Add a user."""
    user = accounts_of(request).add_user(given.name, given.password, given.role, by=who.name)
    return _line(request.app.state.projects, user)


@router.patch("/api/users/{user}", operation_id="change_user")
def change_user(request: Request, who: ServerOwner, user: UserNumber, given: UserChange) -> UserLine:
    """Change role, password or whether a user may come in; a new password or disabling ends the user's sessions."""
    changes = given.model_dump(exclude_unset=True)
    if changes.keys() & {"role", "disabled"}:
        _not_oneself(who, user)
    found = accounts_of(request).change_user(user, changes, by=who.name)
    return _line(request.app.state.projects, found)


@router.delete("/api/users/{user}", operation_id="remove_user")
def remove_user(request: Request, who: ServerOwner, user: UserNumber) -> Done:
    """Remove a user with sessions, tokens and rights."""
    _not_oneself(who, user)
    accounts_of(request).remove_user(user, by=who.name)
    return Done(ended=0)


@router.post("/api/users/{user}/sessions/end", operation_id="end_user_sessions")
def end_user_sessions(request: Request, who: ServerOwner, user: UserNumber) -> Done:
    """Sign a user out everywhere."""
    accounts = accounts_of(request)
    accounts.user(user)
    return Done(ended=accounts.end_sessions(user, who.name))


def _not_oneself(who: Caller, user: int) -> None:
    if known_of(who).user == user:
        raise UsageError("you can't take your own rights away", hint="Ask another owner to do it")


@router.get("/api/server/log", operation_id="server_log")
def server_log(
    request: Request, who: ServerOwner, limit: Annotated[int, Query(ge=1, le=1000)] = 1000
) -> list[ServerLine]:
    """Who came in, who was refused, and what was changed of users and rights; the newest first."""
    return [ServerLine(**line) for line in accounts_of(request).log(limit)]


@router.get("/api/projects/{project}/rights", operation_id="project_rights")
def project_rights(request: Request, access: Owning) -> list[Member]:
    """Who may see the project."""
    found = accounts_of(request).in_folder(access.project.folder)
    return [Member(name=name, server=server, project=here) for name, server, here in found]


@router.put("/api/projects/{project}/rights/{name}", operation_id="set_project_right")
def set_project_right(
    request: Request, access: Owning, name: Annotated[str, Path(max_length=64)], given: RightWish
) -> list[Member]:
    """Give a user a role in the project, or take it away."""
    accounts_of(request).grant(name, access.project.folder, given.role, by=access.caller.name)
    return project_rights(request, access)
