"""Write MRC files whole or not at all, with the statistics that the header wants taken in passing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

import vitreous
from vitreous.core.errors import DataError, UsageError
from vitreous.formats.base import atomic_path
from vitreous.formats.mrc_header import HEADER_BYTES, IMOD_SIGNED_BYTES, IMOD_STAMP

MODES = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
BLOCK = 1 << 15
"""Pixels per block of the statistics: it stays in the processor's cache for all four of them."""


class Statistics:
    """Minimum, maximum, mean and standard deviation of pixels that come in portions."""

    def __init__(self) -> None:
        """Begin with no pixel."""
        self.n = 0
        self.low, self.high = math.inf, -math.inf
        self._sum = self._squares = 0.0

    def add(self, pixels: np.ndarray) -> None:
        """Take in a C-contiguous array."""
        flat = pixels.reshape(-1)
        ones = np.ones(min(BLOCK, flat.size), np.float32)
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK]
            self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
            numbers = block.astype(np.float32, copy=False)
            with np.errstate(invalid="ignore", over="ignore"):
                self._sum += float(numbers @ ones[: numbers.size])
                self._squares += float(numbers @ numbers)
        self.n += flat.size

    @property
    def mean(self) -> float:
        """Mean of all pixels; 0 of none."""
        return self._sum / max(1, self.n)

    @property
    def rms(self) -> float:
        """Standard deviation of all pixels."""
        return math.sqrt(max(0.0, self._squares / max(1, self.n) - self.mean**2))


def write_mrc(
    path: Path | str,
    array: np.ndarray,
    *,
    pixel_size: float | None,
    dtype: str | np.dtype[Any] | None = None,
    is_stack: bool = False,
    labels: Sequence[str] = (),
) -> Path:
    """Write an image ``[y, x]``, a volume ``[z, y, x]``, or with ``is_stack`` a stack ``[frame, y, x]``, atomically.

    Args:
        path: the file, replaced where it exists.
        array: row 0 is y = 0. Never changed.
        pixel_size: Å; ``None`` is written as "not known" (a cell of 0).
        dtype: int8, int16, uint16, float16 or float32; the array's own unless given. Values must fit.
        is_stack: the first axis counts images (space group 0), not sections of a volume.
        labels: up to nine lines of 80 characters.

    Raises:
        UsageError: the array is not of 2 or 3 axes, or its type is none of MRC's.
    """
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise UsageError(f"an array of shape {array.shape} is no image", hint="Give [y, x] or [z, y, x]")
    frames = array[None] if array.ndim == 2 else array
    kind = np.dtype(array.dtype if dtype is None else dtype)
    is_volume = array.ndim == 3 and not is_stack
    shape = (frames.shape[1], frames.shape[2])
    writer = MrcStackWriter(path, shape, kind, pixel_size=pixel_size, labels=labels, is_volume=is_volume)
    with writer:
        for frame in frames:
            writer.append(frame)
    return Path(path)


class MrcStackWriter:
    """Append frames to a new MRC file; it appears under its name when the ``with`` block ends without an error."""

    def __init__(
        self,
        path: Path | str,
        shape: tuple[int, int],
        dtype: str | np.dtype[Any],
        *,
        pixel_size: float | None,
        labels: Sequence[str] = (),
        is_volume: bool = False,
    ) -> None:
        """Say what will come: frames of ``shape`` ``(ny, nx)`` stored as ``dtype``; ``pixel_size`` in Å."""
        self.path, self.shape, self.dtype = Path(path), shape, np.dtype(dtype)
        if self.dtype.name not in MODES:
            raise UsageError(
                f"MRC files have no pixel type {self.dtype.name}",
                hint="Give dtype as one of " + ", ".join(MODES) + "; counts up to 127 fit int8",
                dtype=self.dtype.name,
            )
        self.n_frames = 0
        self._pixel_size, self._labels, self._is_volume = pixel_size, labels, is_volume
        self._statistics = Statistics()
        self._stack = ExitStack()
        self._handle: BinaryIO | None = None

    def __enter__(self) -> Self:
        aside = self._stack.enter_context(atomic_path(self.path))
        self._handle = self._stack.enter_context(open(aside, "wb", buffering=0))
        self._handle.write(bytes(HEADER_BYTES))
        return self

    def append(self, frame: np.ndarray) -> None:
        """Add a frame ``[y, x]``; row 0 is y = 0. A ``DataError`` where its values don't fit the stored type."""
        if self._handle is None:
            raise UsageError("the writer is not open", hint="Append inside its with block")
        if frame.shape != self.shape:
            raise UsageError(
                f"a frame of shape {frame.shape} is appended to {self.path}, whose frames are {self.shape}",
                hint="All frames of a file have one shape",
            )
        pixels = np.ascontiguousarray(self._converted(frame))
        self._statistics.add(pixels)
        view = pixels.reshape(-1).view(np.uint8).data
        while view:
            view = view[self._handle.write(view) or 0 :]
        self.n_frames += 1

    def _converted(self, frame: np.ndarray) -> np.ndarray:
        if frame.dtype == self.dtype:
            return frame
        if np.can_cast(frame.dtype, self.dtype, "same_kind") and self.dtype.kind == "f":
            return frame.astype(self.dtype)
        limits = np.iinfo(self.dtype) if self.dtype.kind in "iu" else np.finfo(self.dtype)
        low, high = float(frame.min()), float(frame.max())
        if not (float(limits.min) <= low and high <= float(limits.max)):
            raise DataError(
                f"values from {low:g} to {high:g} don't fit {self.dtype.name} in {self.path}",
                hint="Store them as float32, int16 or uint16",
                path=str(self.path),
            )
        # Rounded, not cut off: 2.9999 counts are 3.
        rounded = np.rint(frame) if frame.dtype.kind == "f" and self.dtype.kind != "f" else frame
        return rounded.astype(self.dtype)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handle, self._handle = self._handle, None
        if kind is None and handle is not None:
            try:
                if self.n_frames == 0:
                    raise UsageError(f"no frame was appended to {self.path}", hint="Append at least one")
                handle.seek(0)
                handle.write(self._header())
            except BaseException as late:
                self._stack.__exit__(type(late), late, late.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)

    def _header(self) -> bytes:
        record = np.zeros((), HEADER_DTYPE)
        ny, nx = self.shape
        nz = self.n_frames
        record["nx"], record["ny"], record["nz"] = nx, ny, nz
        record["mode"] = MODES[self.dtype.name]
        mz = nz if self._is_volume else 1
        record["mx"], record["my"], record["mz"] = nx, ny, mz
        size = 0.0 if self._pixel_size is None else self._pixel_size
        record["cella"] = (nx * size, ny * size, mz * size)
        record["cellb"] = (90, 90, 90)
        record["mapc"], record["mapr"], record["maps"] = 1, 2, 3
        found = self._statistics
        record["dmin"], record["dmax"], record["dmean"], record["rms"] = found.low, found.high, found.mean, found.rms
        record["ispg"] = 1 if self._is_volume else 0
        record["nversion"] = 20141
        record["map"] = b"MAP "
        record["machst"] = (0x44, 0x44, 0, 0) if np.little_endian else (0x11, 0x11, 0, 0)
        if record["mode"] == 0:
            # The stamp says in words that readers trust that these bytes are signed.
            extra = bytearray(84)
            extra[40:48] = np.array([IMOD_STAMP, IMOD_SIGNED_BYTES], np.int32).tobytes()
            record["extra2"] = np.void(bytes(extra))
        lines = [f"Vitreous {vitreous.__version__}", *self._labels][:10]
        record["nlabl"] = len(lines)
        record["label"][: len(lines)] = [line.encode("ascii", "replace")[:80].ljust(80) for line in lines]
        return record.tobytes()
