"""Power spectra as pictures: centred, square in frequency, with the level taken off where that is wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from vitreous.core.errors import UsageError
from vitreous.project.pictures.levels import Range
from vitreous.project.pictures.source import STRIP_ROWS

LARGEST = 4608
"""px of the side of a transform; larger images are taken in overlapping parts of this size, and averaged."""
LEAST = 32
"""px of the side of a rectangle."""


@dataclass(frozen=True)
class Spectrum:
    """A power spectrum.

    Attributes:
        amplitude: float32 ``[size, size]``: √power, frequency 0 at index ``size // 2``, row 0 the lowest y frequency.
        side: px of the transform along a side: one px of the picture spans ``1 / (size · pixel size)`` in 1/Å.
    """

    amplitude: np.ndarray
    side: int

    @property
    def size(self) -> int:
        """px along a side; Nyquist is at size / 2 from the middle."""
        return int(self.amplitude.shape[0])


def power_spectrum(image: np.ndarray, size: int) -> Spectrum:
    """The power spectrum of an image or part of one.

    The edges are led to the mean, the image is padded to a square of a size for which the transform is fast, and the
    power of neighbouring frequencies is averaged to a picture of about ``size`` px.

    Args:
        image: float32 ``[y, x]``, at least 32 px along each side.
        size: px along a side of the picture, at most.
    """
    return power_of_parts((image.shape[0], image.shape[1]), lambda y, x: image[y, x], size)


def power_of_parts(shape: tuple[int, int], read: Callable[[slice, slice], np.ndarray], size: int) -> Spectrum:
    """The same of an image of which some rows and columns are read at a time, float32."""
    ny, nx = shape
    if min(ny, nx) < LEAST:
        raise UsageError(
            f"a part of {nx} x {ny} px is too small for a spectrum", hint=f"Choose at least {LEAST} x {LEAST} px"
        )
    parts = [(y, x) for y in _overlapping(ny) for x in _overlapping(nx)]
    side = max(rows.stop - rows.start for part in parts for rows in part)
    factor = max(1, math.ceil(side / size))
    shown = fft.next_fast_len(max(LEAST, math.ceil(side / factor)), real=True)
    shown += shown % 2
    total = np.zeros((shown, shown), np.float32)
    for y, x in parts:
        total += _binned(_power(read, y, x, shown * factor), factor)
    return Spectrum(np.sqrt(total / len(parts)), shown * factor)


def _overlapping(n: int) -> list[slice]:
    """As few parts as may be, of one length, which share 4 % with the next."""
    count = math.ceil(n / LARGEST)
    length = n if count == 1 else min(n, math.ceil(1.04 * n / count))
    starts = [round(i * (n - length) / max(1, count - 1)) for i in range(count)]
    return [slice(start, start + length) for start in starts]


def _power(read: Callable[[slice, slice], np.ndarray], y: slice, x: slice, side: int) -> np.ndarray:
    """Power ``[side, side // 2 + 1]`` of one part."""
    ny, nx = y.stop - y.start, x.stop - x.start
    padded = np.zeros((side, side), np.float32)
    for first in range(0, ny, STRIP_ROWS):
        last = min(first + STRIP_ROWS, ny)
        padded[first:last, :nx] = read(slice(y.start + first, y.start + last), x)
    padded[:ny, :nx] -= padded[:ny, :nx].mean(dtype=np.float64)
    padded[:ny, :nx] *= _edge(ny)[:, None]
    padded[:ny, :nx] *= _edge(nx)[None, :]
    transform = fft.rfft2(padded, overwrite_x=True)
    del padded
    power = np.empty(transform.shape, np.float32)
    for first in range(0, side, STRIP_ROWS):
        rows = transform[first : first + STRIP_ROWS]
        power[first : first + STRIP_ROWS] = (rows.real**2 + rows.imag**2) / (ny * nx)
    power[0, 0] = 0.0
    return power


def _edge(n: int) -> np.ndarray:
    """1 inside, falling to 0 over the last 4 % on each side."""
    width = max(2, n // 25)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)).astype(np.float32)
    window = np.ones(n, np.float32)
    window[:width], window[-width:] = ramp, ramp[::-1]
    return window


def _binned(power: np.ndarray, factor: int) -> np.ndarray:
    """The whole plane from half of it, centred, ``factor`` x ``factor`` frequencies averaged into one."""
    side = power.shape[0]
    size, half = side // factor, side // 2
    # Blocks begin half a block before the frequency that they stand for.
    back = factor // 2
    rows = np.roll(power, half + back, axis=0)
    right = np.concatenate([rows[:, back:0:-1][_mirror(side, half, back)] if back else rows[:, :0], rows], axis=1)
    right = right[:, : (size // 2) * factor]
    blocks = right.reshape(size, factor, size // 2, factor).mean((1, 3))
    out = np.empty((size, size), np.float32)
    out[:, size // 2 :] = blocks
    # The other half is the same, turned by 180 degrees about the middle.
    turned = blocks[::-1, ::-1]
    out[1:, 1 : size // 2] = turned[:-1, : size // 2 - 1]
    out[0, 1 : size // 2] = blocks[0, 1:][::-1]
    out[:, 0] = out[:, 1]
    return out


def _mirror(side: int, half: int, back: int) -> np.ndarray:
    """Rows of minus the y frequency, in the rolled order."""
    frequency = np.arange(side) - half - back
    return (-frequency + half + back) % side


def radial_average(spectrum: Spectrum) -> np.ndarray:
    """Mean power at 0, 1, 2 … px from the middle, up to Nyquist, float64."""
    size = spectrum.size
    axis = np.arange(size) - size // 2
    radius = np.rint(np.hypot(axis[:, None], axis[None, :])).astype(np.intp).ravel()
    power = (spectrum.amplitude.astype(np.float64) ** 2).ravel()
    n = size // 2 + 1
    sums, counts = np.bincount(radius, power)[:n], np.bincount(radius)[:n]
    return np.asarray(sums / np.maximum(counts, 1))


def picture_of(spectrum: Spectrum, flat: bool) -> tuple[np.ndarray, Range]:
    """What is drawn: log of the amplitude, or (``flat``) the amplitude over its smooth level; and its range."""
    amplitude, size = spectrum.amplitude, spectrum.size
    log = np.log(np.maximum(amplitude, 1e-12 * max(float(amplitude.max()), 1e-30)), dtype=np.float32)
    middle = size // 2
    y, x = np.ogrid[:size, :size]
    radius = np.hypot(y - middle, x - middle)
    near = radius < max(2.0, 0.02 * size)
    if flat:
        seen = np.where(near, np.median(log[(radius < 0.05 * size) & ~near]) if size > 64 else log.mean(), log)
        image = log - ndimage.uniform_filter(seen, max(9, size // 14), mode="nearest")
        image[near] = 0.0
        image = ndimage.gaussian_filter(image, 0.8 if size > 300 else 0.5)
    else:
        image = log
    ring = image[(radius > 0.03 * size) & (radius < 0.5 * size)]
    low, dark, bright, high = (float(v) for v in np.percentile(ring, (0.1, 3.0, 99.2, 99.97)))
    if not high > low:
        low, dark, bright, high = low - 0.5, low - 0.5, low + 0.5, low + 0.5
    return image.astype(np.float32, copy=False), Range(low, high, dark, bright)
