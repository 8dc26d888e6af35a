"""How pictures are answered: kept by the browser where their address names what they show, blurred for guests."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from vitreous.project.pictures.shelf import Shelf
from vitreous.web.guard import Caller

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


def shelf_of(request: Request) -> Shelf:
    """What the server keeps of images in memory."""
    shelf: Shelf = request.app.state._state.setdefault("shelf", Shelf())
    return shelf


def is_guest(request: Request, who: Caller, project: str | None = None) -> bool:
    """Whether images are blurred for the caller: one who may only look, unless the server says otherwise."""
    role = who.role if project is None else who.role_in(project)
    return role not in ("operator", "owner") and bool(getattr(request.app.state, "blur", True))


def answered(request: Request, tag: str, given: str | None) -> Response | None:
    """ "Not modified" where the browser has the picture of this tag already."""
    if f'"{tag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=_kept(tag, given))
    return None


def picture(content: bytes, kind: str, tag: str, given: str | None, headers: dict[str, str] | None = None) -> Response:
    """A picture: kept for ever where the address names its version (``given``), else asked for again each time.

    It is not packed once more: noise gets no smaller, and it takes longer than to make it.
    """
    return Response(
        content, media_type=kind, headers={"Content-Encoding": "identity", **_kept(tag, given), **(headers or {})}
    )


def _kept(tag: str, given: str | None) -> dict[str, str]:
    return {"ETag": f'"{tag}"', "Cache-Control": FOR_EVER if given else ASK_AGAIN, "Vary": "Cookie, Authorization"}
