"""Read EER movies: electron events summed to frames of a wanted dose and sampling."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.formats.base import ImageHeader
from vitreous.formats.eer_codec import decode_events
from vitreous.formats.eer_write import write_eer
from vitreous.formats.frame_reader import FrameReader
from vitreous.formats.image_faults import check_frame_bytes, file_faults, image_fault
from vitreous.formats.image_formats import EER_COMPRESSIONS, EerOptions
from vitreous.formats.tiff_pages import TiffPages, tiff_faults
from vitreous.model.acquisition import Acquisition

__all__ = ["EerFile", "open_eer", "write_eer"]

METADATA_TAG, RUN_TAG, X_TAG, Y_TAG = 65001, 65007, 65008, 65009
LEGACY_FOOTERS = (b"ThermoFisherECComprOK000", b"ThermoFisherECComprERR00")
DEFAULT_DOSE = 1.0
DEFAULT_FRAMES = 30
SPECIMEN_METRES = 1e-7


def open_eer(path: Path, options: EerOptions | None = None) -> EerFile:
    """Open an EER movie; frames are sums of raw frames as ``options`` say, row 0 at the bottom.

    Without options raw frames are summed to about 1 e/Å² where the dose is known, else by 30; the header's warnings
    say so. Raw frames that remain after the last whole sum are dropped, and the warnings say how many.

    Raises:
        DataError: the file is no EER file, is damaged, or is of the old kind that is no TIFF.
        UsageError: a dose per frame is asked for and the total dose is not known.
    """
    _refuse_legacy(path)
    pages = TiffPages(path)
    try:
        return EerFile(pages, options or EerOptions())
    except BaseException:
        pages.close()
        raise


def _refuse_legacy(path: Path) -> None:
    with file_faults(path), open(path, "rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - 24))
        footer = handle.read(24)
        handle.seek(0)
        start = handle.read(4)
    if start[:2] not in (b"II", b"MM") and footer[:19] == LEGACY_FOOTERS[0][:19]:
        raise image_fault(
            path,
            "is an EER file of the old kind (ThermoFisherECCompr footer, no TIFF), which is not read",
            "Convert it to a current EER file or to TIFF by the maker's software",
        )


class EerFile(FrameReader):
    """An open EER movie (the ``ImageFile`` protocol)."""

    decodes_by_threads = True

    def __init__(self, pages: TiffPages, options: EerOptions) -> None:
        """Read tags and metadata, and plan the sums."""
        path, first = pages.path, pages.first
        self._pages, self._options = pages, options
        with tiff_faults(path, "page 1"):
            if int(first.compression) not in EER_COMPRESSIONS:
                raise image_fault(path, f"has TIFF compression {int(first.compression)}, which is not EER's")
            self._camera = (int(first.imagelength), int(first.imagewidth))
            self._bits = _symbol_bits(path, first)
            metadata = _metadata(first.tags.valueof(METADATA_TAG))
        if options.upsampling > 2 ** min(self._bits[1:]):
            raise UsageError(
                f"{path} stores {2 ** self._bits[1]} x {2 ** self._bits[2]} positions per pixel, "
                f"and an upsampling of {options.upsampling} is asked for",
                hint=f"Ask for at most {2 ** min(self._bits[1:])}",
            )
        shape = (self._camera[0] * options.upsampling, self._camera[1] * options.upsampling)
        check_frame_bytes(path, shape, 2 * shape[0] * shape[1])
        fewest_bytes = self._camera[0] * self._camera[1] // 2 ** self._bits[0] * self._bits[0] // 8
        if fewest_bytes > sum(pages.extents(0)[1]) + 1:
            reason = f"states raw frames of {self._camera[1]} x {self._camera[0]} px, more than its events can fill"
            raise image_fault(path, reason)
        n_raw, warnings = self._raw_frames()
        pixel_size = _camera_pixel_size(metadata)
        total = options.total_dose or _total_dose(metadata, pixel_size)
        self._group, notes = _frames_per_sum(path, options, n_raw, total)
        n_frames = n_raw // self._group
        if n_raw % self._group:
            notes = (*notes, f"the last {n_raw % self._group} of {n_raw} raw frames make no whole sum and are dropped")
        self.header = ImageHeader(
            path=path,
            format="eer",
            n_frames=n_frames,
            shape=shape,
            # A pixel counts at most one event per raw frame.
            dtype=np.dtype("u1" if self._group <= 255 else "u2"),
            acquisition=Acquisition(
                pixel_size=None if pixel_size is None else pixel_size / options.upsampling,
                dose_per_frame=None if total is None else total * self._group / n_raw,
            ),
            warnings=(*warnings, *notes),
            metadata={**metadata, "raw_frames": n_raw, "frames_per_fraction": self._group, "symbol_bits": self._bits},
        )

    def _raw_frames(self) -> tuple[int, tuple[str, ...]]:
        """Raw frames whose data are within the file; a summed image that some files end with is left out."""
        pages = self._pages
        n = declared = len(pages.offsets)
        while n > 1:
            with tiff_faults(pages.path, f"page {n}"):
                page = pages.page(n - 1)
                code = int(page.compression)
                ends = [int(s) + int(c) for s, c in zip(page.dataoffsets, page.databytecounts, strict=False)]
            if code not in EER_COMPRESSIONS:
                declared -= 1
            elif ends and max(ends) <= pages.size:
                break
            n -= 1
        if n < declared or pages.is_cut:
            return n, (f"the file is cut short or damaged: {n} whole raw frames were found and are used",)
        return n, ()

    def _read(self, index: int) -> np.ndarray:
        path = self._pages.path
        shape, up = self.header.shape, self._options.upsampling
        frame = np.zeros(shape, self.header.dtype)
        for raw in range(index * self._group, (index + 1) * self._group):
            what = f"raw frame {raw}"
            with tiff_faults(path, what):
                starts, counts = self._pages.extents(raw)
                if sum(counts) > self._most_bytes():
                    raise image_fault(path, f"{what} has {sum(counts):,} bytes, more than its pixels can need")
                data = b"".join(self._pages.read(s, c) for s, c in zip(starts, counts, strict=True))
                if not decode_events(data, self._camera, self._bits, up, frame):
                    raise image_fault(path, f"{what} ends before its last pixel")
        return frame

    def _most_bytes(self) -> int:
        return (sum(self._bits) * self._camera[0] * self._camera[1]) // 8 + 1024

    def close(self) -> None:
        """Release the file."""
        self._pages.close()


def _symbol_bits(path: Path, page: Any) -> tuple[int, int, int]:
    """Bits of run, x and y position: fixed for compressions 65000 and 65001, stated by tags for 65002."""
    code = int(page.compression)
    if code != 65002:
        return (8 if code == 65000 else 7, 2, 2)
    bits = tuple(int(page.tags.valueof(tag, default)) for tag, default in ((RUN_TAG, 7), (X_TAG, 2), (Y_TAG, 2)))
    if not (2 <= bits[0] <= 16 and 0 <= bits[1] <= 4 and 0 <= bits[2] <= 4):
        raise image_fault(path, f"states symbols of {bits[0]} + {bits[1]} + {bits[2]} bits")
    return (bits[0], bits[1], bits[2])


def _metadata(text: object) -> dict[str, Any]:
    """The items of the acquisition metadata by name; numbers as float; nothing where it is no XML."""
    if not isinstance(text, (bytes, str)):
        return {}
    data = text.encode() if isinstance(text, str) else text
    try:
        # No entity of a document type is expanded: none may be declared.
        root = None if b"<!" in data else ElementTree.fromstring(data.rstrip(b"\0"))
    except ElementTree.ParseError:
        root = None
    found: dict[str, Any] = {}
    for item in () if root is None else root.iter("item"):
        name, value = item.get("name"), (item.text or "").strip()
        if name and value:
            try:
                found[name] = float(value)
            except ValueError:
                found[name] = value
    return found


def _number(metadata: dict[str, Any], name: str) -> float | None:
    value = metadata.get(name)
    return value if isinstance(value, float) and math.isfinite(value) and value > 0 else None


def _camera_pixel_size(metadata: dict[str, Any]) -> float | None:
    """Å at the specimen; ``None`` where the metadata give the sensor's own pixel (some µm) or nothing."""
    metres = _number(metadata, "sensorPixelSize.width")
    return metres * 1e10 if metres is not None and 1e-12 < metres < SPECIMEN_METRES / 2 else None


def _total_dose(metadata: dict[str, Any], pixel_size: float | None) -> float | None:
    """e/Å² of the exposure from e/pixel."""
    per_pixel = _number(metadata, "totalDose")
    return None if per_pixel is None or pixel_size is None else per_pixel / pixel_size**2


def _frames_per_sum(path: Path, options: EerOptions, n_raw: int, total: float | None) -> tuple[int, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if options.frames_per_fraction is not None:
        group = options.frames_per_fraction
    elif options.dose_per_fraction is not None:
        if total is None:
            raise UsageError(
                f"{path}: {options.dose_per_fraction:g} e/Å² per frame is asked for, and the total dose is not known",
                hint="Give the total dose in e/Å², or the number of raw frames per frame",
            )
        group = max(1, round(options.dose_per_fraction * n_raw / total))
    elif total is not None and total / n_raw < DEFAULT_DOSE:
        group = round(DEFAULT_DOSE * n_raw / total)
        notes = (f"no grouping is given: {group} raw frames are summed to about {DEFAULT_DOSE:g} e/Å²",)
    else:
        group = min(DEFAULT_FRAMES, n_raw)
        notes = (f"no grouping is given and the dose is not known: {group} raw frames are summed to one",)
    if group > min(n_raw, 65535):
        raise UsageError(
            f"{path} has {n_raw} raw frames, and {group} are to be summed to one frame",
            hint="Ask for fewer raw frames, or less dose, per frame",
        )
    return group, notes
