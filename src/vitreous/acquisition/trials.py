"""Files that were tested and are not ready: when they are tested again, and when their time is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreous.acquisition.durations import say_duration
from vitreous.acquisition.settle import Settling

SLOWEST_RETRY = 60.0

Error = Mapping[str, Any]


@dataclass(frozen=True)
class _Trial:
    at: float
    count: int
    error: Error


class Trials:
    """Tests that failed for a reason which waiting may mend."""

    def __init__(self, settle_delay: float, file_timeout: float) -> None:
        """Both in s: how long a file rests before its first test, and how long it may then stay unready."""
        self.settle_delay, self.file_timeout = settle_delay, file_timeout
        self._trials: dict[str, _Trial] = {}

    def is_over(self, state: Settling, now: float) -> bool:
        """Whether a file has rested so long that nothing more is to be expected of it."""
        return now - state.changed >= self.settle_delay + self.file_timeout

    def is_due(self, path: str, now: float) -> bool:
        """Whether a file is to be tested now."""
        return path not in self._trials or self._trials[path].at <= now

    def postpone(self, path: str, state: Settling, error: Error, now: float) -> bool:
        """Test a file again later, at the latest when its time is over; whether the reason is a new one."""
        before = self._trials.get(path)
        count = 0 if before is None else before.count + 1
        pause = min(SLOWEST_RETRY, max(1.0, self.settle_delay) * 2.0 ** min(count, 10))
        last = max(now, state.changed + self.settle_delay + self.file_timeout)
        self._trials[path] = _Trial(min(now + pause, last), count, error)
        return before is None or before.error["message"] != error["message"]

    def forget(self, path: str) -> bool:
        """Drop what was found of a file; whether anything was."""
        return self._trials.pop(path, None) is not None

    def sentence(self) -> str | None:
        """What is waited for; ``None`` where no test has failed."""
        if not self._trials:
            return None
        first, others = next(iter(self._trials.values())), len(self._trials) - 1
        more = f" ({others} more wait too)" if others else ""
        return f"waiting for a file to become whole: {first.error['message']}{more}"


def settling_sentence(settling: Mapping[str, Settling], now: float, delay: float, quiet: float) -> str:
    """What is waited for where all is well."""
    if not settling:
        return f"no new file for {say_duration(quiet)}"
    left = min(state.changed for state in settling.values()) + delay - now
    n = len(settling)
    what = "1 file settles; it" if n == 1 else f"{n} files settle; the first"
    return f"{what} has rested long enough in {say_duration(left)}"
