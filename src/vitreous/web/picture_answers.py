"""How pictures are answered: kept by the browser where their address names what they show, blurred for guests."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from vitreous.core.errors import VitreousError
from vitreous.project.pictures.shelf import Shelf, give_freed_memory_back
from vitreous.web.guard import Caller

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


WARM_AFTER = 1.0
"""s after the start at which readers are loaded: the first page comes before."""


@contextlib.asynccontextmanager
async def warmed(app: Any) -> AsyncIterator[None]:
    """Load what reads and draws images soon after the start, so that the first one does not wait for it."""
    timer = threading.Timer(WARM_AFTER, load_readers)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


def load_readers() -> None:
    """Import the readers of all installed formats, and what draws."""
    from vitreous.formats.images import image_formats
    from vitreous.project.pictures import images, thumbnails  # noqa: F401 - loaded for what comes

    for known in image_formats().formats:
        known.load()


def shelf_of(request: Request) -> Shelf:
    """What the server keeps of images in memory."""
    known: dict[str, Any] = request.app.state._state
    if "shelf" not in known:
        give_freed_memory_back()
    shelf: Shelf = known.setdefault("shelf", Shelf())
    return shelf


def is_guest(request: Request, who: Caller, project: str | None = None) -> bool:
    """Whether images are blurred for the caller: one who may only look, unless the server says otherwise."""
    role = who.role if project is None else who.role_in(project)
    return role not in ("operator", "owner") and bool(getattr(request.app.state, "blur", True))


class PictureRoute(APIRoute):
    """A route of pictures: faults of files name them without their folders for those who may only look."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, and what it raises in fewer words."""
        handler = super().get_route_handler()

        async def plainly(request: Request) -> Response:
            try:
                return await handler(request)
            except VitreousError as error:
                if getattr(request.state, "hide_folders", False):
                    raise without_folders(error) from None
                raise

        return plainly


def only_looks(request: Request, who: Caller, project: str | None = None) -> None:
    """Note for faults of this request whether the caller may know where files lie."""
    role = who.role if project is None else who.role_in(project)
    request.state.hide_folders = role not in ("operator", "owner")


def without_folders(error: VitreousError) -> VitreousError:
    """The same fault with names of files in place of their paths."""
    path = error.context.get("path")

    def plain(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        known = text.replace(str(path), Path(str(path)).name) if path else text
        return re.sub(r"(?<![\w.])/(?:[^/\s:'\"]+/)+", "", known)

    context = {name: plain(value) for name, value in error.context.items()}
    return type(error)(plain(error.message), hint=plain(error.hint), **context)


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
