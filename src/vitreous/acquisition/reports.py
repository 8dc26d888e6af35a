"""What the import tells the engine: arrivals, refusals, duplicates, changes, and conditions that hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

FileState = Literal["settling", "imported", "duplicate", "quarantined", "skipped"]


class KnownFile(NamedTuple):
    """What the catalogue knows of a file at the camera.

    Attributes:
        size: bytes, when it was decided on.
        mtime: s, by the clock of the file's computer.
        state: what was decided; a file that was settling begins again.
        identity: hash of its content, of imported files and duplicates.
        name: of its item.
        path: absolute path in the project, of imported files.
    """

    size: int
    mtime: float
    state: FileState
    identity: str | None = None
    name: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Arrival:
    """A movie that is in the project's folder, whole and verified; its item is now to be committed.

    Attributes:
        path: absolute path in the project.
        source_path: at the camera.
        name: of the item; not in use yet.
        identity: hash of the content (xxh3_128, hexadecimal).
        size: bytes.
        mtime: s, of the camera's file.
        recorded: s since 1970, as mdoc, XML or name say; ``None`` where they don't.
        group: name of the group to which the item goes.
        values: what name and side files say: ``specimen``, ``hole``, ``tilt_angle``, ``pixel_size`` …
        frames: whole frames.
        shape: ``(ny, nx)`` px.
        side_files: files of the movie that travelled with it, absolute paths in the project.
        warnings: for people.
    """

    path: Path
    source_path: Path
    name: str
    identity: str
    size: int
    mtime: float
    recorded: float | None
    group: str
    values: Mapping[str, Any]
    frames: int
    shape: tuple[int, int]
    side_files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A file that is not taken, and why.

    Attributes:
        path: at the camera.
        size, mtime: when it was looked at.
        error: ``{code, message, hint, context}``.
        final: quarantined: it is looked at again only when it changes. Otherwise it is still waited for.
    """

    path: Path
    size: int
    mtime: float
    error: Mapping[str, Any]
    final: bool


@dataclass(frozen=True)
class Duplicate:
    """A file whose content is in the project already; it stays where it is.

    Attributes:
        path: at the camera.
        of: name of the item that has this content.
    """

    path: Path
    size: int
    mtime: float
    identity: str
    of: str


@dataclass(frozen=True)
class Changed:
    """A file that changed after it was imported.

    Attributes:
        path: at the camera.
        size, mtime: now.
        name: of the item that was made of it.
        error: ``{code, message, hint, context}`` for the item.
    """

    path: Path
    size: int
    mtime: float
    name: str | None
    error: Mapping[str, Any]


@dataclass(frozen=True)
class Skipped:
    """Files that were there before the import began, and are to be left out; path → (size, mtime)."""

    files: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class Vanished:
    """A file that was waited for and is no longer there."""

    path: Path


Report = Arrival | Rejected | Duplicate | Changed | Skipped | Vanished


@dataclass(frozen=True)
class Condition:
    """Something that hinders the import as long as it holds.

    Attributes:
        code: for machines: ``folder_gone``, ``folder_forbidden``, ``disk_full``, ``nothing_matches``, ``closed`` …
        message: the fact, a sentence.
        hint: what to do.
        path: the folder or file that it is about.
    """

    code: str
    message: str
    hint: str
    path: str | None = None


@dataclass(frozen=True)
class Round:
    """What one round of the import did.

    Attributes:
        reports: how many reports were made.
        waiting: files that are there and not decided on.
        conditions: that hold now.
        sentence: what the import waits for.
        wait: s until the next round.
        closed: the import has ended: nothing new came for the global timeout.
    """

    reports: int
    waiting: int
    conditions: tuple[Condition, ...]
    sentence: str
    wait: float
    closed: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
