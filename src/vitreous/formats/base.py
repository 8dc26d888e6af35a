"""What every image format offers: a lazy typed header, frames one by one, and files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from vitreous.model.acquisition import Acquisition


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image file before its pixels are read.

    Attributes:
        path: the file.
        format: short name of the format ("mrc", "tiff", "eer").
        n_frames: whole frames that can be read.
        shape: ``(ny, nx)`` of a frame.
        dtype: of the frames that are given out (4-bit data come as uint8).
        acquisition: settings that the header states, ``None`` where it does not.
        is_volume: the stack is one 3D map.
        tilt_angle: degrees, of the specimen stage.
        warnings: what a person should know (truncated last frame, odd header value).
        metadata: further header fields by name.
    """

    path: Path
    format: str
    n_frames: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    acquisition: Acquisition = field(default_factory=Acquisition)
    is_volume: bool = False
    tilt_angle: float | None = None
    warnings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


class ImageFile(Protocol):
    """An open image file; use it in a ``with`` block. Frames are ``[y, x]`` with row 0 at y = 0 (MRC orientation)."""

    header: ImageHeader

    def frame(self, index: int) -> np.ndarray:
        """Read frame ``index`` (0-based), a new array ``[y, x]``."""
        ...

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[np.ndarray]:
        """Read frames ``first`` to ``last`` (exclusive) in order, decoding ahead by threads where that pays."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success fsync it and rename it to ``path``, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield aside
        with open(aside, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as aside:
        aside.write_text(text)
