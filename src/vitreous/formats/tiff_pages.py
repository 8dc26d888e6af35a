"""The pages of a TIFF or EER file: where their data lie, without reading them."""

from __future__ import annotations

import logging
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tifffile

from vitreous.core.errors import VitreousError
from vitreous.formats.image_faults import image_fault

# What tifffile and imagecodecs are known to raise on damaged files; the codecs' own errors are RuntimeErrors.
FAULTS = (
    struct.error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    OSError,
)
MAX_PAGES = 1_000_000


@contextmanager
def tiff_faults(path: Path, what: str) -> Iterator[None]:
    """Turn what the libraries raise on damaged files into a ``DataError``."""
    try:
        yield
    except VitreousError:
        raise
    except FAULTS as error:
        reason = f"{what} can't be read ({type(error).__name__}: {str(error)[:120] or 'no reason given'})"
        raise image_fault(path, reason) from error


class TiffPages:
    """An open TIFF container; a page's offsets are read when it is asked for.

    Attributes:
        size: of the file, bytes.
        offsets: of the directories whose entries are whole.
        is_cut: the chain of directories ends in the void: the file is cut short or damaged.
        first: the first page with its tags.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, walk the chain of directories and read the first page's tags."""
        # The damage is told by our warnings and errors; without a handler Python prints the library's to stderr.
        logger = logging.getLogger("tifffile")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        self.path = path
        self._lock = threading.Lock()
        with tiff_faults(path, "the TIFF directory"):
            self._file = tifffile.TiffFile(path)
        try:
            with tiff_faults(path, "the TIFF directory"):
                self.size = self._file.filehandle.size
                self.first = self._file.pages.first
                self._descriptor = self._file.filehandle.fileno()
                self.offsets, self.is_cut = self._walk()
            if not self.offsets:
                raise image_fault(path, "has no whole page")
        except BaseException:
            self._file.close()
            raise

    def _walk(self) -> tuple[list[int], bool]:
        """Offsets of the directories; walked here because a circle in a damaged chain must end."""
        tiff = self._file.tiff
        order, wide = tiff.byteorder, tiff.offsetsize == 8
        count_size, entry_size = (8, 20) if wide else (2, 12)
        at = self._number(8 if wide else 4, tiff.offsetsize, order)
        offsets: list[int] = []
        seen = set()
        while at not in (None, 0):
            entries = self._number(at, count_size, order)
            if at in seen or entries is None or not 0 < entries <= 4096 or len(offsets) >= MAX_PAGES:
                return offsets, True
            following = self._number(at + count_size + entries * entry_size, tiff.offsetsize, order)
            if following is None:
                return offsets, True
            seen.add(at)
            offsets.append(at)
            at = following
        return offsets, at is None

    def _number(self, at: int, size: int, order: str) -> int | None:
        data = self.read(at, size) if 0 < at < self.size else b""
        return int.from_bytes(data, "little" if order == "<" else "big") if len(data) == size else None

    def read(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset``; fewer at the end of the file. May be called from several threads."""
        return os.pread(self._descriptor, count, offset)

    def page(self, index: int) -> tifffile.TiffPage:
        """Page ``index`` with all its tags."""
        with self._lock, tiff_faults(self.path, f"page {index + 1}"):
            self._file.filehandle.seek(self.offsets[index])
            return tifffile.TiffPage(self._file, index)

    def extents(self, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Offsets and byte counts of a page's strips, which lie within the file."""
        page = self.page(index)
        with tiff_faults(self.path, f"page {index + 1}"):
            starts, counts = tuple(map(int, page.dataoffsets)), tuple(map(int, page.databytecounts))
        if not starts or len(starts) != len(counts):
            raise image_fault(self.path, f"page {index + 1} has {len(starts)} strips and {len(counts)} lengths")
        if any(s < 8 or c < 0 or s + c > self.size for s, c in zip(starts, counts, strict=True)):
            raise image_fault(self.path, f"page {index + 1} reaches beyond the end of the file")
        return starts, counts

    def close(self) -> None:
        """Release the file."""
        self._file.close()
