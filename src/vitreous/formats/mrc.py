"""Read MRC and MRCS files frame by frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.formats.base import ImageHeader
from vitreous.formats.frame_reader import FrameReader, OpenFile
from vitreous.formats.image_faults import file_faults, image_fault
from vitreous.formats.mrc_extended import Recorded, extended_bytes_wanted, read_extended
from vitreous.formats.mrc_header import (
    HEADER_BYTES,
    MrcLayout,
    bytes_are_unsigned,
    labels_of,
    pixel_size_of,
    read_layout,
    read_record,
)
from vitreous.formats.mrc_write import MrcStackWriter, write_mrc
from vitreous.model.acquisition import Acquisition

__all__ = ["MrcFile", "MrcStackWriter", "mrc_image_header", "open_mrc", "write_mrc"]

STACK_SUFFIXES = (".mrcs", ".st", ".ali", ".preali")


def open_mrc(path: Path) -> MrcFile:
    """Open an MRC file: modes 0, 1, 2, 6, 12, 101 and 4-bit pixels packed in bytes, in either byte order.

    Whole frames of a file cut short are given, with a warning in the header.

    Raises:
        DataError: the file is no MRC file, states absurd sizes, or holds not one whole frame.
    """
    with file_faults(path):
        source = OpenFile(path)
    try:
        with file_faults(path):
            return MrcFile(source)
    except BaseException:
        source.close()
        raise


class MrcFile(FrameReader):
    """An open MRC file (the ``ImageFile`` protocol)."""

    def __init__(self, source: OpenFile) -> None:
        """Read the header of an open file."""
        path = source.path
        self._source = source
        record, order = read_record(path, source.read(0, HEADER_BYTES))
        layout = read_layout(path, record, order)
        n_frames, warnings = _whole_frames(path, layout, source.size)
        self._layout = layout
        if layout.byte_signs_unknown and bytes_are_unsigned(record, self._read(0)):
            self._layout = replace(layout, stored=np.dtype("u1"))
        recorded = read_extended(record, order, source.read(HEADER_BYTES, extended_bytes_wanted(record)))
        header = mrc_image_header(path, record, self._layout, recorded)
        self.header = replace(header, n_frames=n_frames, warnings=warnings + header.warnings)
        self.decodes_by_threads = layout.packed

    def _read(self, index: int) -> np.ndarray:
        layout = self._layout
        stored = np.empty(layout.stored_shape, layout.stored)
        with file_faults(self._source.path):
            self._source.read_into(layout.offset + index * layout.frame_bytes, stored)
        return layout.decode(stored)

    def close(self) -> None:
        """Release the file."""
        self._source.close()


def _whole_frames(path: Path, layout: MrcLayout, size: int) -> tuple[int, tuple[str, ...]]:
    if layout.offset > size:
        raise image_fault(path, f"ends at byte {size}, before its pixels begin at byte {layout.offset}")
    held = size - layout.offset
    whole = min(layout.n_sections, held // layout.frame_bytes)
    if whole == 0:
        raise image_fault(path, f"holds {held:,} bytes of pixels, and one frame takes {layout.frame_bytes:,}")
    if whole < layout.n_sections:
        return whole, (f"the file is cut short: {whole} of the {layout.n_sections} frames are whole and are used",)
    if held > whole * layout.frame_bytes:
        return whole, (f"{held - whole * layout.frame_bytes:,} bytes after the last frame are not used",)
    return whole, ()


def mrc_image_header(path: Path, record: np.void, layout: MrcLayout, recorded: Recorded) -> ImageHeader:
    """Join main and extended header; ``n_frames`` is what the header declares."""
    pixel_size, warnings = pixel_size_of(record, layout)
    if recorded.pixel_size is not None:
        if pixel_size is None or abs(pixel_size - recorded.pixel_size) < 0.001 * recorded.pixel_size:
            pixel_size, warnings = recorded.pixel_size, ()  # the same in double precision
        else:
            # Whoever wrote the main header later knew better: calibrations are corrected there.
            text = (
                f"pixel size is {pixel_size:.5g} Å in the header and {recorded.pixel_size:.5g} Å in the extended header"
            )
            warnings = (*warnings, f"{text}: the former is used")
    axes = tuple(int(record[name]) for name in ("mapc", "mapr", "maps"))
    if axes not in ((1, 2, 3), (0, 0, 0)):
        warnings = (*warnings, f"the axes are stored in the order {axes}, and are given as they are stored")
    n = layout.n_sections
    metadata: dict[str, Any] = {
        "mode": int(record["mode"]),
        "packed": layout.packed,
        "space_group": int(record["ispg"]),
        "extended_header": bytes(record["exttyp"]).decode("latin-1").strip("\0 ") or None,
        "labels": labels_of(record),
        **recorded.metadata,
    }
    if recorded.exposure is not None:
        metadata["exposure"] = recorded.exposure
    if recorded.tilt_angles:
        metadata["tilt_angles"] = recorded.tilt_angles
    angles = recorded.tilt_angles
    return ImageHeader(
        path=path,
        format="mrc",
        n_frames=n,
        shape=layout.shape,
        dtype=np.dtype("u1") if layout.packed else layout.stored.newbyteorder("="),
        acquisition=Acquisition(
            pixel_size=pixel_size,
            voltage=recorded.voltage,
            # Of a stack it isn't sure whether the exposure is a frame's or the sum's.
            dose_per_frame=recorded.exposure if n == 1 else None,
        ),
        is_volume=n > 1 and int(record["ispg"]) > 0 and path.suffix.lower() not in STACK_SUFFIXES,
        tilt_angle=angles[0] if angles and max(angles) - min(angles) < 0.02 else None,
        warnings=warnings,
        metadata=metadata,
    )
