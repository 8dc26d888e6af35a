"""What is new in one project: lines of its log, and how it stands, seen by looking at its catalogue."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vitreous.core.plain import to_json
from vitreous.project.brief import brief
from vitreous.project.session import Session
from vitreous.project.status import NAME as STATUS_NAME
from vitreous.store.events import Event
from vitreous.store.lock_state import LOCK_NAME
from vitreous.web.reader import Reader, changed_at
from vitreous.web.served import ServedProject

STATE_SECONDS = 0.5
"""s between two messages about the state, at least."""
STATE_SHARE = 10.0
"""A state that takes s to find is looked for again after this many times as long, so that it costs a tenth at most."""
CHECK_SECONDS = 5.0
"""s after which the state is looked at even where no file has changed: an engine that was killed changes none."""
SMALL_CHANGE_SECONDS = 10.0
"""s after which small changes are told too."""
BACKLOG = 500
"""Lines of the log that a page gets at most when it comes back; more is told as ``reset``."""
BATCH = 2000
"""Lines of the log that are read at once."""


@dataclass(frozen=True)
class Message:
    """One message of the stream: ``log``, ``state``, ``reset``, ``fault`` or ``gone``; ``seq`` of a line of the log."""

    kind: str
    project: str
    seq: int | None
    text: str

    @cached_property
    def body(self) -> bytes:
        """The message as a page gets it, without its id; made once for all pages."""
        return f"event: {self.kind}\ndata: {self.text}\n\n".encode()


Mark = tuple[Any, ...]


class Follower:
    """Looks at one project. All of its methods are called from one thread, which a hung disk may keep for long.

    Args:
        project: which.
        more: what is told of the engine of the project in a folder, as ``engine_kept`` of the state.
    """

    def __init__(self, project: ServedProject, more: Callable[[Path], Mapping[str, Any]] = lambda folder: {}) -> None:
        self.project = project
        self._more = more
        self._reader = Reader(project.folder)
        self._session: Session | None = None
        self._seq: int | None = None
        self._mark: Mark | None = None
        self._looked, self._told, self._cost = -1e9, -1e9, 0.0
        self._exact = ""
        self._said: dict[str, Any] | None = None
        self.revision = self.data = 0
        self.newest: Message | None = None

    def look(self, now: float) -> list[Message]:
        """Lines of the log since the last look, and the state if it has changed.

        Args:
            now: s of a clock that never goes back.
        """
        session = self._open()
        mark = self._mark_of(session)
        pause = max(STATE_SECONDS, STATE_SHARE * self._cost)
        due = now - self._looked >= (pause if mark != self._mark else CHECK_SECONDS)
        if self._seq is None:
            self._seq = newest_line(session)
        found = []
        if self._mark is None or mark[0] != self._mark[0]:
            found = [log_message(self.project.key, line) for line in lines_after(session, self._seq, BATCH)]
            self._seq = self._seq if not found else found[-1].seq
        if not due:
            return found
        changed = self._mark is None or mark[0] != self._mark[0]
        # Lines that did not fit are read in the next look: the mark stays, so that it looks again.
        self._mark = mark if len(found) < BATCH else (None, *mark[1:])
        self._looked = now
        state = self._state(session, changed, now)
        return found if state is None else [*found, state]

    def _state(self, session: Session, changed: bool, now: float) -> Message | None:
        """How the project stands, where that is new."""
        began = time.perf_counter()
        self.data += changed
        told = {**brief(session), "engine_kept": self._more(self.project.folder), "data": self.data}
        self._cost = time.perf_counter() - began
        plain = _without_small_change(told)
        exact = repr(told)
        if plain == self._said and (exact == self._exact or now - self._told < SMALL_CHANGE_SECONDS):
            return None
        self._said, self._exact, self._told = plain, exact, now
        self.revision += 1
        counts = {"project": self.project.key, "revision": self.revision}
        self.newest = Message("state", self.project.key, None, to_json({**counts, **told}, indent=None))
        return self.newest

    def join(self, after: int | None) -> tuple[int, list[Message]]:
        """What a page that comes (back) gets of the log: the number of the newest line, and what it has missed.

        Args:
            after: the last line that it has seen, ``None`` where it has seen none.
        """
        session = self._open()
        if self._seq is None:
            self._seq = newest_line(session)
        if after is None or after == self._seq:
            return self._seq, []
        if after > self._seq or self._seq - after > BACKLOG:  # another catalogue than it knew, or too much
            return self._seq, [Message("reset", self.project.key, None, _of(self.project.key))]
        lines = [line for line in lines_after(session, after, BACKLOG) if line.seq <= self._seq]
        return self._seq, [log_message(self.project.key, line) for line in lines]

    def rest(self) -> None:
        """Nobody listens: what happens meanwhile is not told."""
        self._seq = None
        self._mark = None
        self._said = self.newest = None

    def fail(self, error: Exception) -> Message:
        """The project can't be read just now: it is opened anew next time. The message that says so."""
        self.close()
        self.newest = Message("fault", self.project.key, None, _of(self.project.key, fault=str(error)))
        return self.newest

    def close(self) -> None:
        """Close its catalogue."""
        self._session = self._mark = self._said = None
        self._reader.close()

    def _open(self) -> Session:
        """The project; what was seen of another catalogue in its place is forgotten."""
        session = self._reader.session()
        if session is not self._session:
            self._session, self._mark, self._said = session, None, None
        return session

    def _mark_of(self, session: Session) -> Mark:
        """Changes whenever the project may have: its data, what its engine says, who holds it, what ``more`` tells."""
        version = session.db.connection.execute("PRAGMA data_version").fetchone()[0]
        stamps = tuple(changed_at(session.folder / name) for name in (STATUS_NAME, LOCK_NAME))
        return (version, *stamps, repr(self._more(self.project.folder)))


def _without_small_change(told: Mapping[str, Any]) -> dict[str, Any]:
    """A state without what changes all the time and is no news: seconds in sentences, bytes that others write."""
    return {
        **told,
        "conditions": {name: re.sub(r"[\d.,]+", "#", text) for name, text in told["conditions"].items()},
        "disk": {name: number // 10_000_000 for name, number in told["disk"].items()},
        "images_per_hour": None if told["images_per_hour"] is None else round(told["images_per_hour"]),
    }


def newest_line(session: Session) -> int:
    """Number of the newest line of the log, 0 where there is none."""
    return int(session.db.connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])


def lines_after(session: Session, after: int, limit: int) -> list[Event]:
    """Lines of the log after one, the oldest first."""
    rows = session.db.connection.execute("SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))
    return [Event(**{**dict(row), "data": None if row["data"] is None else json.loads(row["data"])}) for row in rows]


def log_message(key: str, event: Event) -> Message:
    """One line of a project's log."""
    return Message("log", key, event.seq, to_json({"project": key, **vars(event)}, indent=None))


def _of(key: str, **more: Any) -> str:
    return to_json({"project": key, **more}, indent=None)
