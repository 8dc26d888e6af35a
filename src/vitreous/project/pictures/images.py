"""What a viewer asks of an image: facts, tiles, whole pictures, values, spectra, galleries, radial averages."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from vitreous.core.errors import UsageError
from vitreous.project.pictures.blur import blurred, enlarged, stamped
from vitreous.project.pictures.levels import TILE, Plane, Range, grey, histogram, make_plane, range_of, tile
from vitreous.project.pictures.look import Frame, Rectangle, header_of, inside, plane_of, power_of, spectrum_of
from vitreous.project.pictures.shelf import Shelf
from vitreous.project.pictures.source import Source, check_frame, pixel_size_of, read_rows
from vitreous.project.pictures.spectrum import radial_average

Encoding = Literal["raw", "png", "jpeg"]
"""``raw``: one byte per pixel, the quickest on one machine: noise packs by 3 % only. ``jpeg``: 60 % of that."""

TYPES: dict[Encoding, str] = {"raw": "application/octet-stream", "png": "image/png", "jpeg": "image/jpeg"}

GALLERY_MOST = 200
"""Frames of one page of a gallery."""


@dataclass(frozen=True)
class Raster:
    """A picture in 8 bits, its first row the highest y, and what its bytes mean.

    Attributes:
        pixels: uint8 ``[y, x]``.
        shown: what 0 and 255 stand for (``low``, ``high``), what looks well (``dark``, ``bright``).
        facts: more about it, JSON-able.
    """

    pixels: np.ndarray
    shown: Range
    facts: dict[str, Any]

    def encoded(self, encoding: Encoding) -> bytes:
        """Its bytes."""
        pixels = np.ascontiguousarray(self.pixels)
        if encoding == "raw":
            return pixels.tobytes()
        buffer = io.BytesIO()
        options: dict[str, Any] = {"compress_level": 1} if encoding == "png" else {"quality": 92}
        Image.fromarray(pixels).save(buffer, format=encoding, **options)
        return buffer.getvalue()

    def described(self) -> dict[str, Any]:
        """Size, range and facts."""
        height, width = self.pixels.shape
        return {"width": width, "height": height, **asdict(self.shown), **self.facts}


def default_frame(shelf: Shelf, source: Source) -> int:
    """The frame that is shown first: the middle section of a map, else the first."""
    header = header_of(shelf, source)
    return header.n_frames // 2 if header.is_volume else 0


def facts(shelf: Shelf, source: Source, frame: Frame) -> dict[str, Any]:
    """What is known of the file and of one frame; JSON-able. Values are left out where the image is blurred."""
    header, plane = header_of(shelf, source), plane_of(shelf, source, frame)
    optics, ctf = source.optics, source.optics.ctf
    known = header.acquisition
    told: dict[str, Any] = {"statistics": None, "histogram": None}
    if not source.blurred:
        counts, low, high = histogram(plane)
        names = ("minimum", "maximum", "mean", "stddev")
        told["statistics"] = {name: getattr(plane, name) for name in names}
        told["histogram"] = {"counts": counts, "low": low, "high": high}
    return {
        "name": source.name,
        "file": source.path.name,
        "format": header.format,
        "type": str(header.dtype),
        "width": plane.shapes[0][1],
        "height": plane.shapes[0][0],
        "n_frames": header.n_frames,
        "is_volume": header.is_volume,
        "frame": str(frame),
        "tile": TILE,
        "levels": [[nx, ny] for ny, nx in plane.shapes],
        "ranges": [asdict(_hidden(shelf, source, frame)[1] if source.blurred else one) for one in plane.ranges],
        "stamp": source.stamp(),
        "blurred": source.blurred,
        "gain": gain_note(source, plane),
        "warnings": list(header.warnings),
        "pixel_size": pixel_size_of(source, header),
        "voltage": optics.voltage or known.voltage,
        "spherical_aberration": _first(optics.spherical_aberration, known.spherical_aberration),
        "amplitude_contrast": _first(optics.amplitude_contrast, known.amplitude_contrast),
        "ctf": None if ctf is None else asdict(ctf),
        "fit_resolution": optics.fit_resolution,
        **told,
    }


def gain_note(source: Source, plane: Plane) -> str | None:
    """Whether the camera's gain reference was applied; ``None`` where there is none."""
    if source.gain is None:
        return None
    return "applied" if plane.full.corrected else "not applied"


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _hidden(shelf: Shelf, source: Source, frame: Frame) -> tuple[np.ndarray, Range]:
    """The blurred image of at most 400 px, and its range."""
    plane = plane_of(shelf, source, frame)

    def make() -> tuple[np.ndarray, Range]:
        ny, nx = plane.shapes[plane.level_for(800)]
        image = blurred(plane.part(plane.level_for(800), slice(0, ny), slice(0, nx)))
        return image, range_of(image.ravel())

    key = ("blurred", source.path, source.stamp(), frame)
    return shelf.get(key, make, lambda made: made[0].nbytes)


def image_tile(
    shelf: Shelf, source: Source, frame: Frame, level: int, x: int, y: int, limits: tuple[float, float] | None
) -> Raster:
    """A tile of 512 px at a level, counted from the lower left corner.

    Raises:
        UsageError: there is no such tile.
    """
    plane = plane_of(shelf, source, frame)
    check_tile(plane, level, x, y)
    if not source.blurred:
        chosen = plane.ranges[level]
        shown = Range(*limits, chosen.dark, chosen.bright) if limits else chosen
        return Raster(tile(plane, level, x, y, limits), shown, {"level": level})
    image, shown = _hidden(shelf, source, frame)
    ny, nx = plane.shapes[level]
    height, width = min(TILE, ny - y * TILE), min(TILE, nx - x * TILE)
    sy, sx = image.shape[0] / ny, image.shape[1] / nx
    box = x * TILE * sx, y * TILE * sy, (x * TILE + width) * sx, (y * TILE + height) * sy
    drawn = grey(enlarged(image, (height, width), box), shown.low, shown.high)[::-1]
    return Raster(stamped(drawn) if min(height, width) > 60 else drawn, shown, {"level": level})


def check_tile(plane: Plane, level: int, x: int, y: int) -> None:
    """Refuse a tile that the image does not have."""
    if 0 <= level < len(plane.shapes):
        ny, nx = plane.shapes[level]
        if 0 <= x * TILE < nx and 0 <= y * TILE < ny:
            return
    raise UsageError(f"there is no tile {x}, {y} at level {level}", hint="See the levels of the image", missing=True)


def whole_picture(shelf: Shelf, source: Source, frame: Frame, size: int) -> Raster:
    """The whole image at the first level with no side above ``size`` px, and all that is needed to draw it."""
    header, plane = header_of(shelf, source), plane_of(shelf, source, frame)
    level = plane.level_at_most(size)
    ny, nx = plane.shapes[level]
    more = {
        "level": level,
        "full_width": plane.shapes[0][1],
        "full_height": plane.shapes[0][0],
        "pixel_size": pixel_size_of(source, header),
        "n_frames": header.n_frames,
        "frame": str(frame),
        "stamp": source.stamp(),
        "blurred": source.blurred,
        "gain": gain_note(source, plane),
    }
    if source.blurred:
        image, shown = _hidden(shelf, source, frame)
        drawn = grey(enlarged(image, (ny, nx), (0, 0, image.shape[1], image.shape[0])), shown.low, shown.high)[::-1]
        return Raster(stamped(drawn), shown, more)
    shown = plane.ranges[level]
    return Raster(grey(plane.part(level, slice(0, ny), slice(0, nx)), shown.low, shown.high)[::-1], shown, more)


def refuse_guests(source: Source, what: str) -> None:
    """Numbers of an image that is shown blurred are not told.

    Raises:
        UsageError: it is shown blurred.
    """
    if source.blurred:
        raise UsageError(
            f"{what} not told to guests, who see images blurred", hint="Ask an owner of the project for more rights"
        )


def values(shelf: Shelf, source: Source, frame: Frame, x: int, y: int, radius: int) -> dict[str, Any]:
    """Values of a pixel and its neighbours; ``values`` ``[y][x]``, row 0 the lowest y."""
    refuse_guests(source, "Values are")
    plane = plane_of(shelf, source, frame)
    ny, nx = plane.shapes[0]
    if not (0 <= x < nx and 0 <= y < ny):
        raise UsageError(f"there is no pixel {x}, {y}", hint=f"The image has {nx} x {ny} px", missing=True)
    x0, y0 = max(0, x - radius), max(0, y - radius)
    part = plane.part(0, slice(y0, y + radius + 1), slice(x0, x + radius + 1))
    return {"x": x0, "y": y0, "values": [[float(value) for value in row] for row in part]}


def spectrum_picture(
    shelf: Shelf, source: Source, frame: Frame, rectangle: Rectangle | None, size: int, flat: bool
) -> Raster:
    """The power spectrum of the image or of a rectangle, zero frequency in the middle of an even number of pixels."""
    if rectangle is not None:
        refuse_guests(source, "Spectra of parts are")
    image, shown = spectrum_of(shelf, source, frame, rectangle, size, flat=flat)
    side = power_of(shelf, source, frame, rectangle, size).side
    more = {
        "side": side,
        "pixel_size": pixel_size_of(source, header_of(shelf, source)),
        "rectangle": list(inside(plane_of(shelf, source, frame), rectangle)),
    }
    return Raster(grey(image, shown.low, shown.high)[::-1], shown, more)


def radial(shelf: Shelf, source: Source, frame: Frame, rectangle: Rectangle | None) -> dict[str, Any]:
    """Radial average: ``frequency`` in 1/Å (1/px where the pixel size is not known) and the ``power`` there."""
    if rectangle is not None:
        refuse_guests(source, "Spectra of parts are")
    found = power_of(shelf, source, frame, rectangle, 1024)
    pixel_size = pixel_size_of(source, header_of(shelf, source))
    power = radial_average(found)
    frequency = np.arange(len(power)) / (found.size * (pixel_size or 1.0))
    return {
        "pixel_size": pixel_size,
        "frequency": [round(float(s), 6) for s in frequency],
        "power": [float(f"{p:.5g}") for p in power],
    }


def profile(shelf: Shelf, source: Source, frame: Frame, ends: tuple[float, float, float, float]) -> dict[str, Any]:
    """Values along a line from (x0, y0) to (x1, y1), every pixel: ``distance`` in px, ``value``."""
    refuse_guests(source, "Values are")
    plane = plane_of(shelf, source, frame)
    ny, nx = plane.shapes[0]
    x0, y0, x1, y1 = ends
    n = int(min(20_000, max(2, np.hypot(x1 - x0, y1 - y0) + 1)))
    x = np.clip(np.rint(np.linspace(x0, x1, n)), 0, nx - 1).astype(int)
    y = np.clip(np.rint(np.linspace(y0, y1, n)), 0, ny - 1).astype(int)
    low = int(y.min())
    found = plane.part(0, slice(low, int(y.max()) + 1), slice(0, nx))[y - low, x]
    distance = np.linspace(0.0, float(np.hypot(x1 - x0, y1 - y0)), n)
    return {"distance": [round(float(d), 2) for d in distance], "value": [float(v) for v in found]}


def gallery(shelf: Shelf, source: Source, start: int, count: int, columns: int, cell: int) -> Raster:
    """Some frames side by side, the first at the upper left, each fitted into a square of ``cell`` px."""
    n = header_of(shelf, source).n_frames
    frames = range(check_frame(header_of(shelf, source), start), min(n, start + min(count, GALLERY_MOST)))
    rows = -(-len(frames) // columns)
    sheet = np.zeros((rows * cell, columns * cell), np.uint8)
    for place, frame in enumerate(frames):
        picture = shelf.get(
            ("cell", source.path, source.stamp(), frame, cell, source.blurred),
            lambda frame=frame: _cell(source, frame, cell - 4),  # type: ignore[misc]
            lambda made: made.nbytes,
        )
        height, width = picture.shape
        top = place // columns * cell + (cell - height) // 2
        left = place % columns * cell + (cell - width) // 2
        sheet[top : top + height, left : left + width] = picture
    more = {"columns": columns, "rows": rows, "cell": cell, "start": start, "count": len(frames), "n_frames": n}
    return Raster(sheet, Range(0.0, 255.0, 0.0, 255.0), more)


def _cell(source: Source, frame: int, size: int) -> np.ndarray:
    from vitreous.project.pictures.thumbnails import reduced_to

    image, shown = reduced_to(make_plane(read_rows(source, frame)), size, source.blurred)
    if max(image.shape) < size:
        factor = size / max(image.shape)
        shape = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        image = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BICUBIC))
    drawn = grey(image, shown.dark, shown.bright)[::-1]
    return stamped(drawn) if source.blurred else drawn
