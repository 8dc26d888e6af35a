"""Who may ask what: every route names the role that it needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from fastapi import Depends, Request

from vitreous.web.faults import Refused
from vitreous.web.served import ServedProject

Role = Literal["viewer", "operator", "owner"]
RANK: dict[str, int] = {"viewer": 1, "operator": 2, "owner": 3}

COOKIE = "vitreous_session"
CSRF_HEADER = "X-Vitreous-CSRF"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: of the user.
        role: on the whole server; ``None`` where a user has rights on single projects only.
        rights: key of a project → role there.
        csrf: what a page must send in ``X-Vitreous-CSRF`` with each change; ``None`` for tokens of scripts.
    """

    name: str
    role: Role | None
    rights: dict[str, Role]
    csrf: str | None

    def role_in(self, project: str) -> Role | None:
        """The role in a project: the higher of that on the server and that in the project."""
        found = [role for role in (self.role, self.rights.get(project)) if role is not None]
        return max(found, key=lambda role: RANK[role], default=None)


class Accounts(Protocol):
    """Where users, sessions and tokens are kept."""

    def of_session(self, cookie: str) -> Caller | None:
        """Who has a session."""

    def of_token(self, token: str) -> Caller | None:
        """Who has given a token to a script."""


def caller(request: Request) -> Caller:
    """Who sends the request, by cookie or by ``Authorization: Bearer``.

    Raises:
        Refused: nobody that is known (401), or a change without the page's CSRF token (403).
    """
    accounts: Accounts = request.app.state.accounts
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        found = accounts.of_token(token.strip())
        if found is None:
            raise Refused("the token is not valid", hint="Make a new one in Settings", status=401)
        return found
    cookie = request.cookies.get(COOKIE)
    found = accounts.of_session(cookie) if cookie else None
    if found is None:
        raise Refused("you are not signed in", hint="Sign in, or open the address that the server printed", status=401)
    if request.method not in SAFE and not _same(request.headers.get(CSRF_HEADER), found.csrf):
        raise Refused("the page's CSRF token is missing or old", hint="Load the page again", status=403)
    return found


def _same(given: str | None, wanted: str | None) -> bool:
    return given is not None and wanted is not None and secrets.compare_digest(given.encode(), wanted.encode())


Signed = Annotated[Caller, Depends(caller)]
"""Any user who is known."""


@dataclass(frozen=True)
class Access:
    """A project, and who asks for it."""

    project: ServedProject
    caller: Caller

    def act(self, action: str, **arguments: Any) -> Any:
        """Do an action in the caller's name."""
        return self.project.act(action, arguments, self.caller.name)


def needs(role: Role) -> Callable[..., Access]:
    """A dependency: the project of the address, for those who have at least this role in it."""

    def check(request: Request, project: str, who: Signed) -> Access:
        have = who.role_in(project)
        if have is None:  # who has no right to a project does not learn whether there is one
            raise Refused(f"there is no project {project!r} for you here", hint="Ask its owner for access", status=404)
        if RANK[have] < RANK[role]:
            raise Refused(f"as {have} you can't do that; it needs the role {role}", hint="Ask an owner of the project")
        return Access(request.app.state.projects.get(project), who)

    return check


def needs_on_server(role: Role) -> Callable[..., Caller]:
    """A dependency: those who have at least this role on the whole server."""

    def check(who: Signed) -> Caller:
        if who.role is None or RANK[who.role] < RANK[role]:
            raise Refused(f"that needs the role {role} on this server", hint="Ask an owner of the server")
        return who

    return check


Viewing = Annotated[Access, Depends(needs("viewer"))]
Operating = Annotated[Access, Depends(needs("operator"))]
Owning = Annotated[Access, Depends(needs("owner"))]
ServerOperator = Annotated[Caller, Depends(needs_on_server("operator"))]
ServerOwner = Annotated[Caller, Depends(needs_on_server("owner"))]
