"""The projects that were opened last, kept in a file of the person who opened them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreous.project.faults import state_folder
from vitreous.store.database import NAME as CATALOGUE

KEPT = 50
"""Projects that are remembered."""


@dataclass(frozen=True)
class RecentProject:
    """A project that was opened: its folder, name in addresses, title, mode, and when that was (s since 1970)."""

    folder: str
    key: str
    title: str
    mode: str
    opened: float

    @property
    def there(self) -> bool:
        """Whether it still is there."""
        return (Path(self.folder) / CATALOGUE).is_file()


def recent_path() -> Path:
    """Where they are kept."""
    return state_folder() / "recent-projects.json"


def recent_projects() -> list[RecentProject]:
    """The newest first; none where the file is missing or can't be read."""
    try:
        entries = json.loads(recent_path().read_text())
        return [RecentProject(**entry) for entry in entries]
    except (OSError, ValueError, TypeError):
        return []


def remember(folder: Path, key: str, title: str, mode: str) -> None:
    """Put a project at the head of the list."""
    with _changing():
        others = [entry for entry in recent_projects() if entry.folder != str(folder)]
        _write([RecentProject(str(folder), key, title, mode, time.time()), *others])


def forget(folder: Path) -> None:
    """Take a project off the list."""
    with _changing():
        _write([entry for entry in recent_projects() if entry.folder != str(folder)])


def key_of(folder: Path) -> str | None:
    """The name in addresses that a project had last, so that links to it stay right."""
    return next((entry.key for entry in recent_projects() if entry.folder == str(folder)), None)


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    """One process at a time changes the list; where that can't be had, it is not changed by two at once anyway."""
    path = recent_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write(entries: list[RecentProject]) -> None:
    path = recent_path()
    aside = path.with_suffix(f".{os.getpid()}.part")
    aside.write_text(json.dumps([asdict(entry) for entry in entries[:KEPT]], indent=1, ensure_ascii=False) + "\n")
    aside.replace(path)
