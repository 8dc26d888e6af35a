"""A camera's bad columns, rows and rectangles as a file lists them, drawn into a map."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vitreous.core.errors import DataError
from vitreous.formats.image_faults import image_fault

RATIOS = (Fraction(1), Fraction(2), Fraction(4), Fraction(1, 2), Fraction(1, 4))
"""Sampling of frames relative to the camera's that occur: counting, super-resolution, EER upsampled, binned."""
MAX_COVERAGE = 50
"""A list whose rectangles together cover the frame more often than this names the same pixels over and over."""


class Rectangle(NamedTuple):
    """Pixels from column ``x0`` to ``x1`` and row ``y0`` to ``y1``, both inclusive, counted from 0."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class DefectList:
    """Defects as listed, in pixels of the camera.

    Attributes:
        path: the file, for errors.
        columns: first and last of each band of bad columns, inclusive.
        rows: first and last of each band of bad rows, inclusive.
        rectangles: bad rectangles; a bad pixel is one of 1 x 1.
        camera_size: ``(x, y)`` px; ``None`` is the frames' own.
        usable: the rectangle outside which all is bad; ``None`` is the whole camera.
        is_scaled: coordinates are of super-resolution although ``camera_size`` is not.
        is_top_first: rows are counted from the top (y is turned into MRC orientation), else from the bottom.
        rotation_and_flip: SerialEM's code of the orientation in which the frames were saved; ``None`` is not stated.
    """

    path: Path
    columns: tuple[tuple[int, int], ...] = ()
    rows: tuple[tuple[int, int], ...] = ()
    rectangles: tuple[Rectangle, ...] = ()
    camera_size: tuple[int, int] | None = None
    usable: Rectangle | None = None
    is_scaled: bool = False
    is_top_first: bool = True
    rotation_and_flip: int | None = None

    def to_map(self, frame_shape: tuple[int, int]) -> np.ndarray:
        """Draw the defects: boolean ``[ny, nx]`` in MRC orientation, true where a pixel is bad.

        A camera size that is the frames' with x and y exchanged is accepted where all coordinates fit the frames.

        Raises:
            DataError: the camera's size is not the frames', or a defect lies outside.
        """
        ny, nx = frame_shape
        ratio = self._ratio(nx, ny)
        last_x, last_y = _last(nx, ratio), _last(ny, ratio)
        bad = [(x0, 0, x1, last_y) for x0, x1 in self.columns]
        bad += [(0, y0, last_x, y1) for y0, y1 in self.rows]
        bad += self.rectangles
        usable = Rectangle(0, 0, last_x, last_y) if self.usable is None else self.usable
        boxes = np.array([usable, *bad], np.int64)
        outside = (boxes[:, :2] < 0).any(1) | (boxes[:, :2] > boxes[:, 2:]).any(1)
        outside |= (boxes[:, 2:] > (last_x, last_y)).any(1)
        if outside.any():
            raise self._outside(Rectangle(*boxes[outside.argmax()].tolist()), last_x, last_y)
        area = np.prod(boxes[1:, 2:] - boxes[1:, :2] + 1, axis=1, dtype=np.float64).sum()
        if area > MAX_COVERAGE * (last_x + 1) * (last_y + 1):
            raise image_fault(self.path, "lists the same bad pixels over and over", "Make the list again")
        firsts = boxes[:, :2] * ratio.numerator // ratio.denominator
        ends = -(-(boxes[:, 2:] + 1) * ratio.numerator // ratio.denominator)  # rounded up: all that is touched
        drawn = np.ones((ny, nx), bool)
        for index, (x0, y0, x1, y1) in enumerate(np.hstack([firsts, ends]).tolist()):
            drawn[y0:y1, x0:x1] = index > 0
        return np.ascontiguousarray(drawn[::-1]) if self.is_top_first else drawn

    def _ratio(self, nx: int, ny: int) -> Fraction:
        """Pixels of the frames per pixel of the list's coordinates, along a side."""
        if self.camera_size is None:
            return Fraction(1)
        for width, height in (self.camera_size, self.camera_size[::-1]):
            for ratio in RATIOS:
                if (width * ratio, height * ratio) == (nx, ny):
                    return Fraction(1) if ratio == 2 and self.is_scaled else ratio
        width, height = self.camera_size
        raise image_fault(
            self.path,
            f"is of a camera of {width} x {height} px, and the frames have {nx} x {ny} px",
            "Give the defects of the camera that recorded the frames",
        )

    def _outside(self, r: Rectangle, last_x: int, last_y: int) -> DataError:
        return image_fault(
            self.path,
            f"lists columns {r.x0} to {r.x1}, rows {r.y0} to {r.y1}, and the camera has 0 to {last_x}, 0 to {last_y}",
            "Give the defects of the camera that recorded the frames, in the frames' orientation",
        )


def _last(n: int, ratio: Fraction) -> int:
    return int(n / ratio) - 1
