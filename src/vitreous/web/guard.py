"""Who may ask what: every route names the role that it needs."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from vitreous.web.accounts.known import Known
from vitreous.web.accounts.roles import RANK, Role, capped, higher, place
from vitreous.web.refused import Refused
from vitreous.web.served import Projects, ServedProject

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
        known: as the accounts know them.
    """

    name: str
    role: Role | None
    rights: dict[str, Role]
    csrf: str | None
    known: Known | None = None

    def role_in(self, project: str) -> Role | None:
        """The role in a project: the higher of that on the server and that in the project."""
        return higher((self.role, self.rights.get(project)))


class Accounts(Protocol):
    """Where users, sessions and tokens are kept."""

    def recall(self, secret: str) -> Known | None:
        """Who has a cookie or token, where that is known without waiting."""

    def of_session(self, cookie: str) -> Known | None:
        """Who has a session."""

    def of_token(self, token: str) -> Known | None:
        """Who has given a token to a script."""


def caller_of(known: Known, projects: Iterable[ServedProject]) -> Caller:
    """Somebody who is known, with the rights that they have in the projects of this server.

    Rights are kept by folder, so that they hold whatever key a project has; a token gives at most its own role, and
    only in its own project where it names one.
    """
    role, rights = capped(known.role, known.cap), {}
    if known.rights or known.only is not None:
        for project in projects:
            where = place(project.folder)
            here = higher((known.rights.get(where), known.role if known.only == where else None))
            if here is not None and known.only in (None, where):
                rights[project.key] = capped(here, known.cap) or here
    return Caller(known.name, role if known.only is None else None, rights, known.csrf, known)


def cookie_name(request: Request) -> str:
    """The cookie's name: servers behind several ssh tunnels share a browser's ``localhost`` and differ by port."""
    port = urlsplit(f"//{request.headers.get('host', '')}").netloc.rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isdecimal() else COOKIE


async def _known(secret: str, ask: Callable[[str], Known | None], accounts: Accounts) -> Known | None:
    return accounts.recall(secret) or await run_in_threadpool(ask, secret)


async def known_by_cookie(request: Request) -> Known | None:
    """Who has the browser's session."""
    accounts: Accounts = request.app.state.accounts
    for name in (cookie_name(request), COOKIE):
        cookie = request.cookies.get(name)
        if cookie:
            found = await _known(cookie, accounts.of_session, accounts)
            if found is not None and found.session is not None:
                return found
    return None


async def caller(request: Request) -> Caller:
    """Who sends the request, by cookie or by ``Authorization: Bearer``.

    Raises:
        Refused: nobody that is known (401), or a change without the page's CSRF token (403).
    """
    accounts: Accounts = request.app.state.accounts
    projects: Projects = request.app.state.projects
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        found = await _known(token.strip(), accounts.of_token, accounts)
        if found is None or found.token is None:
            raise Refused("the token is not valid", hint="Make a new one in Settings", status=401)
        return caller_of(found, projects)
    found = await known_by_cookie(request)
    if found is None:
        raise Refused("you are not signed in", hint="Sign in, or open the address that the server printed", status=401)
    if request.method not in SAFE and not _same(request.headers.get(CSRF_HEADER), found.csrf):
        raise Refused("the page's CSRF token is missing or old", hint="Load the page again", status=403)
    return caller_of(found, projects)


def _same(given: str | None, wanted: str | None) -> bool:
    return given is not None and wanted is not None and secrets.compare_digest(given.encode(), wanted.encode())


def from_own_page(request: Request) -> None:
    """A dependency of what is asked before one has a CSRF token: pages of others are refused.

    Raises:
        Refused: a page of another origin sent the request (403).
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:  # browsers say it over https and on localhost only
        ours = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not ours:
        raise Refused(
            "this was sent by a page of another server", hint="Open the page of this server, and sign in there"
        )


Signed = Annotated[Caller, Depends(caller)]
"""Any user who is known."""


async def _in_person(who: Signed) -> Caller:
    if who.known is None or who.known.session is None:
        raise Refused("a token of a script can't do that", hint="Sign in with a browser", status=403)
    return who


InPerson = Annotated[Caller, Depends(_in_person)]
"""A user who is signed in in a browser; tokens can't make further tokens or change passwords."""


@dataclass(frozen=True)
class Access:
    """A project, and who asks for it."""

    project: ServedProject
    caller: Caller

    def act(self, action: str, **arguments: Any) -> Any:
        """Do an action in the caller's name."""
        return self.project.act(action, arguments, self.caller.name)


def needs(role: Role) -> Callable[..., Awaitable[Access]]:
    """A dependency: the project of the address, for those who have at least this role in it."""

    async def check(request: Request, project: str, who: Signed) -> Access:
        have = who.role_in(project)
        if have is None:  # who has no right to a project does not learn whether there is one
            raise Refused(f"there is no project {project!r} for you here", hint="Ask its owner for access", status=404)
        if RANK[have] < RANK[role]:
            raise Refused(f"as {have} you can't do that; it needs the role {role}", hint="Ask an owner of the project")
        return Access(request.app.state.projects.get(project), who)

    return check


def needs_on_server(role: Role) -> Callable[..., Awaitable[Caller]]:
    """A dependency: those who have at least this role on the whole server."""

    async def check(who: Signed) -> Caller:
        if who.role is None or RANK[who.role] < RANK[role]:
            raise Refused(f"that needs the role {role} on this server", hint="Ask an owner of the server")
        return who

    return check


Viewing = Annotated[Access, Depends(needs("viewer"))]
Operating = Annotated[Access, Depends(needs("operator"))]
Owning = Annotated[Access, Depends(needs("owner"))]
ServerOperator = Annotated[Caller, Depends(needs_on_server("operator"))]
ServerOwner = Annotated[Caller, Depends(needs_on_server("owner"))]
