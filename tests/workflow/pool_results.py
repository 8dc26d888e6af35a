"""Helpers of the tests of pools: outcomes to wait for, and processes to look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vitreous.workflow.executor import Executor, Kind, Lost, Outcome, RunWork, Work


class Results:
    """Collects what executors tell, and waits for it."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Sequence[Outcome] | Lost] = {}
        self.calls: list[str] = []
        self.lines: list[tuple[str, float, str]] = []
        self._news = threading.Condition()

    def done(self, work: Work, outcome: Sequence[Outcome] | Lost) -> None:
        with self._news:
            self.outcomes[work.key] = outcome
            self.calls.append(work.key)
            self._news.notify_all()

    def report(self, key: str, fraction: float, what: str) -> None:
        self.lines.append((key, fraction, what))

    def submit(self, pool: Executor, run: RunWork, key: str, folder: Path, kind: Kind = "cpu") -> None:
        pool.submit(run, Work(key, str(folder), kind, ()), self.done)

    def wait(self, *keys: str, timeout: float = 60.0) -> list[str]:
        """Text of each key's outcome: the identity, or ``lost: reason``."""
        with self._news:
            assert self._news.wait_for(lambda: all(key in self.outcomes for key in keys), timeout), self.outcomes
        return [_text(self.outcomes[key]) for key in keys]


def _text(outcome: Sequence[Outcome] | Lost) -> str:
    return f"lost: {outcome.reason}" if isinstance(outcome, Lost) else outcome[0].identity


def wait_until(true: Callable[[], bool], timeout: float = 40.0) -> float:
    """Seconds until it is true; fails after ``timeout`` s."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < timeout, "it never came true"
        time.sleep(0.02)
    return time.monotonic() - start


def read_pid(path: Path) -> int:
    wait_until(lambda: path.is_file() and bool(path.read_text()), 120.0)
    return int(path.read_text())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
