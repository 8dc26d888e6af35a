"""A small picture of a micrograph with its picks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vitreous.algorithms.picking.pick import Picking
from vitreous.algorithms.picking.reduction import Reduced
from vitreous.formats.base import atomic_path

_SIDE = 768
_KEPT = (64, 220, 120)
_AVOIDED = np.array([216, 96, 64], dtype=np.float32)
_TINT = 0.35


def draw_picks(path: Path, reduced: Reduced, found: Picking, kept: np.ndarray, radius: float) -> None:
    """Write a PNG of at most 768 px: the micrograph with y up, a circle about each pick, avoided areas tinted.

    Args:
        path: of the PNG.
        reduced: the micrograph.
        found: its candidates.
        kept: bool ``[n]``, which of them are picks.
        radius: of the circles, px of the micrograph.
    """
    image = reduced.image.cpu().numpy()
    my, mx = image.shape
    factor = max(1, -(-max(my, mx) // _SIDE))
    ny, nx = my // factor, mx // factor
    small = image[: ny * factor, : nx * factor].reshape(ny, factor, nx, factor).mean((1, 3))
    low, high = np.percentile(small, (0.5, 99.5))
    grey = (255.0 * (small - low) / max(high - low, 1e-12)).clip(0.0, 255.0)
    colour = np.repeat(grey[..., None], 3, axis=2)
    avoided = found.avoided.cpu().numpy()
    rows = np.arange(ny) * avoided.shape[0] // ny
    columns = np.arange(nx) * avoided.shape[1] // nx
    tinted = avoided[rows][:, columns]
    colour[tinted] = (1.0 - _TINT) * colour[tinted] + _TINT * _AVOIDED
    larger = max(1, _SIDE // max(ny, nx))
    picture = Image.fromarray(colour[::-1].astype(np.uint8)).resize((nx * larger, ny * larger))
    pen = ImageDraw.Draw(picture)
    scale = larger / (factor * reduced.binning)
    size = radius * scale
    for x, y in zip(found.candidates["coordinate_x"][kept], found.candidates["coordinate_y"][kept], strict=True):
        across, down = (x + 0.5) * scale, ny * larger - (y + 0.5) * scale
        pen.ellipse((across - size, down - size, across + size, down + size), outline=_KEPT, width=2)
    with atomic_path(path) as aside:
        picture.quantize(64).save(aside, optimize=False)
