"""The projects that a server shows: read through connections of its own, changed through their actions."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from vitreous.core.errors import ResourceError, UsageError
from vitreous.project.overview import open_for_reading
from vitreous.project.project import Project
from vitreous.project.session import Session
from vitreous.store.database import NAME as CATALOGUE
from vitreous.store.database import READER_CACHE, SORTER_CACHE
from vitreous.store.faults import explained
from vitreous.web.reader import Reader

WAIT_SECONDS = 30.0
"""s that a request waits for those before it; a disk that hangs must not take all of the server's threads for ever."""


class Lane:
    """One reader of a catalogue, used by one request at a time; results of its queries are kept until data change."""

    def __init__(self, folder: Path, cache: int = READER_CACHE) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._reader = Reader(folder, cache)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The open project, for reading.

        Raises:
            ResourceError: its disk is not there or does not answer.
        """
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise ResourceError(
                f"{self.folder} has not answered for {WAIT_SECONDS:.0f} s",
                hint="Check its disk and the network mount; then try again",
                path=str(self.folder),
            )
        try:
            with explained(self.folder / CATALOGUE):
                yield self._reader.session()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the catalogue; one that is being read is left alone."""
        if self._lock.acquire(timeout=1.0):
            try:
                self._reader.close()
            finally:
                self._lock.release()


class ServedProject:
    """One project of the server.

    Attributes:
        key: its name in addresses.
        folder: where it is.
    """

    def __init__(self, key: str, folder: Path) -> None:
        self.key = key
        self.folder = folder
        self._light, self._heavy = Lane(folder), Lane(folder, SORTER_CACHE)
        self._writing = threading.Lock()

    def reading(self) -> AbstractContextManager[Session]:
        """A reader for what is quickly found: jobs, tasks, states (a context manager giving a ``Session``)."""
        return self._light.reading()

    def asking(self) -> AbstractContextManager[Session]:
        """A reader for questions about all items: pages, sorts, histograms, series."""
        return self._heavy.reading()

    def act(self, action: str, arguments: Mapping[str, Any], author: str) -> Any:
        """Do an action: the engine does it where one runs, else this process.

        Raises:
            VitreousError: it can't be done, and nothing was changed.
        """
        with Project(self.folder) as project:
            if project.engine_holds():
                return project.act(action, author=author, **arguments)
            with self._writing:
                return project.act(action, author=author, **arguments)

    def close(self) -> None:
        """Close its catalogues."""
        self._light.close()
        self._heavy.close()


class Projects:
    """The projects of the server by key."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._by_key: dict[str, ServedProject] = {}
        self._lock = threading.Lock()
        for folder in folders:
            self.add(folder)

    def __iter__(self) -> Iterator[ServedProject]:
        return iter(list(self._by_key.values()))

    def add(self, folder: Path, key: str | None = None) -> ServedProject:
        """Serve a project too; one that is served already is given again.

        Args:
            folder: of the project.
            key: the name that it had in addresses before, kept where no other project has it now.

        Raises:
            UsageError: there is no project in the folder.
        """
        place = folder.expanduser().absolute()
        open_for_reading(place).db.close()
        with self._lock:
            for known in self._by_key.values():
                if known.folder == place:
                    return known
            key = key if key is not None and key not in self._by_key else self._free_key(place.name)
            self._by_key[key] = ServedProject(key, place)
            return self._by_key[key]

    def _free_key(self, name: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "project"
        key, number = base, 2
        while key in self._by_key:
            key, number = f"{base}-{number}", number + 1
        return key

    def get(self, key: str) -> ServedProject:
        """A project by its key.

        Raises:
            UsageError: there is none.
        """
        found = self._by_key.get(key)
        if found is None:
            raise UsageError(
                f"this server shows no project {key!r}", hint="Choose one of the list of projects", missing=True
            )
        return found

    def remove(self, key: str) -> None:
        """Show a project no longer; nothing of it is changed."""
        found = self.get(key)
        with self._lock:
            self._by_key.pop(key, None)
        found.close()

    def close(self) -> None:
        """Close all."""
        for project in self:
            project.close()
