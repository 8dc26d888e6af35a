"""Write TIFF stacks whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import tifffile

import vitreous
from vitreous.core.errors import UsageError
from vitreous.formats.base import atomic_path

Compression = Literal["lzw", "deflate", "zstd", "none"]
COMPRESSIONS = {"lzw": "lzw", "deflate": "adobe_deflate", "zstd": "zstd", "none": None}
PIXEL_TYPES = ("uint8", "uint16", "int16", "float32")
STRIP_BYTES = 1 << 18
CLASSIC_BYTES = 3_900_000_000
ANGSTROM_PER_CM = 1e8


class TiffStackWriter:
    """Append frames to a new TIFF file; it appears under its name when the ``with`` block ends without an error."""

    def __init__(
        self,
        path: Path | str,
        shape: tuple[int, int],
        dtype: str | np.dtype[Any],
        *,
        compression: Compression = "lzw",
        pixel_size: float | None = None,
        description: str | None = None,
        n_frames: int | None = None,
    ) -> None:
        """Say what will come.

        Args:
            path: the file, replaced where it exists.
            shape: ``(ny, nx)`` of all frames.
            dtype: uint8, uint16, int16 or float32.
            compression: lossless, of strips of rows.
            pixel_size: Å, stored as the resolution; ``None`` stores none.
            description: header text of the first page.
            n_frames: how many frames will come; above 3.9 GB in all the file is a BigTIFF.
        """
        self.path, self.shape, self.dtype = Path(path), shape, np.dtype(dtype)
        if compression not in COMPRESSIONS:
            raise UsageError(f"compression {compression!r} is not known", hint="Give one of " + ", ".join(COMPRESSIONS))
        if self.dtype.name not in PIXEL_TYPES:
            raise UsageError(f"pixels of type {self.dtype.name} aren't written to TIFF", hint=f"Give {PIXEL_TYPES}")
        self.n_frames = 0
        frame_bytes = shape[0] * shape[1] * self.dtype.itemsize
        self._big = (n_frames or 1) * frame_bytes > CLASSIC_BYTES
        self._options: dict[str, Any] = {
            "compression": COMPRESSIONS[compression],
            "rowsperstrip": min(shape[0], max(1, STRIP_BYTES // (shape[1] * self.dtype.itemsize))),
            "photometric": "minisblack",
            "contiguous": False,
            "metadata": None,
            "software": f"Vitreous {vitreous.__version__}",
        }
        if pixel_size is not None:
            per_cm = ANGSTROM_PER_CM / pixel_size
            self._options |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
        self._description = description
        self._stack = ExitStack()
        self._writer: tifffile.TiffWriter | None = None

    def __enter__(self) -> Self:
        aside = self._stack.enter_context(atomic_path(self.path))
        self._writer = self._stack.enter_context(tifffile.TiffWriter(aside, bigtiff=self._big))
        return self

    def append(self, frame: np.ndarray) -> None:
        """Add a frame ``[y, x]`` whose row 0 is y = 0; it is stored top row first, as TIFF wants it."""
        if self._writer is None:
            raise UsageError("the writer is not open", hint="Append inside its with block")
        if frame.shape != self.shape or frame.dtype != self.dtype:
            raise UsageError(
                f"a frame of shape {frame.shape}, {frame.dtype} is appended to {self.path}, "
                f"which takes {self.shape}, {self.dtype}",
                hint="All frames of a file have one shape and type",
            )
        description = self._description if self.n_frames == 0 else None
        self._writer.write(np.ascontiguousarray(frame[::-1]), description=description, **self._options)
        self.n_frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer = None
        if kind is None and self.n_frames == 0:
            late = UsageError(f"no frame was appended to {self.path}", hint="Append at least one")
            self._stack.__exit__(UsageError, late, None)
            raise late
        self._stack.__exit__(kind, error, trace)
