"""Images for guests: seen, but without the detail that is worth something."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

WIDTH = 400
"""px of the width at which the blur is defined."""
SIGMA = 7.0
"""px at that width: standard deviation of the Gaussian."""


def blurred(image: np.ndarray) -> np.ndarray:
    """A small image of at most 400 px width, blurred by a Gaussian of 7 px at that width; float32.

    Args:
        image: the image, or a reduced one of at least that width where there is one.
    """
    ny, nx = image.shape
    width = min(WIDTH, nx)
    height = max(1, round(ny * width / nx))
    small = np.asarray(
        Image.fromarray(image.astype(np.float32, copy=False)).resize((width, height), Image.Resampling.BOX)
    )
    return np.asarray(ndimage.gaussian_filter(small, SIGMA * width / WIDTH, mode="nearest"), np.float32)


def enlarged(image: np.ndarray, shape: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    """A part ``(x0, y0, x1, y1)`` of a small image as one of ``shape``; float32."""
    picture = Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.BICUBIC, box=box)
    return np.asarray(picture)


def stamped(picture: np.ndarray) -> np.ndarray:
    """The 8-bit picture with the word "blurred" in its lower right corner."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    size = max(10, picture.shape[1] // 24)
    font = _font(size)
    left, top, right, bottom = pen.textbbox((0, 0), "blurred", font=font)
    x, y = picture.shape[1] - (right - left) - size // 2, picture.shape[0] - (bottom - top) - size // 2
    pen.rectangle((x - 4, y - 3, x + right - left + 4, y + bottom - top + 3), fill=0)
    pen.text((x - left, y - top), "blurred", fill=235, font=font)
    return np.asarray(image)


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
