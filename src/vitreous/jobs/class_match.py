"""Which class average of one run looks most like which of another, however each is turned."""

from __future__ import annotations

import math

import numpy as np

_ANGLES = 180
_BLUR_OF_BOX = 0.015


def similarities(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Greatest correlation of each average with each other over all rotations, mirrored or not.

    Averages are centred, so that their polar maps differ by a turn alone: all turns at once are one circular
    correlation over the angle (Schatz & van Heel 1990).

    Args:
        first: float ``[M, b, b]``.
        second: float ``[N, c, c]``, of any box that shows the same field.

    Returns:
        float64 ``[M, N]``, -1 to 1; 0 where an average is empty.
    """
    radii = max(8, min(first.shape[1], second.shape[1]) // 2 - 1)
    left = np.stack([_polar_spectrum(image, radii) for image in first])
    right = np.stack([_polar_spectrum(image, radii) for image in second])
    found = np.empty((len(left), len(right)))
    for row, one in enumerate(left):
        # A mirrored image has the conjugate spectrum over the angle, but for a turn.
        turned = np.fft.irfft((one.conj() * right).sum(axis=1), n=_ANGLES, axis=1).max(axis=1)
        mirrored = np.fft.irfft((one * right).sum(axis=1), n=_ANGLES, axis=1).max(axis=1)
        found[row] = np.maximum(turned, mirrored)
    return found


def _polar_spectrum(image: np.ndarray, radii: int) -> np.ndarray:
    """Transform over the angle of the polar map, complex ``[radii, angles // 2 + 1]``, of unit norm in real space."""
    from scipy import ndimage

    box = image.shape[0]
    smooth = ndimage.gaussian_filter(image.astype(np.float64), _BLUR_OF_BOX * box)
    angle = np.arange(_ANGLES) * (2.0 * math.pi / _ANGLES)
    radius = (np.arange(radii) + 0.5) * (box // 2 - 1) / radii
    y = box // 2 + radius[:, None] * np.sin(angle)
    x = box // 2 + radius[:, None] * np.cos(angle)
    polar = ndimage.map_coordinates(smooth, [y, x], order=1, mode="nearest")
    # Each ring counts by its area.
    weight = np.broadcast_to(np.sqrt(radius)[:, None], polar.shape)
    polar = (polar - np.average(polar, weights=weight**2)) * weight
    norm = float(np.linalg.norm(polar))
    return np.fft.rfft(polar / norm if norm > 0.0 else np.zeros_like(polar), axis=1)


def kept_by_likeness(new: np.ndarray, chosen: np.ndarray, rejected: np.ndarray) -> tuple[tuple[int, ...], float]:
    """Which averages are more like those that were chosen than like those that were rejected.

    Args:
        new: float ``[M, b, b]``.
        chosen, rejected: float ``[.., b, b]``, what the choice was made of; one of them may have none.

    Returns:
        Numbers, from 1, of the averages that are more like a chosen one; and the least of the correlations by which
        an average was told, 0 to 1.
    """
    if not len(chosen):
        return (), 0.0
    to_chosen = similarities(new, chosen).max(axis=1)
    to_rejected = similarities(new, rejected).max(axis=1) if len(rejected) else np.full(len(new), -1.0)
    alive = np.ptp(new.reshape(len(new), -1), axis=1) > 0.0
    kept = tuple(int(place) + 1 for place in np.flatnonzero(alive & (to_chosen > to_rejected)))
    best = np.maximum(to_chosen, to_rejected)[alive]
    return kept, float(best.min()) if len(best) else 0.0
