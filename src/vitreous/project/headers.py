"""What an image file's header says, as plain values."""

from __future__ import annotations

from pathlib import Path

from vitreous.core.plain import plain
from vitreous.project.batch import check_item
from vitreous.workflow.job_type import Result


def read_header(path: Path) -> Result:
    """Size, frames, type and acquisition settings of an image file.

    Raises:
        DataError: where the file can't be read or its format is not known.
    """
    from vitreous.formats.images import open_images

    check_item(path)
    with open_images(path) as images:
        header = images.header
    return {
        "input": str(path),
        "format": header.format,
        "n_frames": header.n_frames,
        "shape": list(header.shape),
        "dtype": str(header.dtype),
        "is_volume": header.is_volume,
        "tilt_angle": plain(header.tilt_angle),
        "acquisition": {name: plain(value) for name, value in header.acquisition if value is not None},
        "warnings": list(header.warnings),
        "metadata": plain(header.metadata),
    }
