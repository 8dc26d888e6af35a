"""A picture of all class averages, the best first, each with its share of the particles and its resolution."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitreous.formats.class_model import ClassModel, ClassRecord

if TYPE_CHECKING:
    from PIL import Image

_TILE, _LINE, _GAP, _MARGIN = 128, 34, 8, 12
_PAPER, _INK, _FAINT, _KEPT, _EMPTY = 255, 20, 110, 0, 232
_SHOWN = (0.5, 99.8)
"""Percentiles of the pixels within the mask that become black and white."""


def write_montage(path: Path, averages: np.ndarray, model: ClassModel) -> None:
    """Write the picture as PNG, atomically.

    Args:
        path: the file.
        averages: float32 ``[K, box, box]``, in order of the classes' numbers; row 0 is drawn at the bottom.
        model: what is known of each class; those that are suggested have a frame and a mark.
    """
    from vitreous.formats.base import atomic_path

    picture = montage(averages, model)
    with atomic_path(path) as aside:
        picture.save(aside, format="PNG")


def montage(averages: np.ndarray, model: ClassModel) -> Image.Image:
    """All averages in order of rank, in a picture about as wide as high."""
    from PIL import Image, ImageDraw

    ranked = model.ranked()
    across = max(1, math.ceil(math.sqrt(1.25 * len(ranked))))
    down = math.ceil(len(ranked) / across)
    width = 2 * _MARGIN + across * (_TILE + _GAP) - _GAP
    height = 2 * _MARGIN + down * (_TILE + _LINE + _GAP) - _GAP
    sheet = Image.new("L", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = _font()
    for place, one in enumerate(ranked):
        left = _MARGIN + (place % across) * (_TILE + _GAP)
        top = _MARGIN + (place // across) * (_TILE + _LINE + _GAP)
        sheet.paste(tile(averages[one.number - 1]), (left, top))
        if one.suggested:
            pen.rectangle((left - 2, top - 2, left + _TILE + 1, top + _TILE + 1), outline=_KEPT, width=2)
        first, second = captions(one, model.n_used)
        pen.text((left, top + _TILE + 3), first, fill=_INK, font=font)
        pen.text((left, top + _TILE + 17), second, fill=_FAINT, font=font)
    return sheet


def _font() -> Any:
    """A font that has Å; that of Pillow has not."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 11)


def captions(one: ClassRecord, n_used: int) -> tuple[str, str]:
    """Two lines below an average: number, particles, share and a mark where it is suggested; resolution, quality."""
    share = f"{100.0 * one.particles / n_used:.1f} %" if n_used else "–"
    resolution = "–" if one.resolution is None else f"{one.resolution:.1f} Å"
    quality = "–" if one.quality is None else f"quality {one.quality:.2f}"
    mark = " ✓" if one.suggested else ""
    return f"{one.number}: {one.particles:,} ({share}){mark}", f"{resolution}  {quality}"


def tile(average: np.ndarray) -> Image.Image:
    """One average in grey values, turned so that y grows upwards."""
    from PIL import Image

    inside = average[average != 0.0]
    if inside.size == 0 or float(np.ptp(inside)) == 0.0:
        return Image.new("L", (_TILE, _TILE), _EMPTY)
    low, high = np.percentile(inside, _SHOWN)
    grey = np.clip((average - low) / max(float(high - low), 1e-12), 0.0, 1.0) * 255.0
    image = Image.fromarray(np.flipud(grey).astype(np.uint8))
    return image.resize((_TILE, _TILE), Image.Resampling.BICUBIC)
