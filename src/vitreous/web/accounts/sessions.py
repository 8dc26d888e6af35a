"""Sessions of browsers, tokens of scripts, and links that open a session once: kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from vitreous.core.errors import UsageError
from vitreous.web.accounts.database import Database
from vitreous.web.accounts.roles import Role, check_role, place

DAY = 86400.0
LONGEST = 30 * DAY
"""s after which a session ends."""
IDLE = 7 * DAY
"""s without a request after which it ends."""
LINK_SECONDS = 600.0
"""s for which a link holds."""
SEEN_SECONDS = 60.0
"""s between two notes of when a session or a token was used."""
MOST = 100
"""Sessions, and tokens, of one user."""


@dataclass(frozen=True)
class Session:
    """A browser that is signed in; times in s since 1970."""

    id: int
    created: float
    seen: float
    expires: float
    address: str | None
    agent: str | None


@dataclass(frozen=True)
class Token:
    """What lets a script in; times in s since 1970. ``folder`` is of the only project that it may see."""

    id: int
    name: str
    role: Role
    folder: str | None
    created: float
    expires: float | None
    used: float | None


def hash_of(secret: str) -> bytes:
    """What is kept of a secret that is random and long, so that one quick hash hides it."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_of(cookie: str) -> str:
    """What a page sends with each change: made from the cookie, which pages of others can't read."""
    return hashlib.sha256(b"vitreous csrf " + cookie.encode()).hexdigest()[:32]


def open_session(rows: sqlite3.Connection, user: int | None, now: float, address: str | None, agent: str | None) -> str:
    """A new session, of a user or of the person who runs the server (``None``); gives its cookie."""
    rows.execute("DELETE FROM session WHERE created < ? OR seen < ?", (now - LONGEST, now - IDLE))
    rows.execute("DELETE FROM link WHERE expires < ?", (now,))
    rows.execute(
        "DELETE FROM session WHERE user IS ? AND id NOT IN"
        " (SELECT id FROM session WHERE user IS ? ORDER BY seen DESC LIMIT ?)",
        (user, user, MOST - 1),
    )
    cookie = secrets.token_urlsafe(32)
    rows.execute(
        "INSERT INTO session (hash, user, created, seen, address, agent) VALUES (?, ?, ?, ?, ?, ?)",
        (hash_of(cookie), user, now, now, address, (agent or "")[:200] or None),
    )
    return cookie


def sessions_of(file: Database, user: int | None, now: float) -> list[Session]:
    """The sessions of a user that hold, the one used last first."""
    statement = (
        "SELECT id, created, seen, address, agent FROM session"
        " WHERE user IS ? AND created >= ? AND seen >= ? ORDER BY seen DESC, id DESC"
    )
    return [
        Session(**dict(row), expires=min(row["created"] + LONGEST, row["seen"] + IDLE))
        for row in file.ask(statement, user, now - LONGEST, now - IDLE)
    ]


def new_token(
    rows: sqlite3.Connection,
    user: int | None,
    name: str,
    role: Role,
    folder: Path | str | None,
    days: float | None,
    now: float,
) -> str:
    """A new token of a user; it is shown once, and only its hash is kept.

    Raises:
        UsageError: the name is empty, too long or used by another token of the user; or there are too many.
    """
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 64 or not plain.isprintable():
        raise UsageError(f"{name[:80]!r} can't be the name of a token", hint="Use 1 to 64 characters")
    if days is not None and not 0 < days <= 3660:
        raise UsageError(f"a token that holds for {days:g} days", hint="Choose up to 3660 days")
    names = [row[0] for row in rows.execute("SELECT name FROM token WHERE user IS ?", (user,))]
    if plain in names:
        raise UsageError(f"there is a token {plain!r} already", hint="Choose another name, or remove that one first")
    if len(names) >= MOST:
        raise UsageError(f"there are {len(names)} tokens already", hint="Remove those that are not used")
    secret = "vit_" + secrets.token_urlsafe(32)
    where = None if folder is None else place(folder)
    expires = None if days is None else now + days * DAY
    rows.execute(
        "INSERT INTO token (hash, user, name, role, folder, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (hash_of(secret), user, plain, check_role(role), where, now, expires),
    )
    return secret


def tokens_of(file: Database, user: int | None) -> list[Token]:
    """The tokens of a user, the newest first; those whose time is over are among them."""
    statement = "SELECT id, name, role, folder, created, expires, used FROM token WHERE user IS ? ORDER BY id DESC"
    return [Token(**dict(row)) for row in file.ask(statement, user)]
