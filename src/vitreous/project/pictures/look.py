"""Images, sums and spectra of a source, made once and kept while there is room."""

from __future__ import annotations

from typing import Literal

import numpy as np

from vitreous.core.errors import UsageError
from vitreous.formats.base import ImageHeader
from vitreous.project.pictures.levels import Plane, Range, make_plane
from vitreous.project.pictures.shelf import Shelf
from vitreous.project.pictures.source import Source, read_rows, sum_rows
from vitreous.project.pictures.spectrum import LEAST, Spectrum, picture_of, power_of_parts

Frame = int | Literal["sum", "mean"]
"""Number of a frame from 0, or the sum or mean of all."""

Rectangle = tuple[int, int, int, int]
"""x, y of the lower left corner, width, height; px, row 0 at the bottom."""


def header_of(shelf: Shelf, source: Source) -> ImageHeader:
    """The header of the file."""

    def make() -> ImageHeader:
        with source.open() as file:
            return file.header

    return shelf.get(("header", source.path, source.stamp()), make, lambda _: 4000)


def parse_frame(text: str) -> Frame:
    """``"3"``, ``"sum"`` or ``"mean"``."""
    if text in ("sum", "mean"):
        return text  # type: ignore[return-value]
    if text.isdecimal() and len(text) < 9:
        return int(text)
    raise UsageError(f"{text!r} is no frame", hint="Give a number from 0, sum, or mean")


def plane_of(shelf: Shelf, source: Source, frame: Frame) -> Plane:
    """One frame (or the sum or mean of all) at all sizes.

    Raises:
        DataError: the file is damaged. UsageError: it has no such frame.
    """
    n_frames = header_of(shelf, source).n_frames
    chosen = 0 if n_frames == 1 and frame in ("sum", "mean") else frame

    def make() -> Plane:
        if isinstance(chosen, int):
            return make_plane(read_rows(source, chosen))
        with shelf.heavy:
            return make_plane(sum_rows(source, chosen == "mean"))

    return shelf.get(("plane", source.path, source.stamp(), chosen), make, lambda plane: plane.nbytes)


def inside(plane: Plane, rectangle: Rectangle | None) -> Rectangle:
    """The rectangle, cut to the image; all of it where none is given.

    Raises:
        UsageError: less than 32 px remain.
    """
    ny, nx = plane.shapes[0]
    if rectangle is None:
        return (0, 0, nx, ny)
    x, y, width, height = rectangle
    x0, y0, x1, y1 = max(0, x), max(0, y), min(nx, x + width), min(ny, y + height)
    if x1 - x0 < LEAST or y1 - y0 < LEAST:
        raise UsageError(
            f"the rectangle of {max(0, x1 - x0)} x {max(0, y1 - y0)} px inside the image is too small",
            hint=f"Choose at least {LEAST} x {LEAST} px",
        )
    return (x0, y0, x1 - x0, y1 - y0)


def power_of(
    shelf: Shelf, source: Source, frame: Frame, rectangle: Rectangle | None = None, size: int = 1024
) -> Spectrum:
    """Power spectrum of an image or of a rectangle of it."""
    plane = plane_of(shelf, source, frame)
    x, y, width, height = inside(plane, rectangle)

    def make() -> Spectrum:
        with shelf.heavy:

            def part(rows: slice, columns: slice) -> np.ndarray:
                there = slice(y + rows.start, y + rows.stop), slice(x + columns.start, x + columns.stop)
                return plane.part(0, *there)

            return power_of_parts((height, width), part, size)

    key = ("power", source.path, source.stamp(), frame, x, y, width, height, size)
    return shelf.get(key, make, lambda spectrum: spectrum.amplitude.nbytes)


def spectrum_of(
    shelf: Shelf,
    source: Source,
    frame: Frame,
    rectangle: Rectangle | None = None,
    size: int = 1024,
    *,
    flat: bool = True,
) -> tuple[np.ndarray, Range]:
    """The picture of a power spectrum, and its range."""
    return picture_of(power_of(shelf, source, frame, rectangle, size), flat)
