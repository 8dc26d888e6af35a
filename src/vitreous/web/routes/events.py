"""The stream of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from vitreous.web.faults import Refused
from vitreous.web.feed import Allowed, Feed, read_cursor
from vitreous.web.guard import Caller, Signed, caller

router = APIRouter(tags=["events"])


@router.get("/api/events", operation_id="events", response_class=StreamingResponse)
async def stream(
    request: Request,
    who: Signed,
    projects: Annotated[str | None, Query(description="keys, separated by commas; all unless given")] = None,
    after: Annotated[str | None, Query(description="as the header Last-Event-ID, for the first connection")] = None,
    last_event_id: Annotated[str | None, Header(description="id of the last message that was seen")] = None,
) -> StreamingResponse:
    """Server-sent events: ``log`` (a line of a project's log), ``state`` (how it stands now), ``reset`` (too much was
    missed: load anew), ``fault`` (it can't be read just now), ``gone`` (it is served no longer). The id of a message
    resumes the stream after it."""
    feed: Feed = request.app.state.feed
    chosen = None if projects is None else frozenset(projects.split(","))

    def rights(of: Caller) -> Allowed:
        return lambda key: (chosen is None or key in chosen) and of.role_in(key) is not None

    async def again() -> Allowed | None:
        """What the caller may see now; ``None`` where nobody is signed in any more."""
        try:
            return rights(await caller(request))
        except Refused:
            return None

    content = feed.stream(rights(who), read_cursor(last_event_id or after), again)
    return StreamingResponse(content, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
