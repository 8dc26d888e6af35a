"""How much room a project takes, by folder and by job, and how much of it nothing needs any more."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from vitreous.project.cleaning import leftovers
from vitreous.project.session import Session


@dataclass(frozen=True)
class FolderUse:
    """A folder of the project: its name, bytes, number of files; ``job`` where it is one's results."""

    folder: str
    bytes: int
    files: int
    job: int | None


@dataclass(frozen=True)
class DiskUse:
    """Room on the disk.

    Attributes:
        free, total: of the disk, bytes.
        folders: the largest first.
        left_folders, left_bytes: results that nothing shows any more, which ``clean`` would remove.
    """

    free: int
    total: int
    folders: list[FolderUse]
    left_folders: int
    left_bytes: int


def disk_use(session: Session) -> DiskUse:
    """Measure it: every file is looked at, which takes a while where there are many."""
    usage = shutil.disk_usage(session.folder)
    places = [path for path in session.folder.iterdir() if path.is_dir() and path.name != "jobs"]
    jobs = session.folder / "jobs"
    places += [path for path in jobs.iterdir() if path.is_dir()] if jobs.is_dir() else []
    found = [_use(session.folder, place) for place in places]
    own = [path for path in session.folder.iterdir() if path.is_file()]
    found.append(FolderUse("catalogue", sum(_size(path) for path in own), len(own), None))
    left = leftovers(session)
    folders = sorted((entry for entry in found if entry.files), key=lambda entry: -entry.bytes)
    return DiskUse(usage.free, usage.total, folders, len(left), sum(entry.bytes for entry in left))


def _use(project: Path, place: Path) -> FolderUse:
    size, number = 0, 0
    for folder, _, names in os.walk(place):
        for name in names:
            size, number = size + _size(Path(folder, name)), number + 1
    digits = place.name.removeprefix("J").partition("-")[0]
    job = int(digits) if place.parent.name == "jobs" and digits.isdecimal() else None
    return FolderUse(str(place.relative_to(project)), size, number, job)


def _size(path: Path) -> int:
    """Bytes of a file; what vanishes meanwhile counts nothing."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
