"""What happens in the projects, sent to every page: one stream, with ids from which a page that was away goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vitreous.core.plain import to_json
from vitreous.project.brief import brief
from vitreous.project.overview import open_for_reading
from vitreous.project.session import Session
from vitreous.project.status import NAME as STATUS_NAME
from vitreous.store.events import Event, events
from vitreous.web.served import Projects, ServedProject

LOOK_SECONDS = 0.2
"""s between two looks at a project."""
STATE_SECONDS = 0.5
"""s between two messages about its state, at least."""
HEARTBEAT_SECONDS = 15.0
"""s after which something is sent that keeps connections open."""
BACKLOG = 500
"""Lines of the log that a page gets at most when it comes back; more is told as ``reset``."""
QUEUE = 2000
"""Messages that may wait for one page; one that is slower is told ``reset`` and starts afresh."""


@dataclass(frozen=True)
class Message:
    """One message of the stream: ``log``, ``state``, ``reset`` or ``gone``; ``seq`` of a line of the log."""

    kind: str
    project: str
    seq: int | None
    text: str


@dataclass(eq=False)
class Listener:
    """One open page."""

    allowed: Callable[[str], bool]
    seen: dict[str, int]
    queue: asyncio.Queue[Message] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def put(self, message: Message) -> None:
        """Give it a message; a page that does not keep up starts afresh."""
        if not self.allowed(message.project):
            return
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(Message("reset", message.project, None, to_json({"project": message.project})))


class Follower:
    """Looks at one project, in a thread of the server, and says what is new."""

    def __init__(self, project: ServedProject) -> None:
        self.project = project
        self._session: Session | None = None
        self._seq: int | None = None
        self._mark: tuple[Any, ...] | None = None
        self._told = -1e9
        self.revision = 0
        self.data = 0

    def look(self, now: float) -> list[Message]:
        """Lines of the log since the last look, and the state if it has changed."""
        if self._session is None:
            self._session = open_for_reading(self.project.folder)
        session, found = self._session, []
        mark = self._mark_of(session)
        if mark == self._mark and now - self._told < HEARTBEAT_SECONDS:
            return []
        if self._seq is None:
            row = session.db.connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
            self._seq = int(row[0])
        for event in events(session.db, after=self._seq, limit=BACKLOG):
            self._seq = event.seq
            found.append(log_message(self.project.key, event))
        if now - self._told >= STATE_SECONDS:
            self.revision += 1
            self.data += self._mark is None or mark[0] != self._mark[0]
            self._mark, self._told = mark, now
            found.append(self.state())
        return found

    def state(self) -> Message:
        """What the project is doing now."""
        assert self._session is not None
        counts = {"project": self.project.key, "revision": self.revision, "data": self.data}
        text = to_json({**counts, **brief(self._session)}, indent=None)
        return Message("state", self.project.key, None, text)

    def _mark_of(self, session: Session) -> tuple[Any, ...]:
        version = session.db.connection.execute("PRAGMA data_version").fetchone()[0]
        stamp = 0
        with contextlib.suppress(OSError):
            stamp = (session.folder / STATUS_NAME).stat().st_mtime_ns
        return version, stamp

    def backlog(self, after: int) -> list[Message]:
        """What a page has missed since a line of the log."""
        with self.project.reading() as session:
            lines = events(session.db, after=after, limit=BACKLOG + 1)
        if len(lines) > BACKLOG:
            return [
                Message("reset", self.project.key, lines[-1].seq, to_json({"project": self.project.key}, indent=None))
            ]
        return [log_message(self.project.key, line) for line in lines]

    def close(self) -> None:
        """Close its catalogue."""
        if self._session is not None:
            self._session.db.close()


def log_message(key: str, event: Event) -> Message:
    """One line of a project's log."""
    return Message("log", key, event.seq, to_json({"project": key, **vars(event)}, indent=None))


def read_cursor(text: str | None) -> dict[str, int]:
    """``a=12,b=7`` → the last line that a page has seen of each project; what is not of this form is left out."""
    found = {}
    for part in (text or "").split(","):
        key, _, number = part.rpartition("=")
        if key and number.isdigit():
            found[key] = int(number)
    return found


def cursor_text(seen: Mapping[str, int]) -> str:
    """The id of a message: the newest line of each project's log that a page has seen."""
    return ",".join(f"{key}={number}" for key, number in sorted(seen.items()))


class Feed:
    """The stream of all projects of a server."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._listeners: set[Listener] = set()
        self._followers: dict[str, Follower] = {}
        self._last: dict[str, Message] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """Number of open pages."""
        return len(self._listeners)

    def start(self) -> None:
        """Begin to look, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more, and end every stream."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for listener in self._listeners:
            listener.put(Message("gone", "", None, "{}"))
        for follower in self._followers.values():
            follower.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for project in self._projects:
                follower = self._followers.setdefault(project.key, Follower(project))
                try:
                    found = await asyncio.to_thread(follower.look, loop.time())
                except Exception as error:
                    found = [self._fault(project.key, error)]
                for message in found:
                    if message.kind == "state":
                        self._last[project.key] = message
                    for listener in self._listeners:
                        listener.put(message)
            await asyncio.sleep(LOOK_SECONDS)

    def _fault(self, key: str, error: Exception) -> Message:
        """A project that can't be read just now is told as such; it is looked at again."""
        text = to_json({"project": key, "fault": f"{error}"}, indent=None)
        return Message("fault", key, None, text)

    async def stream(self, allowed: Callable[[str], bool], cursor: Mapping[str, int]) -> AsyncIterator[bytes]:
        """The messages for one page, as server-sent events.

        Args:
            allowed: whether the page may see a project.
            cursor: the last line of each project's log that it has seen.
        """
        listener = Listener(allowed, dict(cursor))
        self._listeners.add(listener)
        try:
            yield b"retry: 2000\n\n"
            for key, after in cursor.items():
                if key in self._followers and allowed(key):
                    for message in await asyncio.to_thread(self._followers[key].backlog, after):
                        yield _bytes(listener, message)
            for key, message in self._last.items():
                if allowed(key):
                    yield _bytes(listener, message)
            while True:
                try:
                    message = await asyncio.wait_for(listener.queue.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if message.kind == "gone":
                    return
                yield _bytes(listener, message)
        finally:
            self._listeners.discard(listener)


def _bytes(listener: Listener, message: Message) -> bytes:
    if message.seq is not None:
        listener.seen[message.project] = max(message.seq, listener.seen.get(message.project, 0))
    name = cursor_text(listener.seen)
    head = f"id: {name}\n" if name else ""
    return f"{head}event: {message.kind}\ndata: {message.text}\n\n".encode()
