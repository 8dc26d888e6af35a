"""Whether a movie is whole: its header reads, its size fits the header, and its last frame can be decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.core.errors import DataError
from vitreous.formats.base import ImageHeader
from vitreous.formats.image_faults import file_faults, image_fault
from vitreous.formats.image_formats import HEAD_BYTES
from vitreous.formats.images import image_formats, open_images

CUT = "cut short"
"""What the readers' warnings say of a file that ends too early."""


@dataclass(frozen=True)
class Whole:
    """A movie whose last frame reads."""

    header: ImageHeader


@dataclass(frozen=True)
class NotWhole:
    """A file that can't be taken as it is.

    Attributes:
        error: ``{code, message, hint, context}``.
        transient: waiting may mend it: it may still be written, or its permissions be changed.
        header: where the whole frames of a file cut short can be used.
    """

    error: Mapping[str, Any]
    transient: bool
    header: ImageHeader | None = None


def check_whole(path: Path) -> Whole | NotWhole:
    """Read a file's header and last frame; a fault is an answer, not an exception."""
    try:
        with file_faults(path), open(path, "rb") as handle:
            head = handle.read(HEAD_BYTES)
    except DataError as error:
        return NotWhole(error.to_dict(), transient=True)
    if not head:
        fault = image_fault(
            path,
            "is empty (0 bytes)",
            "The camera has not written it yet, or the copy failed: copy it again, or delete it",
        )
        return NotWhole(fault.to_dict(), transient=True)
    if image_formats().recognised(path, head) is None:
        fault = image_fault(path, "is of no known image format", "Add its name to the ignored names, or convert it")
        # A head that is not whole yet may become one of a known format.
        return NotWhole(fault.to_dict(), transient=len(head) < HEAD_BYTES)
    try:
        with open_images(path) as images:
            header = images.header
            images.frame(header.n_frames - 1)
    except DataError as error:
        return NotWhole(error.to_dict(), transient=True)
    cut = next((warning for warning in header.warnings if CUT in warning), None)
    if cut is None:
        return Whole(header)
    fault = image_fault(
        path,
        cut.removesuffix(" and are used"),
        "Copy the movie again from the microscope; or accept movies that are cut short (truncated = accept)",
    )
    return NotWhole(fault.to_dict(), transient=True, header=header)
