"""Passwords: rules, hashes by argon2id, and a check that takes as long for names that are not there."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from vitreous.core.errors import UsageError
from vitreous.web.refused import Refused

SHORTEST, LONGEST = 10, 256
"""Characters of a password."""

_AT_ONCE = 2
_PATIENCE = 10.0


class Passwords:
    """Hashes and checks passwords: about 0.1 s and 32 MiB each, two at a time.

    Attributes:
        rounds, memory: cost of a hash, memory in KiB.
    """

    def __init__(self, rounds: int = 3, memory: int = 32 * 1024) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory, parallelism=1)
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        """The hash that is kept in place of a password."""
        with _Turn(self._free):
            return self._hasher.hash(_plain(password))

    def check(self, kept: str | None, given: str) -> bool:
        """Whether a password is that of a hash; without a hash it takes as long and is never right."""
        decoy = self._made_decoy()  # always made first, so that the first unknown name takes no longer than others
        with _Turn(self._free):
            try:
                return self._hasher.verify(kept or decoy, _plain(given)) and kept is not None
            except (Argon2Error, InvalidHashError):
                return False

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other settings than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _made_decoy(self) -> str:
        with self._lock:
            if self._decoy is None:
                self._decoy = self._hasher.hash("nobody has this password")
            return self._decoy


class _Turn:
    """One of the few places where hashing happens: many sign-ins at once can't take all memory and cores."""

    def __init__(self, free: threading.BoundedSemaphore) -> None:
        self._free = free

    def __enter__(self) -> None:
        if not self._free.acquire(timeout=_PATIENCE):
            raise Refused("too many people sign in at once", hint="Try again shortly", status=429, retry_after=5)

    def __exit__(self, *_: object) -> None:
        self._free.release()


def _plain(password: str) -> str:
    """The same password however a keyboard writes its accents."""
    return unicodedata.normalize("NFKC", password)


def check_rules(name: str, password: str) -> None:
    """Whether a password may be used.

    Raises:
        UsageError: it is too short, too long, or easily guessed.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"a password of {len(password)} characters", hint=f"Choose one of {SHORTEST} to {LONGEST} characters"
        )
    plain = password.casefold()
    if len(set(plain)) < 4 or plain.strip("0123456789 .!-_") in ("", name.casefold(), "password", "vitreous", "qwerty"):
        raise UsageError(
            "this password is easily guessed", hint="Choose a few words that have nothing to do with each other"
        )


def check_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        UsageError: it is empty, too long, or has signs that names don't have.
    """
    plain = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(plain) <= 64 or not all(sign.isalnum() or sign in "._-@+ " for sign in plain):
        raise UsageError(
            f"{name[:80]!r} can't be the name of a user", hint="Use 1 to 64 letters, digits and the signs . _ - @ +"
        )
    return plain


def key_of(name: str) -> str:
    """What makes two names the same."""
    return unicodedata.normalize("NFC", name).strip().casefold()
