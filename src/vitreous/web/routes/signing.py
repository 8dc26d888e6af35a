"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from vitreous.web.accounts import Accounts, Known
from vitreous.web.accounts.passwords import LONGEST
from vitreous.web.accounts.sessions import LONGEST as SESSION_SECONDS
from vitreous.web.guard import COOKIE, InPerson, Role, Signed, caller_of, cookie_name, from_own_page, known_by_cookie
from vitreous.web.refused import Refused

router = APIRouter(tags=["accounts"])

Password = Annotated[str, Field(max_length=LONGEST)]


class Me(BaseModel):
    """The caller: name, role on the server, rights in projects, and what changes must carry in ``X-Vitreous-CSRF``."""

    name: str
    role: Role | None
    rights: dict[str, Role]
    csrf: str | None
    has_password: bool = Field(description="false for who came by the printed address")


class SignIn(BaseModel):
    """Name and password of a user."""

    name: str = Field(max_length=64)
    password: Password


class WaysIn(BaseModel):
    """How one may come in: by name and password where there are users; by the printed address always."""

    users: bool


class NewPassword(BaseModel):
    """The present password and the one to come."""

    present: Password
    new: Password


class Done(BaseModel):
    """It was done; ``ended``: how many sessions ended by it."""

    ended: int


class BrowserSession(BaseModel):
    """A browser that is signed in; times in s since 1970."""

    id: int
    created: float
    seen: float
    expires: float
    address: str | None
    agent: str | None
    current: bool


def accounts_of(request: Request) -> Accounts:
    """Users, sessions and tokens of the server."""
    found: Accounts = request.app.state.accounts
    return found


def address_of(request: Request) -> str | None:
    """The address that a request comes from."""
    return request.client.host if request.client else None


def known_of(who: Signed) -> Known:
    """As the accounts know the caller."""
    assert who.known is not None
    return who.known


def _give_cookie(request: Request, answer: Response, cookie: str) -> None:
    answer.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _me(request: Request, known: Known) -> Me:
    who = caller_of(known, request.app.state.projects)
    return Me(name=who.name, role=who.role, rights=who.rights, csrf=who.csrf, has_password=known.user is not None)


@router.get("/api/openapi.json", include_in_schema=False)
def schema(request: Request, who: Signed) -> dict[str, Any]:
    """The schema of all requests."""
    found: dict[str, Any] = request.app.openapi()
    return found


@router.get("/api/me", operation_id="me")
async def me(request: Request, who: Signed) -> Me:
    """Who sends the request."""
    return _me(request, known_of(who))


@router.get("/api/sign-in", operation_id="ways_in")
def ways_in(request: Request) -> WaysIn:
    """How one may come in."""
    return WaysIn(users=accounts_of(request).has_users())


@router.post("/api/sign-in", operation_id="sign_in", dependencies=[Depends(from_own_page)])
def sign_in(request: Request, response: Response, given: SignIn) -> Me:
    """Sign in by name and password: the answer brings the session's cookie. Too many failed tries are answered by 429
    with ``Retry-After``."""
    accounts = accounts_of(request)
    agent = request.headers.get("user-agent")
    cookie = accounts.sign_in(given.name, given.password, address_of(request), agent)
    before = accounts.of_session(request.cookies.get(cookie_name(request), ""))
    if before is not None:  # what this browser had before ends
        accounts.sign_out(before, address_of(request))
    _give_cookie(request, response, cookie)
    known = accounts.of_session(cookie)
    assert known is not None
    return _me(request, known)


@router.post("/api/sign-out", operation_id="sign_out")
def sign_out(request: Request, response: Response, who: InPerson) -> Done:
    """End this session."""
    accounts_of(request).sign_out(known_of(who), address_of(request))
    for name in {cookie_name(request), COOKIE}:
        response.delete_cookie(name, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return Done(ended=1)


@router.get("/open", include_in_schema=False)
async def open_link(
    request: Request,
    token: Annotated[str, Query(max_length=200)],
    next: Annotated[str, Query(max_length=2000)] = "/",
) -> RedirectResponse:
    """Sign in with the one-time token that the server printed, and go to a page of this server."""
    where = next if next.startswith("/") and next[1:2] not in ("/", "\\") and next.isprintable() else "/"
    cookie = accounts_of(request).redeem(token, address_of(request), request.headers.get("user-agent"))
    if cookie is None:
        if await known_by_cookie(request) is not None:  # opened twice in the same browser
            return RedirectResponse(where, 303)
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/login?link=old", 303)
        raise Refused(
            "this link was used already, is older than ten minutes, or is not of this server",
            hint="Get another one: vitreous users link",
        )
    answer = RedirectResponse(where, 303)
    _give_cookie(request, answer, cookie)
    return answer


@router.get("/api/sessions", operation_id="my_sessions")
def my_sessions(request: Request, who: Signed) -> list[BrowserSession]:
    """The browsers in which the caller is signed in, the one used last first."""
    known = known_of(who)
    return [
        BrowserSession(**vars(found), current=found.id == known.session)
        for found in accounts_of(request).sessions_of(known.user)
    ]


@router.post("/api/sessions/end", operation_id="end_sessions")
def end_sessions(request: Request, who: InPerson) -> Done:
    """Sign out everywhere else: all sessions of the caller end except this one."""
    known = known_of(who)
    return Done(ended=accounts_of(request).end_sessions(known.user, who.name, keep=known.session))


@router.delete("/api/sessions/{session}", operation_id="end_session")
def end_session(request: Request, who: InPerson, session: int) -> Done:
    """End one session of the caller."""
    accounts_of(request).end_session(known_of(who).user, session)
    return Done(ended=1)


@router.post("/api/me/password", operation_id="change_password")
def change_password(request: Request, who: InPerson, given: NewPassword) -> Done:
    """Change one's own password; all other sessions of the caller end."""
    accounts_of(request).change_password(known_of(who), given.present, given.new, address_of(request))
    return Done(ended=0)
