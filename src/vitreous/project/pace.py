"""Doing things now and then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Remembers when things were last done."""

    _last: dict[str, float] = field(default_factory=dict)

    def is_due(self, what: str, seconds: float) -> bool:
        """Whether that long has passed since the last time that this was asked and true; true at first."""
        now = time.monotonic()
        if now - self._last.get(what, -seconds) < seconds:
            return False
        self._last[what] = now
        return True

    def forget(self, what: str) -> None:
        """Let it be due again at once."""
        self._last.pop(what, None)
