"""Folders from which one is chosen: only below some roots, without ways out through links."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreous.core.errors import UsageError
from vitreous.store.database import NAME as CATALOGUE

MOST = 2000
"""Folders that are listed; more are not told."""


@dataclass(frozen=True)
class FolderEntry:
    """One folder: its name, its path, whether it is a project."""

    name: str
    path: str
    project: bool


@dataclass(frozen=True)
class FolderList:
    """What is in a folder.

    Attributes:
        path: of the folder.
        parent: the folder above it; ``None`` where that may not be seen.
        project: whether it is a project.
        empty: whether nothing at all is in it, so that a project can be made there.
        writable: whether something can be made in it.
        folders: those in it, by name; hidden ones are left out.
        files: number of files in it.
        cut: whether there are more folders than are listed.
    """

    path: str
    parent: str | None
    project: bool
    empty: bool
    writable: bool
    folders: list[FolderEntry]
    files: int
    cut: bool


def inside(path: Path, roots: Sequence[Path]) -> Path:
    """The folder behind all links, which lies in one of the roots.

    Raises:
        UsageError: it lies elsewhere.
    """
    real = Path(os.path.realpath(path.expanduser()))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        known = ", ".join(str(root) for root in roots)
        raise UsageError(
            f"{path} is not in a folder that this server opens",
            hint=f"Choose one in {known}; more are opened with vitreous serve --root DIR",
            path=str(path),
        )
    return real


def list_folder(path: Path, roots: Sequence[Path]) -> FolderList:
    """The folders in a folder.

    Raises:
        UsageError: it is not there, may not be read, or lies outside the roots.
    """
    real = inside(path, roots)
    found: list[FolderEntry] = []
    files, anything = 0, False
    try:
        with os.scandir(real) as entries:
            for entry in entries:
                anything = True
                if not _is_folder(entry):
                    files += 1
                elif not entry.name.startswith(".") and _stays_inside(entry, roots):
                    found.append(FolderEntry(entry.name, entry.path, is_project(Path(entry.path))))
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="Choose a folder that is there and that you may read", path=str(path)
        ) from error
    found.sort(key=lambda entry: entry.name.lower())
    above = real.parent
    seen = above != real and any(above.is_relative_to(os.path.realpath(root)) for root in roots)
    writable = os.access(real, os.W_OK | os.X_OK)
    return FolderList(
        str(real),
        str(above) if seen else None,
        is_project(real),
        not anything,
        writable,
        found[:MOST],
        files,
        len(found) > MOST,
    )


def is_project(folder: Path) -> bool:
    """Whether there is a catalogue in a folder."""
    try:
        return (folder / CATALOGUE).is_file()
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stays_inside(entry: os.DirEntry[str], roots: Sequence[Path]) -> bool:
    """Whether a folder is no link that leads out of the roots."""
    if not entry.is_symlink():
        return True
    real = Path(os.path.realpath(entry.path))
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)
