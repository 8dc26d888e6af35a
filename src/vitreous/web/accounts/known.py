"""Who is known by a cookie or a token, remembered for a moment so that a request costs no look into the file."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from vitreous.web.accounts.roles import Role

REMEMBERED_SECONDS = 2.0
"""s after which a change by another process (``vitreous users``) holds here too."""
MOST = 2000


@dataclass(frozen=True)
class Known:
    """Somebody who is known.

    Attributes:
        name: of the user.
        role: on the whole server.
        rights: folder of a project → role there.
        csrf: what changes must carry; ``None`` for tokens.
        user: number of the user; ``None``: the person who runs the server.
        session, token: number of that by which they are known.
        cap: the highest role that a token gives.
        only: folder of the only project that a token opens.
    """

    name: str
    role: Role | None
    rights: dict[str, Role]
    csrf: str | None
    user: int | None = None
    session: int | None = None
    token: int | None = None
    cap: Role | None = None
    only: str | None = None


class Remembered:
    """The last answers, by hash of the secret."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: OrderedDict[bytes, tuple[float, Known]] = OrderedDict()
        self._lock = threading.Lock()
        self._era = 0

    @property
    def era(self) -> int:
        """Changes with each ``clear``: an answer that was asked for before a change is not kept after it."""
        return self._era

    def get(self, key: bytes) -> Known | None:
        """An answer that is not old."""
        found = self._found.get(key)
        return found[1] if found is not None and self._clock() - found[0] < REMEMBERED_SECONDS else None

    def put(self, key: bytes, known: Known, era: int) -> None:
        """Keep an answer."""
        with self._lock:
            if era != self._era:
                return
            self._found[key] = (self._clock(), known)
            self._found.move_to_end(key)
            while len(self._found) > MOST:
                self._found.popitem(last=False)

    def clear(self) -> None:
        """Forget all: something was changed."""
        with self._lock:
            self._era += 1
            self._found.clear()
