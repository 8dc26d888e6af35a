"""Files at the camera that were decided on, and when they deserve another look."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping

from vitreous.acquisition.reports import KnownFile
from vitreous.acquisition.settle import Stamp

RECHECKED = 200
"""Files already decided on whose stamp is asked for in one round."""


class Decided:
    """What was decided on each file: imported, duplicate, quarantined or skipped."""

    def __init__(self, known: Mapping[str, KnownFile]) -> None:
        """Begin with the catalogue's; files that were settling begin again."""
        self._files = {path: file for path, file in known.items() if file.state != "settling"}
        self._forbidden: set[str] = set()
        self._turn = 0

    def __contains__(self, path: object) -> bool:
        return path in self._files

    def get(self, path: str) -> KnownFile | None:
        """What was decided on a file."""
        return self._files.get(path)

    def add(self, path: str, file: KnownFile) -> None:
        """Decide on a file."""
        self._files[path] = file
        if file.state == "quarantined" and not os.access(path, os.R_OK):
            self._forbidden.add(path)

    def forget(self, path: str) -> None:
        """Let a file be new again."""
        self._files.pop(path, None)

    def next_turn(self) -> None:
        """Begin a round: another share of the files is looked at again."""
        self._turn += 1

    def is_due(self, path: str) -> bool:
        """Whether a file's stamp is of interest in this round: it is new, or its turn has come."""
        if path not in self._files:
            return True
        share = max(1, len(self._files) // RECHECKED)
        return zlib.crc32(path.encode()) % share == self._turn % share

    def unsettled(self, stamps: Mapping[str, Stamp]) -> dict[str, Stamp]:
        """Stamps of files that are new, or that differ from what was decided on.

        A quarantined file that changed, or that can be read now and could not before, gets another chance.
        """
        found = {}
        for path, stamp in stamps.items():
            known = self._files.get(path)
            same = known is not None and (known.size, known.mtime) == (stamp.size, stamp.mtime)
            quarantined = known is not None and known.state == "quarantined"
            if same and not (quarantined and self._became_readable(path)):
                continue
            if quarantined:
                self.forget(path)
            found[path] = stamp
        return found

    def _became_readable(self, path: str) -> bool:
        """Whether a file can be read that could not; permissions change neither size nor time."""
        if not os.access(path, os.R_OK):
            self._forbidden.add(path)
            return False
        before = path in self._forbidden
        self._forbidden.discard(path)
        return before
