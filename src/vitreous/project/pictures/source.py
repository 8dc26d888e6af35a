"""One image file that is looked at, with what is known of it beside its header."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.core.optics import Ctf
from vitreous.formats.base import ImageFile, ImageHeader
from vitreous.formats.frame_reader import OpenFile
from vitreous.formats.image_faults import file_faults
from vitreous.formats.images import open_images
from vitreous.formats.mrc_header import HEADER_BYTES, MrcLayout, read_layout, read_record
from vitreous.project.pictures.gain import Gain, corrected

STRIP_ROWS = 128
"""Rows that are worked on at a time: they stay in the processor's cache."""
IN_MEMORY = 32_000_000
"""Bytes of an image above which it is put aside in a file without a name, and read from there by rows."""
LARGEST = 1e15
"""No counts are larger: such values come of damage, and their squares have no place in float32."""


@dataclass(frozen=True)
class Optics:
    """What is known of how an image was taken; ``None`` where it is not known.

    Attributes:
        pixel_size: Å. voltage: kV. spherical_aberration: mm. amplitude_contrast: 0..1.
        ctf: the fit of the contrast transfer function.
        fit_resolution: Å.
    """

    pixel_size: float | None = None
    voltage: float | None = None
    spherical_aberration: float | None = None
    amplitude_contrast: float | None = None
    ctf: Ctf | None = None
    fit_resolution: float | None = None


@dataclass(frozen=True)
class Source:
    """An image file to look at.

    Attributes:
        path: the file.
        name: for people.
        optics: what is known beside the header; it wins over the header.
        blurred: it is shown blurred, and its values are not told.
        gain: what sums of its frames are corrected with.
    """

    path: Path
    name: str
    optics: Optics = Optics()
    blurred: bool = False
    gain: Gain | None = None

    def stamp(self) -> str:
        """Changes when the file does.

        Raises:
            DataError: the file is not there.
        """
        with file_faults(self.path):
            facts = os.stat(self.path)
        known = f"{facts.st_size:x}-{facts.st_mtime_ns:x}"
        return known if self.gain is None else f"{known}-{self.gain.key()}"

    def open(self) -> ImageFile:
        """Open the file; see ``open_images``."""
        return open_images(self.path)


def pixel_size_of(source: Source, header: ImageHeader) -> float | None:
    """Å, as the project knows it, else as the header states it."""
    known = source.optics.pixel_size
    return header.acquisition.pixel_size if known is None else known


def check_frame(header: ImageHeader, frame: int) -> int:
    """A frame number that the file has.

    Raises:
        UsageError: it has not.
    """
    if not 0 <= frame < header.n_frames:
        raise UsageError(
            f"{header.path.name} has the frames 0 to {header.n_frames - 1}, and {frame} is asked for",
            hint="Choose one of these",
            missing=True,
        )
    return frame


def plain_layout(file: ImageFile) -> MrcLayout | None:
    """Where the rows of an MRC file lie, where they can be read one by one; ``None`` for packed and other files."""
    header = file.header
    if header.format != "mrc" or header.metadata.get("packed"):
        return None
    with file_faults(header.path), open(header.path, "rb") as handle:
        record, order = read_record(header.path, handle.read(HEADER_BYTES))
    layout = read_layout(header.path, record, order)
    # The reader has decided whether bytes are signed.
    stored = header.dtype.newbyteorder(layout.stored.byteorder)
    return MrcLayout(layout.shape, layout.n_sections, stored, False, layout.offset)


class MrcRows:
    """Rows of one frame of a plain MRC file, read when they are asked for: the system keeps them, not we."""

    corrected = False

    def __init__(self, path: Path, layout: MrcLayout, frame: int) -> None:
        self.shape, self.dtype = layout.shape, layout.stored.newbyteorder("=")
        self.nbytes = 0
        self._path, self._layout, self._frame = path, layout, frame

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to ``last`` (exclusive), a new array."""
        layout = self._layout
        stored = np.empty((last - first, layout.shape[1]), layout.stored)
        row_bytes = layout.shape[1] * layout.stored.itemsize
        with file_faults(self._path):
            source = OpenFile(self._path)
            try:
                source.read_into(layout.offset + self._frame * layout.frame_bytes + first * row_bytes, stored)
            finally:
                source.close()
        return layout.decode(stored)


class ArrayRows:
    """Rows of an image in memory; ``corrected``: a gain reference was applied."""

    def __init__(self, image: np.ndarray, corrected: bool = False) -> None:
        self.corrected = corrected
        self.shape, self.dtype, self.nbytes = (image.shape[0], image.shape[1]), image.dtype, image.nbytes
        self._image = image

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to ``last`` (exclusive); not to be changed."""
        return self._image[first:last]


class AsideRows:
    """Rows of a large image that came from a packed file or a sum, in a file that goes when nobody needs it."""

    def __init__(self, image: np.ndarray, corrected: bool = False) -> None:
        self.shape, self.dtype, self.nbytes = (image.shape[0], image.shape[1]), image.dtype, 0
        self.corrected = corrected
        self._file = tempfile.TemporaryFile(prefix="vitreous-")  # noqa: SIM115 - it ends with this object
        for first in range(0, image.shape[0], STRIP_ROWS):
            self._file.write(image[first : first + STRIP_ROWS].tobytes())
        self._file.flush()

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to ``last`` (exclusive), a new array."""
        width = self.shape[1] * self.dtype.itemsize
        content = os.pread(self._file.fileno(), (last - first) * width, first * width)
        return np.frombuffer(content, self.dtype).reshape(-1, self.shape[1])


Rows = MrcRows | ArrayRows | AsideRows


def kept(image: np.ndarray, corrected: bool = False) -> Rows:
    """An image in memory, or put aside where it is large and there is room on the disk."""
    if image.nbytes > IN_MEMORY:
        with contextlib.suppress(OSError):  # no room there: it stays in memory
            return AsideRows(image, corrected)
    return ArrayRows(image, corrected)


def read_rows(source: Source, frame: int) -> Rows:
    """One frame of a file.

    Raises:
        DataError: the file is damaged. UsageError: it has no such frame.
    """
    with source.open() as file:
        check_frame(file.header, frame)
        layout = plain_layout(file)
        return MrcRows(source.path, layout, frame) if layout is not None else kept(file.frame(frame))


def sum_rows(source: Source, mean: bool) -> Rows:
    """Sum or mean of all frames, float32, after the gain reference where it is known how that lies on them."""
    with source.open() as file:
        total = np.zeros(file.header.shape, np.float32)
        for image in file.frames():
            total += image
        if mean:
            total /= file.header.n_frames
    return kept(total, source.gain is not None and corrected(total, source.gain))


def strips(image: Rows, height: int = STRIP_ROWS) -> Iterator[tuple[int, np.ndarray]]:
    """The image in strips: first row, and float32 rows, all of them finite; not to be changed."""
    for first in range(0, image.shape[0], height):
        yield first, finite(image.rows(first, min(first + height, image.shape[0])))


def finite(rows: np.ndarray) -> np.ndarray:
    """float32 with 0 for what is no number."""
    numbers = rows.astype(np.float32, copy=False)
    # One that is not finite makes this product so; one that overflows only costs a second look.
    if rows.dtype.kind == "f" and not np.isfinite(np.vdot(numbers, numbers)):
        numbers = np.clip(np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0), -LARGEST, LARGEST)
    return numbers


def whole(image: Rows) -> np.ndarray:
    """All rows as float32, a new array."""
    out = np.empty(image.shape, np.float32)
    for first, rows in strips(image):
        out[first : first + len(rows)] = rows
    return out
