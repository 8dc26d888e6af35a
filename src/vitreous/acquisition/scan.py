"""Look into the camera's folders: names first, and sizes only of files that are still of interest."""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vitreous.acquisition.reports import Condition
from vitreous.acquisition.settle import Stamp

MAX_DEPTH = 32
MAX_PROBLEMS = 20
SIDE_SUFFIXES = (".mdoc", ".xml", ".gain")
"""Of files that may belong to a movie; as they are written, letter by letter."""


@dataclass(frozen=True)
class Selection:
    """Which files are movies.

    Attributes:
        patterns: of names (``*.tif``) or of paths below the source (``Images-Disc*/*/Data/*.tif``); any case.
        ignore: the same, of what is left alone; a folder that fits one is not entered.
    """

    patterns: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    _taken: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _ignored: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_taken", _any_of(self.patterns))
        object.__setattr__(self, "_ignored", _any_of(self.ignore))

    def ignores(self, relative: str) -> bool:
        """Whether a path below the source, or its last part, is to be left alone."""
        return _fits(self._ignored, relative)

    def takes(self, relative: str) -> bool:
        """Whether a file is a movie by its name."""
        return _fits(self._taken, relative) and not self.ignores(relative)


@dataclass(frozen=True)
class Listing:
    """What one look at the folders gave.

    Attributes:
        files: path → path below its source, of all files that the selection takes.
        stamps: path → stamp, of those whose stamp was wanted.
        problems: folders and files that could not be looked at.
        others: files that the selection does not take.
        folders: that were looked into.
    """

    files: dict[str, str]
    stamps: dict[str, Stamp]
    problems: tuple[Condition, ...]
    others: int
    folders: tuple[str, ...]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    joined = "|".join(f"(?:{fnmatch.translate(pattern)})" for pattern in patterns)
    return re.compile(joined or r"(?!)", re.IGNORECASE)


def _fits(expression: re.Pattern[str], relative: str) -> bool:
    return bool(expression.match(relative.rpartition("/")[2]) or expression.match(relative))


def scan(
    sources: Iterable[Path],
    selection: Selection,
    *,
    recursive: bool,
    wanted: Callable[[str], bool],
    sides: Callable[[Path], tuple[Path, ...]] = lambda path: (),
    excluded: frozenset[str] = frozenset(),
    known: Container[str] = (),
) -> Listing:
    """List the movies below the sources.

    Links to folders are followed, each folder once, so that circles end. What can't be read becomes a problem; nothing
    is raised.

    Args:
        sources: folders.
        selection: which files are movies.
        recursive: enter sub-folders.
        wanted: whether the stamp of a path is of interest; for others no attribute is asked of the file system.
        sides: paths at which the files that belong to a movie may be.
        excluded: real paths of folders that are not entered (where the imported files go).
        known: paths of which it is known that the selection takes them.
    """
    look = _Look(selection, recursive, wanted, sides, excluded, known)
    for source in sources:
        look.enter(source, "", 0)
    return Listing(look.files, look.stamps, tuple(look.problems[:MAX_PROBLEMS]), look.others, tuple(look.folders))


class _Look:
    """One look: folders are entered in order of their names."""

    def __init__(
        self,
        selection: Selection,
        recursive: bool,
        wanted: Callable[[str], bool],
        sides: Callable[[Path], tuple[Path, ...]],
        excluded: frozenset[str],
        known: Container[str],
    ) -> None:
        self.selection, self.recursive, self.wanted, self.sides = selection, recursive, wanted, sides
        self.excluded, self.known = excluded, known
        self.files: dict[str, str] = {}
        self.stamps: dict[str, Stamp] = {}
        self.problems: list[Condition] = []
        self.folders: list[str] = []
        self.others = 0
        self._seen: set[tuple[int, int]] = set()

    def enter(self, folder: Path | str, relative: str, depth: int) -> None:
        """List one folder and those in it."""
        try:
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in self._seen or os.path.realpath(folder) in self.excluded:
                return
            self._seen.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(folder_problem(Path(folder), error, is_source=depth == 0))
            return
        self.folders.append(os.fspath(folder))
        # Most folders hold no side files: then none is looked for.
        names = frozenset(entry.name for entry in found if entry.name.endswith(SIDE_SUFFIXES))
        for entry in found:
            below = f"{relative}/{entry.name}" if relative else entry.name
            if self._is_folder(entry):
                if self.recursive and depth < MAX_DEPTH and not self.selection.ignores(below):
                    self.enter(entry.path, below, depth + 1)
            elif entry.path in self.known:
                self._file(entry, below, names)
            elif not self.selection.takes(below):
                self.others += 1
            elif _is_text(entry.path):
                self._file(entry, below, names)
            else:
                self._problem(entry.path, "odd_name", "has a name that is no UTF-8", "Rename it")

    @staticmethod
    def _is_folder(entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError:
            return False

    def _file(self, entry: os.DirEntry[str], below: str, names: frozenset[str]) -> None:
        self.files[entry.path] = below
        if not self.wanted(entry.path):
            return
        try:
            about = entry.stat()
        except FileNotFoundError:
            if entry.is_symlink():
                self._problem(entry.path, "broken_link", "is a link to nothing", "Mend the link or remove it")
            self.files.pop(entry.path)
            return
        except OSError as error:
            self._problem(entry.path, "file_unreadable", f"can't be looked at ({error.strerror})", "Check permissions")
            self.files.pop(entry.path)
            return
        if not stat.S_ISREG(about.st_mode):
            self.files.pop(entry.path)
            return
        beside = tuple(self._side_stamps(entry, names)) if names else ()
        self.stamps[entry.path] = Stamp(about.st_size, about.st_mtime, beside)

    def _side_stamps(self, entry: os.DirEntry[str], names: frozenset[str]) -> Iterator[tuple[str, int, float]]:
        for side in self.sides(Path(entry.path)):
            if side.name in names and side.name != entry.name:
                try:
                    about = os.stat(side)
                except OSError:
                    continue
                if stat.S_ISREG(about.st_mode):
                    yield side.name, about.st_size, about.st_mtime

    def _problem(self, path: str, code: str, fact: str, hint: str) -> None:
        shown = path.encode("utf-8", "replace").decode()
        self.problems.append(Condition(code, f"{shown} {fact}", hint, shown))


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def folder_problem(folder: Path, error: OSError, *, is_source: bool) -> Condition:
    """A folder that can't be listed, as a condition for people."""
    what = "the camera's folder" if is_source else "the folder"
    shown = str(folder).encode("utf-8", "replace").decode()
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN):
        return Condition(
            "folder_gone",
            f"{what} {shown} is not there ({error.strerror})",
            "Mount it again, or correct the path; the import goes on by itself when it is back",
            shown,
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Condition(
            "folder_forbidden",
            f"{what} {shown} may not be read ({error.strerror})",
            "Give this user the permission to read and enter it; the import goes on by itself then",
            shown,
        )
    return Condition(
        "folder_fault",
        f"{what} {shown} can't be read ({error.strerror or error})",
        "Check the network and the mount; the import goes on by itself when it is back",
        shown,
    )
