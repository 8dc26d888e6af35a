"""Tokens by which scripts of a user come in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from vitreous.web.accounts.roles import place
from vitreous.web.accounts.sessions import Token
from vitreous.web.guard import InPerson, Role, Signed
from vitreous.web.refused import Refused
from vitreous.web.routes.signing import Done, accounts_of, known_of
from vitreous.web.served import Projects

router = APIRouter(prefix="/api/tokens", tags=["accounts"])


class ScriptToken(BaseModel):
    """A token, without its secret; times in s since 1970.

    ``project`` is the key of the only project that it opens, ``folder`` where that is; both ``None``: all projects.
    """

    id: int
    name: str
    role: Role
    project: str | None
    folder: str | None
    created: float
    expires: float | None
    used: float | None


class TokenWish(BaseModel):
    """A token to be made: the most that it may do, in which project, and for how many days."""

    name: str = Field(max_length=64, description="what it is for")
    role: Role = "viewer"
    project: str | None = Field(None, description="key of the only project that it opens")
    days: float | None = Field(90.0, gt=0, le=3660, description="for which it holds; null: until it is removed")


class NewToken(BaseModel):
    """A token that was just made; it can't be shown again."""

    token: str


def key_of(projects: Projects, folder: str | None) -> str | None:
    """The key of the project in a folder, if the server shows it."""
    return next((one.key for one in projects if folder is not None and place(one.folder) == folder), None)


def _shown(projects: Projects, found: Token) -> ScriptToken:
    return ScriptToken(**vars(found), project=key_of(projects, found.folder))


@router.get("", operation_id="my_tokens")
def my_tokens(request: Request, who: Signed) -> list[ScriptToken]:
    """The caller's tokens, the newest first."""
    projects: Projects = request.app.state.projects
    return [_shown(projects, found) for found in accounts_of(request).tokens_of(known_of(who).user)]


@router.post("", operation_id="make_token")
def make_token(request: Request, who: InPerson, given: TokenWish) -> NewToken:
    """Make a token; it never may do more than the caller."""
    folder = None
    if given.project is not None:
        if who.role_in(given.project) is None:
            raise Refused(f"there is no project {given.project!r} for you here", hint="Choose one", status=404)
        folder = request.app.state.projects.get(given.project).folder
    secret = accounts_of(request).new_token(
        known_of(who).user, given.name, given.role, folder=folder, days=given.days, by=who.name
    )
    return NewToken(token=secret)


@router.delete("/{token}", operation_id="remove_token")
def remove_token(request: Request, who: InPerson, token: int) -> Done:
    """Remove a token of the caller; scripts that use it are refused from now on."""
    accounts_of(request).remove_token(known_of(who).user, token, who.name)
    return Done(ended=0)
