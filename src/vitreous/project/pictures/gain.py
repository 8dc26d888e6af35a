"""The camera's gain reference on sums of raw frames, so that they show the specimen and not the camera's blocks."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitreous.core.camera import Orientation, parse_orientation
from vitreous.core.errors import DataError, UsageError

FACTOR_MOST = 10.0
"""An entry that is this many times above or below the usual one can't be corrected."""


@dataclass(frozen=True)
class Gain:
    """A gain reference and how it lies on the frames.

    Attributes:
        path: the file.
        orientation, kind: as motion correction found them, or as they are set; ``None`` where nobody knows.
        defects: the list of the camera's bad pixels.
    """

    path: Path
    orientation: str | None = None
    kind: str | None = None
    defects: Path | None = None

    def key(self) -> str:
        """Changes when what is applied does."""
        parts = [self.orientation, self.kind]
        for path in (self.path, self.defects):
            with contextlib.suppress(OSError, TypeError):
                parts += [str(path), str(os.stat(path).st_mtime_ns)]  # type: ignore[arg-type]
        return hashlib.blake2b(repr(parts).encode(), digest_size=5).hexdigest()


def gain_of(folder: Path, row: Mapping[str, Any], values: Mapping[str, Any]) -> Gain | None:
    """The gain reference of an item's movie.

    Args:
        folder: of the project.
        row: the item; motion correction wrote there how the reference lies on the frames.
        values: parameters of motion correction: ``gain``, ``gain_orientation``, ``gain_kind``, ``defects``.
    """
    if not values.get("gain"):
        return None
    orientation, kind = (_set(values.get(name)) for name in ("gain_orientation", "gain_kind"))
    listed = values.get("defects")
    return Gain(
        folder / str(values["gain"]),
        row.get("gain_orientation") or orientation,
        row.get("gain_kind") or kind,
        folder / str(listed) if listed else None,
    )


def _set(value: Any) -> str | None:
    return None if value in (None, "auto") else str(value)


def corrected(total: np.ndarray, gain: Gain) -> bool:
    """Correct a float32 sum of frames in place; false where the reference is not known well enough, or does not fit.

    Pixels that can't be corrected get the mean of the others.
    """
    from vitreous.formats.gain import read_gain  # loads what reads TIFF

    try:
        reference = read_gain(gain.path)
        orientation = None if gain.orientation is None else parse_orientation(gain.orientation)
        kind = gain.kind or reference.kind
        if orientation is None or kind is None:
            return False
        multiplier = _fitted(_turned(reference.array, orientation), total.shape)
        if multiplier is None:
            return False
        good = _usable(multiplier)
        for map_ in _defects(gain, total.shape):
            good &= ~map_
    except (DataError, UsageError):
        return False
    usual = float(np.median(multiplier[::7, ::7][good[::7, ::7]])) if good[::7, ::7].any() else 1.0
    if kind == "sensitivity":
        np.divide(usual, multiplier, out=multiplier, where=good)
    np.multiply(total, multiplier, out=total, where=good)
    mean = float(total.mean(where=good, dtype=np.float64)) if good.any() else 0.0
    total[~good] = mean
    return True


def _defects(gain: Gain, shape: tuple[int, ...]) -> list[np.ndarray]:
    from vitreous.formats.defects import read_defects

    return [] if gain.defects is None else [read_defects(gain.defects, (shape[0], shape[1]))]


def _turned(array: np.ndarray, orientation: Orientation) -> np.ndarray:
    """As ``Orientation`` says: rows reversed where it flips, then counter-clockwise with y up."""
    turned = array[::-1] if orientation.flip else array
    return np.rot90(turned, -orientation.rotation)


def _fitted(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Entries repeated or averaged to the frames' sampling, a new array; ``None`` where no whole number fits."""
    for n in (1, 2, 4):
        if (array.shape[0] * n, array.shape[1] * n) == shape:
            return np.array(np.repeat(np.repeat(array, n, 0), n, 1) if n > 1 else array)
        if (shape[0] * n, shape[1] * n) == array.shape:
            return np.asarray(array.reshape(shape[0], n, shape[1], n).mean((1, 3)), np.float32)
    return None


def _usable(gain: np.ndarray) -> np.ndarray:
    """Where entries are finite, above 0, and within a factor of 10 of the median."""
    with np.errstate(invalid="ignore"):
        good = np.isfinite(gain) & (gain > 0)
        sample = gain[::7, ::7][good[::7, ::7]]
        if sample.size:
            usual = float(np.median(sample))
            good &= (gain > usual / FACTOR_MOST) & (gain < usual * FACTOR_MOST)
    return good
