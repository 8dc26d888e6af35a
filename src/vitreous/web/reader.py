"""A project's catalogue that stays open for reading, and is opened anew when that is needed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from vitreous.core.errors import ResourceError
from vitreous.project.overview import open_for_reading
from vitreous.project.session import Session
from vitreous.store.database import NAME as CATALOGUE
from vitreous.store.database import READER_CACHE, set_cache

COPY_SECONDS = 3.0
"""s after which a copy of a catalogue that has changed is made anew."""


class Reader:
    """One reader; not for several threads at once. It keeps ``cache`` MiB of the file in memory."""

    def __init__(self, folder: Path, cache: int = READER_CACHE) -> None:
        self.folder = folder
        self._cache = cache
        self._session: Session | None = None
        self._file = (0, 0)
        self._stamp: tuple[int, int] | None = None
        self._looked = 0.0

    def session(self) -> Session:
        """The project; opened anew where another catalogue has come into its place.

        Raises:
            ResourceError: the folder is not there.
        """
        file = file_of(self.folder)
        if self._session is not None and (file != self._file or self._is_old()):
            self.close()
        if self._session is None:
            stamp = self._changed()
            self._session, self._file = open_for_reading(self.folder), file
            set_cache(self._session.db.connection, self._cache)
            # A catalogue of an older version, or one on a medium that can't be written, is read as a copy in memory,
            # which does not follow the file.
            is_copy = not self._session.db.connection.execute("PRAGMA database_list").fetchone()[2]
            self._stamp, self._looked = (stamp if is_copy else None), time.monotonic()
        return self._session

    def close(self) -> None:
        """Close the catalogue."""
        session, self._session = self._session, None
        if session is not None:
            session.db.close()

    def _is_old(self) -> bool:
        """Whether this is a copy of what has changed since."""
        if self._stamp is None or time.monotonic() - self._looked < COPY_SECONDS:
            return False
        self._looked = time.monotonic()
        return self._changed() != self._stamp

    def _changed(self) -> tuple[int, int]:
        return changed_at(self.folder / CATALOGUE), changed_at(self.folder / f"{CATALOGUE}-wal")


def file_of(folder: Path) -> tuple[int, int]:
    """What tells a project's catalogue from another one that has come into its place: device and number of its file.

    Raises:
        ResourceError: it is not there.
    """
    try:
        facts = os.stat(folder / CATALOGUE)
    except OSError as error:
        raise ResourceError(
            f"{folder} can't be read: {error.strerror}",
            hint="Check that its disk is there; the page goes on by itself when it is back",
            path=str(folder),
        ) from error
    return facts.st_dev, facts.st_ino


def changed_at(path: Path) -> int:
    """When a file was changed, in ns; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
