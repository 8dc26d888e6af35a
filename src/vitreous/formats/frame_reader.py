"""The part of an open image file that all formats share: range checks, iteration, closing."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from vitreous.formats.base import ImageHeader
from vitreous.formats.image_faults import check_index, image_fault
from vitreous.formats.read_ahead import frames_ahead


class FrameReader(ABC):
    """Base of the readers: a subclass gives ``_read(index)`` and may release more in ``close``."""

    header: ImageHeader
    decodes_by_threads = False

    @abstractmethod
    def _read(self, index: int) -> np.ndarray:
        """Read a frame whose number is in range."""

    def frame(self, index: int) -> np.ndarray:
        """Read frame ``index`` (0-based), a new array ``[y, x]``."""
        check_index(self.header.path, index, self.header.n_frames)
        return self._read(index)

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[np.ndarray]:
        """Read frames ``first`` to ``last`` (exclusive) in order; ``None`` is to the end."""
        last = self.header.n_frames if last is None else last
        if first < last:
            check_index(self.header.path, first, self.header.n_frames)
            check_index(self.header.path, last - 1, self.header.n_frames)
        indices = range(first, last)
        return frames_ahead(self._read, indices) if self.decodes_by_threads else map(self._read, indices)

    @abstractmethod
    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OpenFile:
    """A file open for reading at any offset from several threads; no position is shared."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; ``OSError`` where that fails."""
        self.path = path
        self._handle = open(path, "rb")  # noqa: SIM115 - closed by close()
        self.size = os.fstat(self._handle.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset``; fewer at the end of the file."""
        return os.pread(self._handle.fileno(), count, offset)

    def read_into(self, offset: int, array: np.ndarray) -> None:
        """Fill a C-contiguous array from ``offset``: one copy from the page cache, and safe if the file shrinks.

        A memory map would be killed by a bus error where the file is cut while it is read.
        """
        view = array.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(view):
            count = os.preadv(self._handle.fileno(), [view[done:]], offset + done)
            if count == 0:
                raise image_fault(self.path, f"ends {len(view) - done} bytes before the end of a frame")
            done += count

    def close(self) -> None:
        """Release the file."""
        self._handle.close()
