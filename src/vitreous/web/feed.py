"""What happens in the projects, sent to every page: one stream, with ids from which a page that was away goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vitreous.core.plain import to_json
from vitreous.web.follower import Follower, Message
from vitreous.web.served import Projects, ServedProject

LOOK_SECONDS = 0.2
"""s between two looks at a project."""
MANY = 200
"""Open pages from which looks are half as frequent, so that many viewers cost the engine little."""
FAULT_SECONDS = 2.0
"""s between two looks at a project that can't be read."""
HEARTBEAT_SECONDS = 15.0
"""s after which something is sent that keeps connections open."""
RIGHTS_SECONDS = 5.0
"""s between two looks at what a page may still see."""
JOIN_SECONDS = 2.0
"""s that a page waits for a project that does not answer."""
JOIN_PAUSE = 10.0
"""s after which it tries again."""
QUEUE = 2000
"""Lines of logs that may wait for one page; one that is slower is told ``reset`` and starts afresh."""

Allowed = Callable[[str], bool]
_T = TypeVar("_T")


class Listener:
    """One open page: what it may see, what it has seen, and what waits for it."""

    def __init__(self, allowed: Allowed, cursor: Mapping[str, int]) -> None:
        self.allowed = allowed
        self.seen = dict(cursor)
        self.joined: set[str] = set()
        self.tried: dict[str, float] = {}
        self.told: dict[str, Message] = {}
        self._lines: deque[Message] = deque()
        self._states: dict[str, Message] = {}
        self._overrun = self.over = False
        self.wake = asyncio.Event()

    def put(self, messages: list[Message]) -> None:
        """Give it messages of one project; of states only the newest is kept, and who is too slow starts afresh."""
        if not messages or not self.allowed(messages[0].project):
            return
        for message in messages:
            if message.seq is None:
                self._states[message.project] = message
            elif not self._overrun:
                self._lines.append(message)
        if len(self._lines) > QUEUE:
            self._lines.clear()
            self._overrun = True
        self.wake.set()

    def end(self) -> None:
        """Let its stream end."""
        self.over = True
        self.wake.set()

    def take(self) -> bytes:
        """All that waits for it."""
        self.wake.clear()
        lines, states = self._lines, self._states
        self._lines, self._states = deque(), {}
        parts: list[bytes] = []
        if self._overrun:
            self._overrun = False
            self.joined.clear()  # it joins each log anew, at its newest line
            self.seen.clear()
            self.wake.set()
            parts.append(b'event: reset\ndata: {"project":null}\n\n')
        for message in lines:
            assert message.seq is not None
            # Lines of a log that is not joined yet are read from it when it is.
            if message.project in self.joined and message.seq > self.seen.get(message.project, 0):
                self.seen[message.project] = message.seq
                parts.append(message.body)
        parts += [message.body for key, message in states.items() if self.told.get(key) is not message]
        self.told |= states
        # One id for all: they arrive together, or the page asks for them again.
        head = f"id: {cursor_text(self.seen)}\n".encode() if self.seen else b""
        return b"".join([*parts[:-1], head + parts[-1]]) if parts else b""


class Watched:
    """A project that is followed, with the thread that does so: a hung disk holds up nobody else."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.pool = ThreadPoolExecutor(1, thread_name_prefix=f"feed-{follower.project.key}")
        self.task: asyncio.Task[None] | None = None

    async def ask(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function of the follower in its thread."""
        future: Future[_T] = self.pool.submit(partial(function, *arguments))
        return await asyncio.wrap_future(future)

    async def end(self) -> None:
        """Follow it no longer."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        self.pool.submit(self.follower.close)
        self.pool.shutdown(wait=False)


class Feed:
    """The stream of all projects of a server. While no page is open, nothing is looked at.

    Args:
        projects: that are followed.
        more: what is told of the engine of the project in a folder, as ``engine_kept`` of its state.
    """

    def __init__(self, projects: Projects, more: Callable[[Path], Mapping[str, Any]] = lambda folder: {}) -> None:
        self._projects = projects
        self._more = more
        self._listeners: set[Listener] = set()
        self._watched: dict[str, Watched] = {}
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def listeners(self) -> int:
        """Number of open pages."""
        return len(self._listeners)

    def start(self) -> None:
        """Begin to look, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    def end_streams(self) -> None:
        """End every stream, and let none begin: the server stops."""
        self._ended = True
        for listener in self._listeners:
            listener.end()

    async def stop(self) -> None:
        """Look no more, and end every stream."""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for watched in list(self._watched.values()):
            await watched.end()
        self._watched.clear()

    async def _run(self) -> None:
        """Follow what is served, and no more what is not."""
        while True:
            await self._follow_served()
            await asyncio.sleep(1.0)

    async def _follow_served(self) -> None:
        served = {project.key: project for project in self._projects}
        for key, watched in list(self._watched.items()):
            if served.get(key) is not watched.follower.project:
                del self._watched[key]
                await watched.end()
                self._tell([Message("gone", key, None, to_json({"project": key}, indent=None))])
        for key, project in served.items():
            self._watch(key, project)

    def _watch(self, key: str, project: ServedProject) -> Watched:
        watched = self._watched.get(key)
        if watched is None or watched.follower.project is not project:
            watched = self._watched[key] = Watched(Follower(project, self._more))
            watched.task = asyncio.create_task(self._follow(watched))
        return watched

    async def _follow(self, watched: Watched) -> None:
        """Look at one project as long as pages are open that may see it."""
        key, clock = watched.follower.project.key, asyncio.get_running_loop().time
        while True:
            if not self._anyone(key):
                await watched.ask(watched.follower.rest)
                self._awake.clear()
                if not self._anyone(key):  # somebody may have come meanwhile
                    await self._awake.wait()
                continue
            try:
                found = await watched.ask(watched.follower.look, clock())
                pause = LOOK_SECONDS * (1 + min(1.0, self.listeners / MANY))
            except Exception as error:  # whatever one project has must not end the stream of the others
                found, pause = [await watched.ask(watched.follower.fail, error)], FAULT_SECONDS
            self._tell(found)
            await asyncio.sleep(pause)

    def _anyone(self, key: str) -> bool:
        return any(listener.allowed(key) for listener in self._listeners)

    def _tell(self, messages: list[Message]) -> None:
        for listener in self._listeners:
            listener.put(messages)

    async def stream(
        self,
        allowed: Allowed,
        cursor: Mapping[str, int],
        again: Callable[[], Awaitable[Allowed | None]] | None = None,
    ) -> AsyncIterator[bytes]:
        """The messages for one page, as server-sent events.

        Args:
            allowed: whether the page may see a project.
            cursor: the last line of each project's log that it has seen.
            again: asked now and then what it may see now; ``None`` ends the stream.
        """
        listener = Listener(allowed, cursor)
        self._listeners.add(listener)
        self._awake.set()
        loop = asyncio.get_running_loop()
        asked = sent = loop.time()
        try:
            yield b"retry: 1500\n\n"
            while not (listener.over or self._ended):
                first = await self._join(listener)
                ready = first + listener.take()
                if ready:
                    yield ready
                    sent = loop.time()
                elif loop.time() - sent >= HEARTBEAT_SECONDS:
                    yield b"event: beat\ndata: {}\n\n"
                    sent = loop.time()
                if again is not None and loop.time() - asked >= RIGHTS_SECONDS:
                    rights, asked = await again(), loop.time()
                    if rights is None:
                        return
                    listener.allowed = rights
                    self._awake.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.wake.wait(), RIGHTS_SECONDS)
        finally:
            self._listeners.discard(listener)

    async def _join(self, listener: Listener) -> bytes:
        """What a page has missed of the projects that it has not joined yet, and how they stand."""
        now = asyncio.get_running_loop().time()
        missing = [
            project
            for project in self._projects
            if project.key not in listener.joined
            and listener.allowed(project.key)
            and now - listener.tried.get(project.key, -JOIN_PAUSE) >= JOIN_PAUSE
        ]
        if not missing:
            return b""
        found = await asyncio.gather(*(self._join_one(listener, project) for project in missing))
        parts = [message.body for messages in found for message in messages]
        if parts:
            parts.insert(-1, f"id: {cursor_text(listener.seen)}\n".encode())
        return b"".join(parts)

    async def _join_one(self, listener: Listener, project: ServedProject) -> list[Message]:
        key = project.key
        watched = self._watch(key, project)
        join = watched.ask(watched.follower.join, listener.seen.get(key))
        try:
            seq, missed = await asyncio.wait_for(join, JOIN_SECONDS)
        except Exception as error:  # it can't be read, which its follower looks after; it is joined when it can be
            listener.tried[key] = asyncio.get_running_loop().time()
            fault = str(error) or f"{project.folder} does not answer"
            return [Message("fault", key, None, to_json({"project": key, "fault": fault}, indent=None))]
        listener.joined.add(key)
        listener.seen[key] = seq
        newest = watched.follower.newest
        if newest is None:
            return missed
        listener.told[key] = newest
        return [*missed, newest]


def read_cursor(text: str | None) -> dict[str, int]:
    """``a=12,b=7`` → the last line that a page has seen of each project; what is not of this form is left out."""
    found = {}
    for part in (text or "").split(","):
        key, _, number = part.rpartition("=")
        if key and number.isascii() and number.isdigit() and len(number) < 19:
            found[key] = int(number)
    return found


def cursor_text(seen: Mapping[str, int]) -> str:
    """The id of a message: the newest line of each project's log that a page has seen."""
    return ",".join(f"{key}={number}" for key, number in sorted(seen.items()))
