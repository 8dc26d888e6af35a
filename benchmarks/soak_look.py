"""What the processes and the project of a soak are doing just now."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import soak_compare

MARK = "SOAK_MARK"
"""Variable in the environment of all processes of a soak."""


def marked(mark: str) -> list[int]:
    """Processes that bear the mark in their environment; dead ones that nobody has waited for are left out."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return sorted(found)


def workers(mark: str) -> list[int]:
    """Worker processes, in random order."""
    found = []
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    random.shuffle(found)
    return found


def listed(folder: Path) -> list[str]:
    """Names in a folder, none where it is not there."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def marks(folder: Path) -> set[tuple[str, int]]:
    """Names in a folder with the numbers of their files."""
    try:
        with os.scandir(folder) as entries:
            return {(entry.name, entry.inode()) for entry in entries}
    except OSError:
        return set()


def published(project: Path) -> set[str]:
    """Result folders that have their final name."""
    jobs = project / "jobs"
    return {f"jobs/{job}/{name}" for job in listed(jobs) if job[0] != "." for name in listed(jobs / job)}


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and time of change, zeros where there is no file."""
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns


def imported(project: Path) -> int:
    """Movies that have become items."""
    return int(soak_compare.query(project, "SELECT count(*) FROM exposure")[0][0])


def look(project: Path) -> dict[str, int]:
    """What is going on in a project whose processes stand still."""
    committed = {row[0] for row in soak_compare.query(project, "SELECT folder FROM result")}
    names = set(listed(project))
    counts = {
        "copies under way": sum(name.endswith(".part") for name in listed(project / "movies" / "J1")),
        "movies not committed": sum(not n.startswith(".") for n in listed(project / "movies" / "J1"))
        - imported(project),
        "results growing": len(listed(project / "jobs" / ".staging")),
        "results not committed": len(published(project) - committed),
        "tasks running": soak_compare.query(project, "SELECT count(*) FROM task WHERE state = 'running'")[0][0],
        "tasks done": soak_compare.query(project, "SELECT count(*) FROM task WHERE state = 'done'")[0][0],
        "no lock yet": int("project.lock" not in names),
        "lock being taken over": sum(name.startswith("project.lock.") for name in names),
    }
    return {name: count for name, count in counts.items() if count}
