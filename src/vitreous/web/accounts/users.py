"""Users and their rights in projects."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.core.errors import UsageError
from vitreous.web.accounts.database import Database
from vitreous.web.accounts.passwords import check_name, key_of
from vitreous.web.accounts.roles import Role, check_role, place


@dataclass(frozen=True)
class User:
    """One user.

    Attributes:
        id: number of the user.
        role: on the whole server; ``None`` where there are rights in single projects only.
        disabled: may not come in.
        created: s since 1970.
        seen: s since 1970, when a session was last used; ``None``: not yet, or signed out.
        sessions, tokens: how many there are.
        rights: folder of a project → role there.
    """

    id: int
    name: str
    role: Role | None
    disabled: bool
    created: float
    seen: float | None
    sessions: int
    tokens: int
    rights: dict[str, Role]


_USERS = """
SELECT id, name, role, disabled, created,
    (SELECT max(seen) FROM session WHERE session.user = user.id) AS seen,
    (SELECT count(*) FROM session WHERE session.user = user.id) AS sessions,
    (SELECT count(*) FROM token WHERE token.user = user.id) AS tokens
FROM user
"""


def all_users(file: Database) -> list[User]:
    """All, by name."""
    rights: dict[int, dict[str, Role]] = {}
    for row in file.ask("SELECT user, folder, role FROM grant_in ORDER BY folder"):
        rights.setdefault(row["user"], {})[row["folder"]] = row["role"]
    return [
        User(**{**dict(row), "disabled": bool(row["disabled"])}, rights=rights.get(row["id"], {}))
        for row in file.ask(f"{_USERS} ORDER BY key")
    ]


def user_of(file: Database, number: int) -> User:
    """One user.

    Raises:
        UsageError: there is none of that number.
    """
    row = file.one(f"{_USERS} WHERE id = ?", number)
    if row is None:
        raise UsageError(f"there is no user {number}", hint="Choose one of the list of users", missing=True)
    return User(**{**dict(row), "disabled": bool(row["disabled"])}, rights=rights_of(file, number))


def find_user(file: Database, name: str) -> User:
    """The user of a name.

    Raises:
        UsageError: there is none.
    """
    row = file.one("SELECT id FROM user WHERE key = ?", key_of(name))
    if row is None:
        raise UsageError(
            f"there is no user {name[:80]!r}", hint="See vitreous users list, or ask an owner", missing=True
        )
    return user_of(file, row["id"])


def rights_of(file: Database, number: int) -> dict[str, Role]:
    """Folder of a project → role there, of one user."""
    return {row["folder"]: row["role"] for row in file.ask("SELECT folder, role FROM grant_in WHERE user = ?", number)}


def insert_user(rows: sqlite3.Connection, name: str, hashed: str, role: Role | None, now: float) -> int:
    """Add a user; gives the number.

    Raises:
        UsageError: the name is taken, or can't be one.
    """
    plain = check_name(name)
    if rows.execute("SELECT 1 FROM user WHERE key = ?", (key_of(plain),)).fetchone():
        raise UsageError(f"there is a user {plain!r} already", hint="Choose another name, or change that user")
    cursor = rows.execute(
        "INSERT INTO user (name, key, password, role, created) VALUES (?, ?, ?, ?, ?)",
        (plain, key_of(plain), hashed, check_role(role), now),
    )
    return int(cursor.lastrowid or 0)


def update_user(rows: sqlite3.Connection, number: int, values: dict[str, Any]) -> None:
    """Change the columns ``role``, ``disabled``, ``password`` of a user."""
    for column in ("role", "disabled", "password"):
        if column in values:
            rows.execute(f"UPDATE user SET {column} = ? WHERE id = ?", (values[column], number))


def set_right(rows: sqlite3.Connection, number: int, folder: Path | str, role: Role | None) -> None:
    """Give a user a role in the project of a folder, or take it away (``None``)."""
    where = place(folder)
    if role is None:
        rows.execute("DELETE FROM grant_in WHERE user = ? AND folder = ?", (number, where))
        return
    rows.execute(
        "INSERT INTO grant_in VALUES (?, ?, ?) ON CONFLICT (user, folder) DO UPDATE SET role = excluded.role",
        (number, where, check_role(role)),
    )


def in_folder(file: Database, folder: Path | str) -> list[tuple[str, Role | None, Role | None]]:
    """Who may see the project of a folder: name, role on the server, role in the project."""
    statement = """
        SELECT name, user.role AS server, grant_in.role AS here
        FROM user LEFT JOIN grant_in ON grant_in.user = user.id AND grant_in.folder = ?
        WHERE NOT disabled AND (user.role IS NOT NULL OR grant_in.role IS NOT NULL) ORDER BY key
    """
    return [(row["name"], row["server"], row["here"]) for row in file.ask(statement, place(folder))]
