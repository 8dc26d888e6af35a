"""Faults of image files as errors for people, raised before memory is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitreous.core.errors import DataError, UsageError

MAX_FRAME_BYTES = 1 << 32
"""Largest frame that is read, bytes: twice the size of a 32768² frame of float32 would be no camera's."""


def image_fault(
    path: Path, reason: str, hint: str = "Copy the file again from the microscope, or leave it out"
) -> DataError:
    """A ``DataError`` that names the file and the reason."""
    return DataError(f"{path}: {reason}", hint=hint, path=str(path), reason=reason)


def check_frame_bytes(path: Path, shape: tuple[int, int], frame_bytes: int) -> None:
    """Refuse a frame whose size no camera gives."""
    if shape[0] < 1 or shape[1] < 1 or frame_bytes > MAX_FRAME_BYTES:
        raise image_fault(
            path,
            f"the header states frames of {shape[1]} x {shape[0]} px ({frame_bytes:,} bytes)",
            "The header is damaged: copy the file again, or leave it out",
        )


def check_index(path: Path, index: int, n_frames: int) -> None:
    """Refuse a frame number that the file does not have."""
    if not 0 <= index < n_frames:
        raise UsageError(
            f"{path}: frame {index} is asked for, and the file has frames 0 to {n_frames - 1}",
            hint="Frames are counted from 0",
            path=str(path),
        )


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file into a ``DataError``."""
    try:
        yield
    except OSError as error:
        raise image_fault(
            path, f"can't be read ({error.strerror or error})", "Check the path and its permissions"
        ) from error
