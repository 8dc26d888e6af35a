"""Who may come in, by name and password, by link, or by token."""

from __future__ import annotations

import getpass
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vitreous.core.errors import ResourceError, UsageError
from vitreous.web.accounts import sessions, users
from vitreous.web.accounts.database import Database, accounts_path, write_line
from vitreous.web.accounts.known import Known, Remembered
from vitreous.web.accounts.limits import ADDRESS, NAME, Limits, Rule, network_of
from vitreous.web.accounts.passwords import Passwords, check_name, check_rules, key_of
from vitreous.web.accounts.roles import Role, check_role, place
from vitreous.web.accounts.users import User
from vitreous.web.refused import Refused


def person() -> str:
    """The person who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return f"user {os.getuid()}"


class Accounts:
    """Users, sessions, tokens and links, in one file; may be used from several threads and processes.

    Whoever opens a link of ``new_link`` is the person who runs the server: an owner, with or without users.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        starter: str | None = None,
        clock: Callable[[], float] = time.time,
        in_memory: bool = False,
        passwords: Passwords | None = None,
    ) -> None:
        """Open the file, and make it where there is none.

        Args:
            path: of the file; in the state folder of the user unless given.
            starter: name of the person who runs the server.
            clock: gives s since 1970.
            in_memory: keep all in memory instead of in a file.
            passwords: hashes them; with the full cost unless given.
        """
        self.starter = starter or person()
        self._clock = clock
        self._file = Database(None if in_memory else path or accounts_path())
        self._passwords = passwords or Passwords()
        self._limits = Limits()
        self._remembered = Remembered()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A change, after which nothing that was remembered holds."""
        try:
            with self._file.change() as rows:
                yield rows
        finally:
            self._remembered.clear()

    # Signing in

    def has_users(self) -> bool:
        """Whether anybody could sign in by name and password."""
        return self._file.one("SELECT 1 FROM user WHERE NOT disabled LIMIT 1") is not None

    def sign_in(self, name: str, password: str, address: str | None = None, agent: str | None = None) -> str:
        """A new session by name and password; gives its cookie.

        Raises:
            Refused: one of the two is wrong (401), or there were too many failed tries (429).
        """
        row = self._file.one("SELECT id, name, password, disabled FROM user WHERE key = ?", key_of(name))
        number = None if row is None else int(row["id"])
        with self._counted(name, number, address) as right:
            if (
                self._passwords.check(None if row is None else row["password"], password)
                and row
                and not row["disabled"]
            ):
                right()
            else:
                message = "wrong name or password" if row is None or not row["disabled"] else "the user is disabled"
                self._note("sign-in refused", name, message, address)
                raise Refused("the name or the password is wrong", hint="Type both again", status=401)
        assert row is not None
        with self._changing() as rows:
            if self._passwords.is_old(row["password"]):
                users.update_user(rows, row["id"], {"password": self._passwords.hash(password)})
            write_line(rows, self._clock(), "sign-in", row["name"], "by name and password", address)
            return sessions.open_session(rows, row["id"], self._clock(), address, agent)

    @contextmanager
    def _counted(self, name: str, number: int | None, address: str | None) -> Iterator[Callable[[], None]]:
        """A try of a password, which counts as a failure unless it is said to be right.

        An address from which this user is signed in already is not held up by what others try with the name.
        """
        near = network_of(address)
        here, everywhere = f"name {key_of(name)} from {near}", f"name {key_of(name)}"
        rules: dict[str, Rule] = {f"address {near}": ADDRESS, here: NAME}
        if self._file.one("SELECT 1 FROM session WHERE user = ? AND address = ?", number, address) is None:
            rules[everywhere] = NAME
        self._limits.begin(rules)

        def right() -> None:
            self._limits.succeeded((here, everywhere), rules)

        yield right

    def new_link(self) -> str:
        """A token that opens one session of the person who runs the server, for ten minutes."""
        token = secrets.token_urlsafe(24)
        with self._changing() as rows:
            rows.execute("DELETE FROM link WHERE expires < ?", (self._clock(),))
            rows.execute(
                "INSERT INTO link VALUES (?, ?)", (sessions.hash_of(token), self._clock() + sessions.LINK_SECONDS)
            )
        return token

    def redeem(self, token: str, address: str | None = None, agent: str | None = None) -> str | None:
        """A new session for a token of ``new_link``, which is used up by that; ``None``: the token does not hold."""
        key, now = sessions.hash_of(token), self._clock()
        if self._file.one("SELECT 1 FROM link WHERE hash = ? AND expires >= ?", key, now) is None:
            return None
        with self._changing() as rows:
            if rows.execute("DELETE FROM link WHERE hash = ? AND expires >= ?", (key, now)).rowcount == 0:
                return None  # another request was quicker
            write_line(rows, now, "sign-in", self.starter, "by a link", address)
            return sessions.open_session(rows, None, now, address, agent)

    # Who it is

    def recall(self, secret: str) -> Known | None:
        """Who has a cookie or token, as far as that was asked a moment ago; never waits."""
        return self._remembered.get(sessions.hash_of(secret))

    def of_session(self, cookie: str) -> Known | None:
        """Who has a session."""
        key, now = sessions.hash_of(cookie), self._clock()
        era = self._remembered.era
        row = self._file.one(
            "SELECT session.id AS session, session.seen, user.id AS user, name, role, disabled FROM session"
            " LEFT JOIN user ON user.id = session.user WHERE hash = ? AND session.created >= ? AND seen >= ?",
            key,
            now - sessions.LONGEST,
            now - sessions.IDLE,
        )
        if row is None or row["disabled"]:
            return None
        self._mark("session", "seen", row["session"], row["seen"], now)
        csrf = sessions.csrf_of(cookie)
        known = Known(**self._who(row), csrf=csrf, session=row["session"])
        self._remembered.put(key, known, era)
        return known

    def of_token(self, token: str) -> Known | None:
        """Who has given a token to a script."""
        key, now = sessions.hash_of(token), self._clock()
        era = self._remembered.era
        row = self._file.one(
            "SELECT token.id AS token, token.role AS cap, folder, used, user.id AS user, user.name, user.role, disabled"
            " FROM token LEFT JOIN user ON user.id = token.user WHERE hash = ? AND (expires IS NULL OR expires >= ?)",
            key,
            now,
        )
        if row is None or row["disabled"]:
            return None
        self._mark("token", "used", row["token"], row["used"], now)
        known = Known(**self._who(row), csrf=None, token=row["token"], cap=row["cap"], only=row["folder"])
        self._remembered.put(key, known, era)
        return known

    def _who(self, row: sqlite3.Row) -> dict[str, Any]:
        if row["user"] is None:
            return {"name": self.starter, "role": "owner", "rights": {}, "user": None}
        rights = users.rights_of(self._file, row["user"])
        return {"name": row["name"], "role": row["role"], "rights": rights, "user": row["user"]}

    def _mark(self, table: str, column: str, number: int, before: float | None, now: float) -> None:
        """Note that a session or token is used. On a full disk people still come in."""
        if before is None or now - before >= sessions.SEEN_SECONDS:
            with suppress(ResourceError), self._file.change() as rows:
                rows.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (now, number))

    # Sessions, password and tokens of one person

    def sessions_of(self, user: int | None) -> list[sessions.Session]:
        """The sessions of a user; ``None``: of the person who runs the server."""
        return sessions.sessions_of(self._file, user, self._clock())

    def end_session(self, user: int | None, number: int) -> None:
        """Sign out one session of a user.

        Raises:
            UsageError: there is none of that number.
        """
        with self._changing() as rows:
            if rows.execute("DELETE FROM session WHERE id = ? AND user IS ?", (number, user)).rowcount == 0:
                raise UsageError(f"there is no session {number}", hint="It has ended already", missing=True)

    def end_sessions(self, user: int | None, by: str, keep: int | None = None) -> int:
        """Sign a user out everywhere, except in the session ``keep``; gives how many ended."""
        with self._changing() as rows:
            ended = rows.execute("DELETE FROM session WHERE user IS ? AND id IS NOT ?", (user, keep)).rowcount
            write_line(rows, self._clock(), "sign-out", by, f"{ended} sessions ended")
        return ended

    def sign_out(self, known: Known, address: str | None = None) -> None:
        """End the session of somebody."""
        with self._changing() as rows:
            rows.execute("DELETE FROM session WHERE id = ?", (known.session,))
            write_line(rows, self._clock(), "sign-out", known.name, "", address)

    def change_password(self, known: Known, old: str, new: str, address: str | None = None) -> None:
        """Change one's own password; all other sessions of the user end.

        Raises:
            Refused: the old one is wrong (403), or there were too many failed tries (429).
            UsageError: the new one breaks the rules, or the person came by a link and has no password.
        """
        row = None if known.user is None else self._file.one("SELECT * FROM user WHERE id = ?", known.user)
        if row is None:
            raise UsageError(
                "you came in by a link and have no password", hint="Add a user for yourself: vitreous users add NAME"
            )
        with self._counted(row["name"], known.user, address) as right:
            if not self._passwords.check(row["password"], old):
                self._note("password refused", row["name"], "wrong password at a change", address)
                raise Refused("the present password is wrong", hint="Type it again")
            right()
        check_rules(row["name"], new)
        hashed = self._passwords.hash(new)
        with self._changing() as rows:
            users.update_user(rows, row["id"], {"password": hashed})
            rows.execute("DELETE FROM session WHERE user = ? AND id IS NOT ?", (row["id"], known.session))
            write_line(rows, self._clock(), "password", row["name"], "changed by the user", address)

    def tokens_of(self, user: int | None) -> list[sessions.Token]:
        """The tokens of a user; ``None``: of the person who runs the server."""
        return sessions.tokens_of(self._file, user)

    def new_token(
        self, user: int | None, name: str, role: Role, *, folder: Path | str | None, days: float | None, by: str
    ) -> str:
        """A token for scripts of a user; it can't be shown again.

        Args:
            user: whose; ``None``: of the person who runs the server.
            name: what it is for.
            role: the most that it may do; never more than the user.
            folder: of the only project that it opens; ``None``: all that the user may see.
            days: for which it holds; ``None``: until it is removed.
            by: who makes it, for the log.
        """
        with self._changing() as rows:
            secret = sessions.new_token(rows, user, name, role, folder, days, self._clock())
            write_line(rows, self._clock(), "token", by, f"token {name!r} made, at most {role}")
        return secret

    def remove_token(self, user: int | None, number: int, by: str) -> None:
        """Remove a token of a user.

        Raises:
            UsageError: there is none of that number.
        """
        with self._changing() as rows:
            found = rows.execute(
                "DELETE FROM token WHERE id = ? AND user IS ? RETURNING name", (number, user)
            ).fetchone()
            if found is None:
                raise UsageError(f"there is no token {number}", hint="Choose one of the list of tokens", missing=True)
            write_line(rows, self._clock(), "token", by, f"token {found[0]!r} removed")

    # Users and rights

    def users(self) -> list[User]:
        """All users by name."""
        return users.all_users(self._file)

    def user(self, which: int | str) -> User:
        """A user by number or name.

        Raises:
            UsageError: there is none.
        """
        return users.user_of(self._file, which) if isinstance(which, int) else users.find_user(self._file, which)

    def add_user(self, name: str, password: str, role: Role | None = None, *, by: str) -> User:
        """Add a user.

        Raises:
            UsageError: the name is taken, or name or password break the rules.
        """
        plain = check_name(name)
        check_rules(plain, password)
        hashed = self._passwords.hash(password)
        with self._changing() as rows:
            number = users.insert_user(rows, plain, hashed, role, self._clock())
            write_line(rows, self._clock(), "user added", by, f"{plain}, {role or 'no role'} on the server")
        return self.user(number)

    def change_user(self, number: int, changes: Mapping[str, Any], *, by: str) -> User:
        """Change ``role``, ``disabled`` or ``password`` of a user; a new password or disabling ends the sessions.

        Raises:
            UsageError: there is no such user, or a value is not allowed.
        """
        before = self.user(number)
        values: dict[str, Any] = {}
        told = []
        if "role" in changes:
            values["role"] = check_role(changes["role"])
            told.append(f"{values['role'] or 'no role'} on the server")
        if "disabled" in changes:
            values["disabled"] = int(bool(changes["disabled"]))
            told.append("disabled" if values["disabled"] else "enabled")
        if changes.get("password") is not None:
            check_rules(before.name, changes["password"])
            values["password"] = self._passwords.hash(changes["password"])
            told.append("new password")
        with self._changing() as rows:
            users.update_user(rows, number, values)
            if values.get("disabled") or "password" in values:
                rows.execute("DELETE FROM session WHERE user = ?", (number,))
            if told:
                write_line(rows, self._clock(), "user changed", by, f"{before.name}: {', '.join(told)}")
        return self.user(number)

    def remove_user(self, number: int, *, by: str) -> None:
        """Remove a user with sessions, tokens and rights.

        Raises:
            UsageError: there is no such user.
        """
        name = self.user(number).name
        with self._changing() as rows:
            rows.execute("DELETE FROM user WHERE id = ?", (number,))
            write_line(rows, self._clock(), "user removed", by, name)

    def grant(self, name: str, folder: Path | str, role: Role | None, *, by: str) -> None:
        """Give a user a role in the project of a folder, or take it away (``None``).

        Raises:
            UsageError: there is no such user.
        """
        found = self.user(name)
        with self._changing() as rows:
            users.set_right(rows, found.id, folder, role)
            write_line(rows, self._clock(), "rights", by, f"{found.name}: {role or 'no role'} in {place(folder)}")

    def in_folder(self, folder: Path | str) -> list[tuple[str, Role | None, Role | None]]:
        """Who may see the project of a folder: name, role on the server, role in the project."""
        return users.in_folder(self._file, folder)

    # The log

    def log(self, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest lines of the server's log first: id, time (s since 1970), kind, who, message, address."""
        return [dict(row) for row in self._file.ask("SELECT * FROM log ORDER BY id DESC LIMIT ?", limit)]

    def _note(self, kind: str, who: str, message: str, address: str | None) -> None:
        with self._file.change() as rows:
            write_line(rows, self._clock(), kind, who, message, address)


class SingleUser(Accounts):
    """Accounts that are kept in memory only, for one person, for tests and for the schema."""

    def __init__(self, name: str, passwords: Passwords | None = None) -> None:
        super().__init__(starter=name, in_memory=True, passwords=passwords)
