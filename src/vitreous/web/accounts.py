"""Users, sessions and tokens of a server."""

from __future__ import annotations

import secrets
import threading

from vitreous.web.guard import Caller


class SingleUser:
    """One person at their own machine: whoever opens the address with the one-time token is the owner."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._link: str | None = None
        self._sessions: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def new_link(self) -> str:
        """A token that opens one session."""
        with self._lock:
            self._link = secrets.token_urlsafe(24)
            return self._link

    def redeem(self, token: str) -> str | None:
        """A new session for a token of ``new_link``, which is used up by that."""
        with self._lock:
            if self._link is None or not secrets.compare_digest(token.encode(), self._link.encode()):
                return None
            self._link = None
            cookie = secrets.token_urlsafe(32)
            self._sessions[cookie] = Caller(self.name, "owner", {}, secrets.token_urlsafe(16))
            return cookie

    def of_session(self, cookie: str) -> Caller | None:
        """Who has a session."""
        return self._sessions.get(cookie)

    def of_token(self, token: str) -> Caller | None:
        """There are no tokens yet."""
        return None
