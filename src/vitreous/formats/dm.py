"""Read the largest image of a DM3 or DM4 file, in MRC orientation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.formats.base import ImageHeader
from vitreous.formats.dm_tags import DmArray, DmDirectory, read_tags
from vitreous.formats.frame_reader import FrameReader, OpenFile
from vitreous.formats.image_faults import check_frame_bytes, file_faults, image_fault
from vitreous.model.acquisition import Acquisition

__all__ = ["DmFile", "open_dm"]

PIXEL_TYPES = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1", 39: "i8", 40: "u8"}
"""The format's numbers of the types of real pixels; others are complex, or colours as of thumbnails."""
ANGSTROM_PER_UNIT = {"nm": 10.0, "µm": 1e4, "μm": 1e4, "um": 1e4, "å": 1.0, "a": 1.0, "pm": 0.01}
SEEN_IN_CAMERA_FILES = (0.05, 100.0)
SEEN_VOLTAGES = (1e4, 3e6)


def open_dm(path: Path) -> DmFile:
    """Open a DM3 or DM4 file: the largest image of real pixels; a third dimension is the frames.

    Rows are turned over, so that row 0 is the bottom one.

    Raises:
        DataError: the file is no DM file, is damaged, or holds no such image.
    """
    with file_faults(path):
        source = OpenFile(path)
    try:
        with file_faults(path):
            return DmFile(source)
    except BaseException:
        source.close()
        raise


@dataclass(frozen=True)
class _Image:
    """One entry of the list of images: ``dims`` are (x, y, frames)."""

    tags: DmDirectory
    data: DmArray
    dims: tuple[int, int, int]


class DmFile(FrameReader):
    """An open DM3 or DM4 file (the ``ImageFile`` protocol)."""

    decodes_by_threads = False

    def __init__(self, source: OpenFile) -> None:
        """Read the tags of an open file."""
        path = source.path
        self._source = source
        images = [i for i in map(_image, read_tags(source).directory("ImageList").directories()) if i is not None]
        if not images:
            raise image_fault(path, "holds no whole image of real pixels", "Give an image, not a plot or a transform")
        found = max(images, key=lambda image: image.data.count)
        assert found.data.dtype is not None  # what _image accepts has one
        nx, ny, n_frames = found.dims
        self._offset, self._stored = found.data.offset, found.data.dtype
        self._frame_bytes = nx * ny * self._stored.itemsize
        check_frame_bytes(path, (ny, nx), self._frame_bytes)
        self.header = ImageHeader(
            path=path,
            format="dm",
            n_frames=n_frames,
            shape=(ny, nx),
            dtype=self._stored.newbyteorder("="),
            acquisition=Acquisition(pixel_size=_pixel_size(found.tags), voltage=_voltage(found.tags)),
            metadata={"name": _text(found.tags.get("Name")), "images": len(images)},
        )

    def _read(self, index: int) -> np.ndarray:
        stored = np.empty(self.header.shape, self._stored)
        with file_faults(self._source.path):
            self._source.read_into(self._offset + index * self._frame_bytes, stored)
        return np.ascontiguousarray(stored[::-1].astype(self.header.dtype, copy=False))

    def close(self) -> None:
        """Release the file."""
        self._source.close()


def _image(tags: DmDirectory) -> _Image | None:
    """An entry of the list of images where it is one of real pixels, else ``None``."""
    data = tags.directory("ImageData")
    array, kind = data.get("Data"), data.get("DataType")
    sizes = [size for _, size in data.directory("Dimensions").entries]
    if not isinstance(array, DmArray) or array.dtype is None or kind not in PIXEL_TYPES or len(sizes) < 2:
        return None
    if not all(isinstance(size, int) and size > 0 for size in sizes) or math.prod(sizes) != array.count:
        return None
    stated = np.dtype(PIXEL_TYPES[kind])
    if stated.itemsize != array.dtype.itemsize or (stated.kind == "f") != (array.dtype.kind == "f"):
        return None
    # Data and their description may differ in sign: the description is the one that people see.
    exact = DmArray(array.offset, stated.newbyteorder(array.dtype.byteorder), array.count)
    return _Image(tags, exact, (sizes[0], sizes[1], math.prod(sizes[2:])))


def _pixel_size(tags: DmDirectory) -> float | None:
    """Å along x; ``None`` where the calibration is absent, of another unit, or that of a camera's own pixels."""
    calibrations = tags.directory("ImageData", "Calibrations", "Dimension").directories()
    if not calibrations:
        return None
    scale, unit = calibrations[0].get("Scale"), _text(calibrations[0].get("Units"))
    factor = ANGSTROM_PER_UNIT.get((unit or "").strip().lower())
    if factor is None or not isinstance(scale, float):
        return None
    size = scale * factor
    return size if SEEN_IN_CAMERA_FILES[0] < size < SEEN_IN_CAMERA_FILES[1] else None


def _voltage(tags: DmDirectory) -> float | None:
    """kV of the microscope."""
    volts = tags.directory("ImageTags", "Microscope Info").get("Voltage")
    return volts / 1e3 if isinstance(volts, float) and SEEN_VOLTAGES[0] <= volts <= SEEN_VOLTAGES[1] else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
