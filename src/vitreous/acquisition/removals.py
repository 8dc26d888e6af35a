"""Delete at the camera what a move has brought in, after it was committed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vitreous.acquisition.reports import Condition, KnownFile
from vitreous.acquisition.settle import Stamp
from vitreous.acquisition.transfer import StopAsked, check_copy, remove_original
from vitreous.core.errors import DataError, ResourceError

MAX_TOLD = 3


@dataclass(frozen=True)
class _Removal:
    """Files to delete; ``copy`` and ``identity`` where the copy is to be compared with the original first."""

    files: tuple[tuple[Path, Stamp], ...]
    copy: Path | None = None
    identity: str | None = None


class Removals:
    """What is still to be deleted at the camera."""

    def __init__(self, known: Mapping[str, KnownFile]) -> None:
        """Begin with files that a former run committed and perhaps did not delete before it was stopped."""
        self._waiting: dict[str, _Removal] = {
            path: _Removal(((Path(path), Stamp(file.size, file.mtime)),), Path(file.path), file.identity)
            for path, file in known.items()
            if file.state == "imported"
            and file.path is not None
            and file.identity is not None
            and os.path.lexists(path)
        }
        self._failed: dict[str, Condition] = {}

    def add(self, path: str, files: Iterable[tuple[Path, Stamp]]) -> None:
        """Have files deleted whose verified copies have been committed."""
        self._waiting[path] = _Removal(tuple(files))

    def delete(self, stop: StopAsked) -> None:
        """Delete what waits; what can't be deleted becomes a condition and stays at the camera.

        Raises:
            GivenUp: it was stopped; the rest still waits.
        """
        for path, removal in list(self._waiting.items()):
            if stop():
                return
            try:
                if removal.copy is not None and removal.identity is not None:
                    check_copy(Path(path), removal.copy, removal.identity, stop)
                for file, stamp in removal.files:
                    remove_original(file, stamp)
            except (DataError, ResourceError) as error:
                self._failed[path] = Condition("not_deleted", error.message, error.hint, path)
            self._waiting.pop(path)

    def keeps(self, path: str) -> bool:
        """Whether an imported file is still at the camera."""
        return path in self._failed or path in self._waiting

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The first few files that could not be deleted."""
        return tuple(list(self._failed.values())[:MAX_TOLD])
