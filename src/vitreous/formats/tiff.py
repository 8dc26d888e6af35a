"""Read TIFF movies and images frame by frame, in MRC orientation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from vitreous.formats.base import ImageHeader
from vitreous.formats.frame_reader import FrameReader
from vitreous.formats.image_faults import check_frame_bytes, image_fault
from vitreous.formats.nibbles import PACKED_LABEL, PACKED_SIZES, unpack_nibbles
from vitreous.formats.tiff_pages import TiffPages, tiff_faults
from vitreous.formats.tiff_write import ANGSTROM_PER_CM, TiffStackWriter
from vitreous.model.acquisition import Acquisition

__all__ = ["TiffFile", "TiffStackWriter", "open_tiff"]

MAX_RATIO = 5000
"""No lossless code of the format packs closer than this: LZW reaches 2700, deflate 1030."""
FREE_BYTES = 1 << 26
COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 50000: "zstd", 34926: "zstd"}
UNITS_PER_CM = {2: 1 / 2.54, 3: 1.0}
SEEN_IN_CAMERA_FILES = (0.05, 100.0)


def open_tiff(path: Path) -> TiffFile:
    """Open a TIFF file: one frame per page; 4, 8, 16 bits or float32; LZW, deflate, zstd or none.

    Rows are turned over, so that row 0 is the bottom one. A missing SampleFormat is unsigned. Bytes of half a K2 or K3
    super-resolution frame hold two pixels each. Whole pages of a file cut short are given, with a warning.

    Raises:
        DataError: the file is no TIFF file, holds another kind of image, or not one whole page.
    """
    pages = TiffPages(path)
    try:
        return TiffFile(pages)
    except BaseException:
        pages.close()
        raise


class TiffFile(FrameReader):
    """An open TIFF file (the ``ImageFile`` protocol)."""

    decodes_by_threads = True

    def __init__(self, pages: TiffPages) -> None:
        """Read the tags of the first page and test the last one."""
        path, first = pages.path, pages.first
        self._pages = pages
        with tiff_faults(path, "page 1"):
            _refuse_other_images(path, first)
            self._stored = (int(first.imagelength), int(first.imagewidth))
            self._dtype = _pixel_type(first)
        frame_bytes = self._stored[0] * self._stored[1] * self._dtype.itemsize
        check_frame_bytes(path, self._stored, frame_bytes)
        n_frames, warnings = self._whole_pages()
        self._packed = False
        size = (self._stored[1], self._stored[0])
        text = str(first.description or "")
        if self._dtype == np.uint8 and int(first.bitspersample) == 8 and size in PACKED_SIZES:
            # Unpacked counts of such a frame would leave the high nibbles empty.
            self._packed = PACKED_LABEL in text or int(self._read(0).max()) > 15
        shape = (self._stored[0], self._stored[1] * (2 if self._packed else 1))
        self.header = ImageHeader(
            path=path,
            format="tiff",
            n_frames=n_frames,
            shape=shape,
            dtype=self._dtype,
            acquisition=Acquisition(pixel_size=_pixel_size(first)),
            warnings=warnings,
            metadata={
                "compression": COMPRESSIONS[int(first.compression)],
                "packed": self._packed,
                "description": text or None,
            },
        )

    def _whole_pages(self) -> tuple[int, tuple[str, ...]]:
        pages = self._pages
        n = len(pages.offsets)
        while n > 1 and not self._is_whole(n - 1):
            n -= 1
        if n < len(pages.offsets) or pages.is_cut:
            return n, (f"the file is cut short or damaged: {n} whole frames were found and are used",)
        return n, ()

    def _is_whole(self, index: int) -> bool:
        with tiff_faults(self._pages.path, f"page {index + 1}"):
            page = self._pages.page(index)
            ends = [s + c for s, c in zip(page.dataoffsets, page.databytecounts, strict=False)]
            return bool(ends) and max(ends) <= self._pages.size

    def _read(self, index: int) -> np.ndarray:
        path, what = self._pages.path, f"page {index + 1}"
        page = self._pages.page(index) if index else self._pages.first
        with tiff_faults(path, what):
            _refuse_other_images(path, page)
            if (int(page.imagelength), int(page.imagewidth)) != self._stored or _pixel_type(page) != self._dtype:
                raise image_fault(path, f"{what} differs from page 1 in size or pixel type")
            starts, counts = self._pages.extents(index)
            self._check_strips(page, counts, what)
            frame = np.empty(self._stored, self._dtype)
            self._decode(page, starts, counts, frame[::-1], what)
        return unpack_nibbles(frame, 2 * self._stored[1]) if self._packed else frame

    def _check_strips(self, page: tifffile.TiffPage, counts: tuple[int, ...], what: str) -> None:
        """Refuse sizes that so few compressed bytes can't hold, before memory is taken for them."""
        path = self._pages.path
        frame_bytes = self._stored[0] * self._stored[1] * self._dtype.itemsize
        strip_bytes = int(np.prod([int(n) for n in page.chunks])) * self._dtype.itemsize
        if max(frame_bytes, strip_bytes) > FREE_BYTES + MAX_RATIO * sum(counts):
            raise image_fault(
                path, f"{what} states {frame_bytes:,} bytes of pixels in {sum(counts):,} compressed bytes"
            )

    def _decode(
        self,
        page: tifffile.TiffPage,
        starts: tuple[int, ...],
        counts: tuple[int, ...],
        top_first: np.ndarray,
        what: str,
    ) -> None:
        """Decode all strips or tiles into ``top_first``; each pixel must be given."""
        given = 0
        for index, (start, count) in enumerate(zip(starts, counts, strict=True)):
            pixels, place, shape = page.decode(self._pages.read(start, count), index)
            if pixels is None:
                raise image_fault(self._pages.path, f"strip {index + 1} of {what} is empty")
            row, column = place[2], place[3]
            block = pixels[0, : self._stored[0] - row, : self._stored[1] - column, 0]
            block = block[: shape[1], : shape[2]]
            top_first[row : row + block.shape[0], column : column + block.shape[1]] = block
            given += block.size
        if given != top_first.size:
            raise image_fault(self._pages.path, f"{what} gives {given:,} of its {top_first.size:,} pixels")

    def close(self) -> None:
        """Release the file."""
        self._pages.close()


def _refuse_other_images(path: Path, page: tifffile.TiffPage) -> None:
    code = int(page.compression)
    if code not in COMPRESSIONS:
        raise image_fault(path, f"has TIFF compression {code}", "Known are none, LZW, deflate, packbits and zstd")
    if int(page.samplesperpixel) != 1 or int(page.imagedepth) != 1:
        raise image_fault(path, f"has {int(page.samplesperpixel)} colours per pixel", "Give grey images")


def _pixel_type(page: tifffile.TiffPage) -> np.dtype[Any]:
    """The dtype of frames; without a SampleFormat tag integers are unsigned."""
    bits, kind = int(page.bitspersample), int(page.sampleformat)
    known = {(4, 1): "u1", (8, 1): "u1", (8, 2): "i1", (16, 1): "u2", (16, 2): "i2", (16, 3): "f2", (32, 3): "f4"}
    known |= {(32, 1): "u4", (32, 2): "i4"}
    if (bits, kind) not in known:
        raise ValueError(f"{bits} bits per pixel of sample format {kind}")
    return np.dtype(known[bits, kind])


def _pixel_size(page: tifffile.TiffPage) -> float | None:
    """Å from the resolution tags; ``None`` where they are absent or speak of print."""
    unit = page.tags.valueof(296, 2)
    value = page.tags.valueof(282)
    if not isinstance(value, tuple) or len(value) != 2 or value[0] <= 0 or int(unit) not in UNITS_PER_CM:
        return None
    per_cm = value[0] / max(1, value[1]) * UNITS_PER_CM[int(unit)]
    size = ANGSTROM_PER_CM / per_cm
    return size if SEEN_IN_CAMERA_FILES[0] < size < SEEN_IN_CAMERA_FILES[1] else None
