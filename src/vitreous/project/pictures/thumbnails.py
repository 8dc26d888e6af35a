"""Small pictures of views: what jobs drew, or drawn on demand and kept in the project's folder ``thumbnails``."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from vitreous.core.errors import UsageError
from vitreous.formats.base import atomic_path
from vitreous.formats.image_faults import file_faults
from vitreous.project.pictures.blur import blurred, stamped
from vitreous.project.pictures.levels import Plane, Range, grey, range_of
from vitreous.project.pictures.look import plane_of, spectrum_of
from vitreous.project.pictures.shelf import Shelf
from vitreous.project.pictures.source import Source
from vitreous.project.pictures.views import Facts, View, source_of

FOLDER = "thumbnails"
"""Folder of kept pictures in a project; it may be deleted at any time."""
KEPT_BYTES = 1_000_000_000
"""Bytes of pictures that are kept; the ones that were made first go first."""
LOOK_EVERY = 200
"""Pictures after which the folder's size is looked at."""
SIZES = (200, 400, 800, 1600)
"""px of the longer side of pictures; what is asked for is made a bit larger, so that few sizes are kept."""
VERSION = "1"
"""Changes when pictures are drawn in another way."""


def thumbnail(
    folder: Path, facts: Facts, view: View, size: int, shelf: Shelf, *, blur: bool = False, keep: bool = True
) -> bytes:
    """A picture of a view as PNG, row 0 at the bottom.

    Args:
        folder: of the project. facts: of the item. view: of the item.
        size: px of the longer side, at least; an image is not enlarged.
        shelf: what is kept in memory.
        blur: for guests. keep: write it to the project's folder.

    Raises:
        UsageError: the view is a drawing, or is not there. DataError: its file is damaged.
    """
    if view.kind == "drawing" and view.name != "thon_plot":
        raise UsageError(f"{view.title} is drawn of numbers", hint=f"Ask for {view.name} as JSON", missing=True)
    source = source_of(folder, facts, view)
    wanted = next((known for known in SIZES if known >= size), SIZES[-1])
    hidden = blur and view.kind == "image"
    place = kept_at(folder, view, wanted, hidden)
    key = (VERSION, str(place))
    return shelf.get(key, lambda: _read_or_make(source, view, wanted, hidden, shelf, place, keep), len)


def kept_at(folder: Path, view: View, size: int, hidden: bool) -> Path:
    """Where a picture is kept."""
    text = f"{VERSION} {view.identity} {view.name} {view.file} {size} {hidden}"
    name = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return folder / FOLDER / name[:2] / f"{name}.png"


def _read_or_make(source: Source, view: View, size: int, hidden: bool, shelf: Shelf, place: Path, keep: bool) -> bytes:
    with contextlib.suppress(OSError):
        return place.read_bytes()
    if view.name == "thon_plot":
        with file_faults(source.path):
            return source.path.read_bytes()
    content = png_of(_draw(source, view, size, hidden, shelf))
    if keep:
        with contextlib.suppress(OSError):  # a folder that can't be written to only costs time
            with atomic_path(place) as aside:
                aside.write_bytes(content)
            _make_room(place.parent.parent)
    return content


def _draw(source: Source, view: View, size: int, hidden: bool, shelf: Shelf) -> np.ndarray:
    if view.name.startswith("fft_"):
        image, chosen = spectrum_of(shelf, source, "sum", size=min(size, 800))
        return grey(image, chosen.dark, chosen.bright)[::-1]
    plane = plane_of(shelf, source, "sum")
    if view.name == "particles":
        image = background_taken_off(plane, size)
        chosen = range_of(image.ravel())
        image = blurred(image) if hidden else image
    else:
        image, chosen = reduced_to(plane, size, hidden)
    if view.name == "thon":
        chosen = Range(-2.2, 3.0, -2.2, 3.0)  # in standard deviations of each ring
    drawn = grey(image, chosen.dark, chosen.bright)[::-1]
    return stamped(drawn) if hidden else drawn


def reduced_to(plane: Plane, size: int, hidden: bool = False) -> tuple[np.ndarray, Range]:
    """A whole image with a longer side of at most ``size`` px, and the range that looks well."""
    level = plane.level_for(size)
    ny, nx = plane.shapes[level]
    image = plane.part(level, slice(0, ny), slice(0, nx))
    if max(ny, nx) > size:
        shape = max(1, round(nx * size / max(ny, nx))), max(1, round(ny * size / max(ny, nx)))
        image = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BOX))
    chosen = range_of(image.ravel()[:: max(1, image.size // 60_000)])
    return (blurred(image), chosen) if hidden else (image, chosen)


def background_taken_off(plane: Plane, size: int) -> np.ndarray:
    """A reduced image less its slow changes, and smoothed a little: particles stand out."""
    from scipy import ndimage

    image, _ = reduced_to(plane, size)
    slow = ndimage.gaussian_filter(image, max(image.shape) / 24, mode="nearest")
    return np.asarray(ndimage.gaussian_filter(image - slow, max(0.6, max(image.shape) / 500)), np.float32)


def png_of(picture: np.ndarray) -> bytes:
    """8-bit grey as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _make_room(folder: Path) -> None:
    """Delete the oldest pictures where there are too many; looked at now and then, by chance."""
    if os.urandom(1)[0] * LOOK_EVERY >= 256:
        return
    found = []
    for path in folder.glob("*/*.png"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= KEPT_BYTES:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
