"""Who one is, and signing in by a link."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from vitreous.web.faults import Refused
from vitreous.web.guard import COOKIE, Role, Signed

router = APIRouter(tags=["accounts"])


class Me(BaseModel):
    """The caller: name, role on the server, rights in projects, and what changes must carry in ``X-Vitreous-CSRF``."""

    name: str
    role: Role | None
    rights: dict[str, Role]
    csrf: str | None


@router.get("/api/me", operation_id="me")
def me(who: Signed) -> Me:
    """Who sends the request."""
    return Me(name=who.name, role=who.role, rights=who.rights, csrf=who.csrf)


@router.get("/open", include_in_schema=False)
def open_link(request: Request, token: str) -> RedirectResponse:
    """Sign in with the one-time token that the server printed."""
    cookie = request.app.state.accounts.redeem(token)
    if cookie is None:
        raise Refused("this link was used already, or is not of this server", hint="Start the server anew", status=403)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer
