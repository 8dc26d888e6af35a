"""Sends messages by Apprise, in a thread of its own: a server that does not answer keeps nobody waiting."""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from vitreous.core.errors import UsageError
from vitreous.project.alarms.messages import Message
from vitreous.project.alarms.receivers import SHOWN_HOSTS, Receiver, masked, read_receivers

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 900.0
"""s before a message that could not be sent is tried again, at first and at most."""
CLOSE_SECONDS = 3.0
"""s that a message under way may take at the end."""


ONE_AT_A_TIME = threading.Lock()
"""Apprise has one log for all, so what is heard while a message is sent is about that message."""


def send(url: str, title: str, body: str) -> str | None:
    """Send one message; says why where it could not be sent, without what is secret in the address.

    Raises:
        UsageError: Apprise is not installed.
    """
    try:
        import apprise
    except ImportError as error:
        raise UsageError(
            "messages need the library Apprise, which is not installed",
            hint="Install it: pip install 'vitreous[notify]'",
        ) from error
    heard = _Heard()
    with ONE_AT_A_TIME, heard:
        service = apprise.Apprise()
        if not service.add(url):
            return f"{masked(url)} is no address that Apprise knows"
        if service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            return None
    reason = redacted(heard.last, url)
    return f"{masked(url)} did not take the message" + (f": {reason}" if reason else "")


def redacted(text: str, url: str) -> str:
    """A text without any part of an address."""
    kind, _, rest = url.partition("://")
    shown = masked(url)
    parts = {part for part in re.split(r"[/:@?&=,]+", f"{rest}/{unquote(rest)}") if len(part) > 2}
    parts = {part for part in parts if kind.lower() not in SHOWN_HOSTS or part not in shown}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "…")
    return text


class _Heard(logging.Handler):
    """Keeps what Apprise logs from the terminal, where it would show addresses, and remembers the last of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._logger = logging.getLogger("apprise")

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def __enter__(self) -> None:
        self._logger.addHandler(self)
        self._logger.propagate = False

    def __exit__(self, *error: object) -> None:
        self._logger.removeHandler(self)


def try_receivers(folder: Path, title: str, name: str | None = None) -> list[dict[str, Any]]:
    """Send a test message to all receivers of a project, or to one; ``[{receiver, url, ok, message}]``.

    Raises:
        UsageError: there is no such receiver, or none, or Apprise is not installed.
    """
    chosen = [entry for entry in read_receivers(folder) if name is None or entry.name == name]
    if not chosen:
        told = "nobody is told of alarms yet" if name is None else f"there is no receiver {name!r}"
        raise UsageError(told, hint="Add one in Settings, or by vitreous receivers NAME --url ADDRESS")
    body = "This is a test. Alarms of this project reach you in this way."
    found = []
    for entry in chosen:
        fault = send(entry.url, f"{title}: test of alarms", body)
        told = fault or "the message was taken"
        found.append({"receiver": entry.name, "url": masked(entry.url), "ok": fault is None, "message": told})
    return found


@dataclass
class Outbox:
    """Hands messages to a thread and tells what has become of them.

    Attributes:
        send: ``(url, title, body)`` → why it could not be sent.
        clock: s, rising.
        fault: why the last message could not be sent, ``None`` once one was.
    """

    send: Callable[[str, str, str], str | None] = send
    clock: Callable[[], float] = time.monotonic
    fault: str | None = None
    _waiting: queue.SimpleQueue[Message | None] = field(default_factory=queue.SimpleQueue)
    _ended: queue.SimpleQueue[tuple[Message, str | None]] = field(default_factory=queue.SimpleQueue)
    _under_way: set[str] = field(default_factory=set)
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)
    _faults: dict[str, str] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def free(self, receivers: Sequence[Receiver]) -> list[Receiver]:
        """Those to whom nothing is under way, and for whom no pause after a failure lasts."""
        known = {entry.name for entry in receivers}
        for name in list(self._faults):
            if name not in known:
                del self._faults[name]
        now = self.clock()
        return [
            entry
            for entry in receivers
            if entry.name not in self._under_way and now >= self._failed.get(entry.name, (0, float("-inf")))[1]
        ]

    def put(self, message: Message) -> None:
        """Have a message sent soon."""
        self._under_way.add(message.receiver.name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
            self._thread.start()
        self._waiting.put(message)

    def sent(self) -> list[Message]:
        """Messages that were sent since this was asked last; failures are remembered, and tried again."""
        found = []
        while True:
            try:
                message, fault = self._ended.get_nowait()
            except queue.Empty:
                break
            name = message.receiver.name
            self._under_way.discard(name)
            if fault is None:
                self._failed.pop(name, None)
                self._faults.pop(name, None)
                found.append(message)
            else:
                tries = self._failed.get(name, (0, 0.0))[0] + 1
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
                self._failed[name] = (tries, self.clock() + pause)
                self._faults[name] = f"{name} can't be told of alarms: {fault}; it is tried again"
        self.fault = "; ".join(self._faults.values()) or None
        return found

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """End the thread; what it can't send in that time is sent by the next engine."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(seconds)

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            try:
                fault = self.send(message.receiver.url, message.title, message.body)
            except UsageError as error:
                fault = f"{error.message}. {error.hint}"
            except Exception as error:  # a plug-in of Apprise is foreign code
                fault = f"{masked(message.receiver.url)}: {type(error).__name__}"
            self._ended.put((message, fault))
