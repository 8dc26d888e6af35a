"""Gain references: from a file's values to the multiplier of every raw frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vitreous.algorithms.movies.gain_detection import Detection, detect_orientation, is_counted
from vitreous.algorithms.movies.gain_values import MAX_FACTOR, as_image, mean_where, orient, scale_to, usable_entries
from vitreous.core.camera import GAIN_KINDS, ORIENTATIONS, GainKind, Orientation, parse_orientation
from vitreous.core.errors import DataError, UsageError

__all__ = [
    "GAIN_KINDS",
    "ORIENTATIONS",
    "Detection",
    "EstimatedGain",
    "GainKind",
    "Orientation",
    "PreparedGain",
    "apply_gain",
    "detect_orientation",
    "estimate_gain",
    "is_counted",
    "orient",
    "parse_orientation",
    "prepare_gain",
]

MEAN_RANGE = (0.9, 1.1)
ESTIMATE_RANGE = (0.5, 2.0)
MIN_COUNTS = 100.0


@dataclass(frozen=True)
class PreparedGain:
    """A gain reference in the orientation and sampling of the frames.

    Attributes:
        multiplier: float32 ``[ny, nx]``; corrected = raw x multiplier. 1 at defects.
        defects: bool ``[ny, nx]``, true where the reference has no usable value.
        orientation: how the reference was turned.
        kind: what its values meant.
    """

    multiplier: torch.Tensor
    defects: torch.Tensor
    orientation: Orientation
    kind: GainKind


@dataclass(frozen=True)
class EstimatedGain:
    """A multiplicative gain reference made from the data themselves.

    Attributes:
        gain: float32 ``[ny, nx]``, 0.5..2; 0 marks a defect.
        relative_noise: standard deviation of an entry by counting statistics: 1 / sqrt(counts per pixel).
    """

    gain: torch.Tensor
    relative_noise: float


def prepare_gain(
    gain: torch.Tensor,
    frame_shape: tuple[int, int],
    kind: GainKind,
    orientation: Orientation | None = None,
    defects: torch.Tensor | None = None,
) -> PreparedGain:
    """Turn, scale and check a gain reference for frames of a given shape.

    Entries that are zero, negative, not finite, or more than ten times off the median are defects. A reference 2 or 4
    times coarser than the frames is replicated; a finer one is summed (sensitivity) or averaged (multiplicative).

    Args:
        gain: ``[y, x]`` as read, row 0 at y = 0; any real dtype.
        frame_shape: ``(ny, nx)`` of the frames.
        kind: multiplicative or sensitivity.
        orientation: how the reference must be turned to lie on the frames; ``None`` is "as it is".
        defects: bool of the gain's shape, true where the camera's list names a pixel bad; turned and scaled alike.

    Raises:
        UsageError: the size does not fit the frames in this orientation, or the kind is unknown.
        DataError: more than a fifth of the entries are not usable, or the mean of a multiplicative reference is
            outside 0.9..1.1.
    """
    if kind not in GAIN_KINDS:
        raise UsageError(f"{kind!r} is no kind of gain reference", hint="Give " + " or ".join(GAIN_KINDS))
    orientation = Orientation() if orientation is None else orientation
    values = orient(as_image(gain, "gain reference"), orientation)
    good = usable_entries(values)
    if defects is not None:
        if defects.shape != gain.shape:
            raise UsageError(
                f"a list of defects of shape {tuple(defects.shape)} meets a gain of {tuple(gain.shape)}",
                hint="Draw the defects in the gain's pixels",
            )
        good = good & ~orient(defects.to(device=good.device, dtype=torch.bool), orientation)
    values, good = scale_to(torch.where(good, values, 1.0), good, frame_shape, kind)
    mean = mean_where(values, good)
    if kind == "multiplicative":
        _check_mean(mean)
        multiplier = values
    else:
        multiplier = mean / values
    return PreparedGain(torch.where(good, multiplier, 1.0), ~good, orientation, kind)


def apply_gain(frame: torch.Tensor, gain: PreparedGain) -> torch.Tensor:
    """Corrected frame, a new float32 ``[y, x]``: raw x multiplier; defects keep their raw value.

    Raises:
        UsageError: the frame's shape is another than the prepared one.
    """
    if frame.shape != gain.multiplier.shape:
        raise UsageError(
            f"a frame of shape {tuple(frame.shape)} meets a gain prepared for {tuple(gain.multiplier.shape)}",
            hint="All movies that share a gain reference must have one frame size",
        )
    # Conversion, then a product in place, is twice as fast as a product of mixed types.
    corrected = torch.empty_like(gain.multiplier)
    return corrected.copy_(frame).mul_(gain.multiplier)


def estimate_gain(total: torch.Tensor) -> EstimatedGain:
    """Estimate a multiplicative gain from the sum of many raw movies: G = mean(sum) / sum, clipped to 0.5..2.

    The specimen averages out over 500 movies or more. Pixels with less than a tenth or more than ten times the median
    sum are defects. A gradient of the illumination is taken into the gain.

    Args:
        total: counts ``[y, x]`` summed over all frames of all movies, row 0 at y = 0.

    Raises:
        DataError: negative or non-finite sums, more than a fifth of the pixels dead, or fewer than 100 counts per pixel
            (an entry would be noisier than 10 %).
    """
    counts = as_image(total, "sum of the movies")
    if not bool(torch.isfinite(counts).all()) or float(counts.min()) < 0:
        raise DataError("the sum of the movies holds negative or non-finite values", hint="Sum raw counted frames")
    good = usable_entries(counts)
    mean = mean_where(counts, good)
    if mean < MIN_COUNTS:
        raise DataError(
            f"the sum of the movies has {mean:.3g} counts per pixel, so the gain would be noisy by "
            f"{100 / max(mean, 1e-9) ** 0.5:.0f} %",
            hint=f"Sum more movies: at least {MIN_COUNTS:g} counts per pixel, better 500 movies",
            counts_per_pixel=mean,
        )
    gain = (mean / counts.clamp_min(mean / (2 * MAX_FACTOR))).clamp(*ESTIMATE_RANGE)
    return EstimatedGain(torch.where(good, gain, 0.0), mean**-0.5)


def _check_mean(mean: float) -> None:
    low, high = MEAN_RANGE
    if not low <= mean <= high:
        raise DataError(
            f"the mean of the gain reference is {mean:.4g}; of one that multiplies frames it is 1 within 10 %",
            hint="Say that it is a sensitivity (the frames are divided by it), or give another file",
            mean=mean,
        )
