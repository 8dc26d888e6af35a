"""Scores and powers of all picks of a job, packed in memory and added to as images come."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.project.picks.files import PickFile
from vitreous.project.picks.read import numbers, read_columns

NEEDED = ("pick_score", "pick_power", "kept")
KEPT_BYTES = 120_000_000
"""Bytes of packed picks that a server keeps; 2 million picks take 18 million."""


@dataclass(frozen=True)
class Packed:
    """Picks of all images, one after the other.

    Attributes:
        files: the images, in order.
        starts: int64 ``[images + 1]``; the picks of image i are ``starts[i]:starts[i + 1]``.
        score, power: float32 ``[picks]``, NaN where unknown.
        kept: bool ``[picks]``: passes the thresholds that the job was run with.
    """

    files: tuple[PickFile, ...]
    starts: np.ndarray[Any, np.dtype[np.int64]]
    score: np.ndarray[Any, np.dtype[np.float32]]
    power: np.ndarray[Any, np.dtype[np.float32]]
    kept: np.ndarray[Any, np.dtype[np.bool_]]

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self.starts.nbytes + self.score.nbytes + self.power.nbytes + self.kept.nbytes + 200 * len(self.files)


Part = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]


def packed(folder: Path, files: Sequence[PickFile], before: Packed | None = None) -> Packed:
    """All picks of these files; what ``before`` holds is not read again.

    Raises:
        DataError: a file is missing or no Parquet file.
    """
    places = {} if before is None else {file.identity: index for index, file in enumerate(before.files)}
    parts = [_part(folder, file, before, places) for file in files]
    lengths = [len(part[0]) for part in parts]
    columns = [np.concatenate([part[axis] for part in parts]) if parts else np.empty(0) for axis in range(3)]
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    score, power, kept = columns
    return Packed(tuple(files), starts, score.astype(np.float32), power.astype(np.float32), kept.astype(np.bool_))


def _part(folder: Path, file: PickFile, before: Packed | None, places: dict[str, int]) -> Part:
    index = places.get(file.identity)
    if before is not None and index is not None:
        part = slice(int(before.starts[index]), int(before.starts[index + 1]))
        return before.score[part], before.power[part], before.kept[part]
    rows, columns = read_columns(folder / file.path, NEEDED)
    score, power = (numbers(columns, name, rows).astype(np.float32) for name in NEEDED[:2])
    return score, power, numbers(columns, "kept", rows, 1.0) > 0.5


class PackedPicks:
    """Packed picks by project and job, up to a number of bytes; may be used from several threads."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit = limit
        self._known: OrderedDict[tuple[str, int], Packed] = OrderedDict()
        self._making: dict[tuple[str, int], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, folder: Path, job: int, files: Sequence[PickFile]) -> Packed:
        """The picks of a job as these files hold them."""
        key = (str(folder), job)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                before = self._known.get(key)
            if before is not None and before.files == tuple(files):
                return before
            made = packed(folder, files, before)
            with self._lock:
                self._known[key] = made
                self._known.move_to_end(key)
                while len(self._known) > 1 and sum(one.bytes for one in self._known.values()) > self.limit:
                    self._known.popitem(last=False)
            return made
