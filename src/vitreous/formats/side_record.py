"""What a file beside a movie says of how the movie was recorded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vitreous.formats.side_text import finite_number
from vitreous.model.acquisition import Acquisition

MAX_FRAMES = 1_000_000
SAMPLINGS = (1.0, 2.0, 4.0, 0.5, 0.25)
"""Frames may be saved with so many pixels per pixel of the image that the file describes."""


@dataclass(frozen=True)
class Sidecar:
    """Facts from an mdoc or an EPU XML; ``None`` is "not stated", or stated and impossible (``warnings`` tell).

    Attributes:
        path: the file.
        kind: "mdoc" or "epu".
        acquisition: pixel size, voltage, exposure, as far as stated. Uniform exposures are in ``dose_per_frame``,
            others in ``frame_doses``.
        image_shape: ``(ny, nx)`` px of the image whose pixel size is stated.
        n_frames: frames in the movie.
        total_dose: exposure of the whole movie at the specimen, e/Å².
        exposure_time: s.
        tilt_angle: of the specimen stage, degrees.
        tilt_axis_angle: degrees from +y, counter-clockwise.
        gain_reference: name of the gain reference's file, without folder.
        defect_file: name of the list of defects, without folder.
        rotation_and_flip: SerialEM's code of how frames were turned before saving.
        movie_name: name of the movie's file, without folder, as it was on the microscope's computer.
        binning: of the camera; 0.5 is super-resolution.
        target_defocus: Å, underfocus positive: what was asked for.
        stage_defocus: Å, underfocus positive: what the microscope displayed.
        beam_shift: x, y in the microscope's own units.
        image_shift: x, y in the microscope's own units.
        stage_position: x, y, z in µm.
        magnification: nominal.
        camera: name of the camera.
        warnings: what a person should know.
        metadata: all that the file states of the movie, as text.
    """

    path: Path
    kind: str
    acquisition: Acquisition = field(default_factory=Acquisition)
    image_shape: tuple[int, int] | None = None
    n_frames: int | None = None
    total_dose: float | None = None
    exposure_time: float | None = None
    tilt_angle: float | None = None
    tilt_axis_angle: float | None = None
    gain_reference: str | None = None
    defect_file: str | None = None
    rotation_and_flip: int | None = None
    movie_name: str | None = None
    binning: float | None = None
    target_defocus: float | None = None
    stage_defocus: float | None = None
    beam_shift: tuple[float, float] | None = None
    image_shift: tuple[float, float] | None = None
    stage_position: tuple[float, float, float] | None = None
    magnification: float | None = None
    camera: str | None = None
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def pixel_size_of_frames(self, frame_shape: tuple[int, int]) -> float | None:
        """Pixel size (Å) of frames ``(ny, nx)``, which may be sampled finer or coarser than the described image.

        EPU states the pixel of its (binned) sum, and saves the frames of K3 unbinned. ``None`` where the pixel size is
        not stated, or where the frames do not show the same field; as stated where the image's size is not.
        """
        pixel_size = self.acquisition.pixel_size
        if pixel_size is None or self.image_shape is None:
            return pixel_size
        for ny, nx in (self.image_shape, self.image_shape[::-1]):
            for sampling in SAMPLINGS:
                if (ny * sampling, nx * sampling) == frame_shape:
                    return pixel_size / sampling
        return None


class Facts:
    """Takes facts from texts, and keeps a warning for each that can't be."""

    def __init__(self) -> None:
        """Begin without warnings."""
        self.warnings: list[str] = []

    def number(self, name: str, text: str | None, low: float, high: float, unit: str = "") -> float | None:
        """The number from ``low`` to ``high`` that a text states, else ``None``."""
        if text is None:
            return None
        value = finite_number(text)
        if value is None:
            self.warnings.append(f"{name} is {text[:40]!r}, which is no number: not used")
        elif not low <= value <= high:
            self.warnings.append(f"{name} is {value:g}{unit and ' '}{unit}, not within {low:g} to {high:g}: not used")
            value = None
        return value

    def count(self, name: str, text: str | None, low: int, high: int) -> int | None:
        """The whole number from ``low`` to ``high`` that a text states, else ``None``."""
        value = self.number(name, text, low, high)
        if value is not None and value != int(value):
            self.warnings.append(f"{name} is {value:g}, which is no whole number: not used")
            return None
        return None if value is None else int(value)

    def numbers(self, name: str, text: str | None, n: int) -> tuple[float, ...] | None:
        """The ``n`` numbers that a text states, else ``None``."""
        if text is None:
            return None
        values = [finite_number(word) for word in text.split(maxsplit=n)]
        known = tuple(value for value in values if value is not None)
        if len(known) != len(values) or len(known) != n:
            self.warnings.append(f"{name} is {text[:40]!r}, which are not {n} numbers: not used")
            return None
        return known


def file_name(text: str | None) -> str | None:
    """The last part of a path of Windows or Unix, or ``None``."""
    name = re.split(r"[\\/]", (text or "").strip())[-1].strip("\"' ")
    return name or None


def pair(values: tuple[float, ...] | None) -> tuple[float, float] | None:
    """The first two of the numbers."""
    return None if values is None else (values[0], values[1])


def exposure(
    total: float | None, n_frames: int | None, doses: tuple[tuple[float, int], ...] | None
) -> dict[str, float | tuple[float, ...] | None]:
    """Exposure as settings of an ``Acquisition``.

    Args:
        total: e/Å² of all frames.
        n_frames: frames in the movie.
        doses: exposure (e/Å²) and number of frames of each part of the movie; wins over the total.
    """
    if doses is not None:
        if len({dose for dose, _ in doses}) == 1:
            return {"dose_per_frame": doses[0][0]}
        return {"frame_doses": tuple(dose for dose, n in doses for _ in range(n))}
    if total is None or n_frames is None or not math.isfinite(total / n_frames):
        return {}
    return {"dose_per_frame": total / n_frames}
