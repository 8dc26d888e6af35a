"""Pictures of class averages, and of single particles of a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vitreous.core.errors import DataError, UsageError
from vitreous.formats.image_faults import file_faults
from vitreous.formats.images import open_images
from vitreous.project.classes.place import ClassesAt
from vitreous.project.pictures.blur import blurred, stamped
from vitreous.project.pictures.levels import grey
from vitreous.project.pictures.thumbnails import png_of

SHOWN = (0.5, 99.8)
"""Percentiles of the pixels within the mask that become black and white."""
HALF_AT = math.sqrt(math.log(2.0) / 2.0) / math.pi
"""Standard deviation of a Gaussian over the resolution at which it halves amplitudes: exp(-2 π² σ² s²) = 1/2."""
NOTHING = 40
"""Grey of a particle whose image is not there."""


def average_png(found: ClassesAt, number: int, size: int, *, blur: bool = False) -> bytes:
    """The average of a class as PNG of ``size`` px, row 0 at the bottom, its grey levels its own.

    Args:
        found: the classes. number: of the class, from 1. size: px of a side; small averages are enlarged smoothly.
        blur: for guests.

    Raises:
        UsageError: there is no such class (``missing``). DataError: the stack is damaged.
    """
    if found.model.numbered(number) is None:
        raise UsageError(
            f"J{found.job} has the classes 1 to {len(found.model.classes)}, and {number} is asked for",
            hint="Choose one of these",
            missing=True,
        )
    with file_faults(found.averages), open_images(found.averages) as file:
        image = np.asarray(file.frame(number - 1), np.float32)
    radius = 0.5 * (found.model.mask_diameter or found.model.box * found.model.pixel_size) / found.model.pixel_size
    drawn = _drawn(blurred(image) if blur else image, size, radius * (image.shape[0] / found.model.box))
    return png_of(stamped(drawn) if blur else drawn)


def _drawn(image: np.ndarray, size: int, radius: float) -> np.ndarray:
    """8 bits of ``size`` px, top row first; the range is that of the pixels within ``radius`` px of the centre."""
    image = np.where(np.isfinite(image), image, 0.0).astype(np.float32)
    ny, nx = image.shape
    y, x = np.ogrid[:ny, :nx]
    inside = image[(y - ny // 2) ** 2 + (x - nx // 2) ** 2 <= min(radius, min(ny, nx) / 2) ** 2]
    low, high = (float(value) for value in np.percentile(inside if inside.size else image, SHOWN))
    if not high > low:  # a class without particles
        return np.full((size, size), NOTHING, np.uint8)
    large = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))
    return grey(large, low, high)[::-1]


@dataclass(frozen=True)
class ParticleImage:
    """Where the image of a particle lies, and how it is turned onto its class.

    Attributes:
        path: of the stack; ``None`` where it may not be read.
        index: in the stack, from 0.
        pixel_size: Å.
        psi: degrees. origin: (x, y) in Å, moves the particle to the centre.
    """

    path: Path | None
    index: int
    pixel_size: float
    psi: float = 0.0
    origin: tuple[float, float] = (0.0, 0.0)


def montage_png(
    images: Sequence[ParticleImage], columns: int, cell: int, resolution: float, *, aligned: bool, blur: bool = False
) -> bytes:
    """Particles side by side as PNG, smoothed to a resolution so that they are seen at all.

    Args:
        images: row by row from the top left.
        columns: in a row. cell: px of a side of each.
        resolution: Å at which the smoothing halves amplitudes; 0 is none.
        aligned: turned and moved onto the class average.
        blur: for guests.
    """
    rows = math.ceil(len(images) / columns)
    out = np.full((rows * cell, columns * cell), NOTHING, np.uint8)
    for place, image in enumerate(images):
        drawn = _particle(image, cell, resolution, aligned, blur)
        y, x = divmod(place, columns)
        if drawn is not None:
            out[y * cell : (y + 1) * cell, x * cell : (x + 1) * cell] = drawn
    return png_of(stamped(out) if blur else out)


def _particle(image: ParticleImage, cell: int, resolution: float, aligned: bool, blur: bool) -> np.ndarray | None:
    from scipy import ndimage

    if image.path is None:
        return None
    try:
        with file_faults(image.path), open_images(image.path) as file:
            pixels = np.asarray(file.frame(image.index), np.float32)
    except (DataError, UsageError):  # one that was deleted leaves a gap, and the others are still shown
        return None
    if resolution > 0:
        pixels = ndimage.gaussian_filter(pixels, HALF_AT * resolution / image.pixel_size)
    if aligned:
        pixels = _aligned(pixels, image)
    return _drawn(blurred(pixels) if blur else pixels, cell, pixels.shape[0] / 2)


def _aligned(pixels: np.ndarray, image: ParticleImage) -> np.ndarray:
    """The particle moved by its origin, then turned: ``x_class = Rz(psi) (x_image + origin)``."""
    from scipy import ndimage

    angle = math.radians(image.psi)
    c, s = math.cos(angle), math.sin(angle)
    # From the class's frame back to the image, in array order (y, x).
    back = np.array([[c, -s], [s, c]])
    centre = np.array([pixels.shape[0] // 2, pixels.shape[1] // 2], float)
    moved = np.array([image.origin[1], image.origin[0]]) / image.pixel_size
    offset = centre - moved - back @ centre
    return np.asarray(ndimage.affine_transform(pixels, back, offset, order=1, mode="mirror"), np.float32)
