"""Sizes at which frames are transformed: quick to transform, and of the pixel size that is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from vitreous.algorithms.fourier.sizes import smooth_up


@dataclass(frozen=True)
class Sampling:
    """How frames are padded, resampled and cropped back.

    Attributes:
        frame: ``(ny, nx)`` of the recorded frames.
        padded: frames are padded to this with their mean, at the end of each axis.
        resampled: the padded frames are Fourier-cropped or -padded to this.
        output: the part of the resampled image that shows the frame.
        extent: ``(y, x)`` Å of the padded frame.
        pixel_size: Å of the output (mean of both axes, which agree to 1e-4).
    """

    frame: tuple[int, int]
    padded: tuple[int, int]
    resampled: tuple[int, int]
    output: tuple[int, int]
    extent: tuple[float, float]
    pixel_size: float


def plan_sampling(shape: tuple[int, int], pixel_size: float, target: float | None = None) -> Sampling:
    """Choose sizes for frames ``(ny, nx)`` of ``pixel_size`` Å and an output of ``target`` Å (theirs by default).

    K2 and K3 frames have sides with factors 53 and 101, whose transforms take twice as long: they are padded to the
    next even 2-3-5-7-smooth size.
    """
    ratio = 1.0 if target is None else pixel_size / target
    pairs = [_pair(n, ratio) for n in shape]
    (py, ry), (px, rx) = pairs
    achieved = 0.5 * (pixel_size * py / ry + pixel_size * px / rx)
    output = tuple(
        n if p == r else max(2, 2 * int(n * r / p / 2.0 + 1e-6)) for n, (p, r) in zip(shape, pairs, strict=True)
    )
    return Sampling(
        frame=shape,
        padded=(py, px),
        resampled=(ry, rx),
        output=(output[0], output[1]),
        extent=(py * pixel_size, px * pixel_size),
        pixel_size=pixel_size if ratio == 1.0 else achieved,
    )


def _pair(n: int, ratio: float) -> tuple[int, int]:
    """Padded and resampled size of one axis: both smooth, their ratio right to 1e-4, with little padding."""
    if ratio == 1.0:
        size = smooth_up(n)
        return size, size
    best: tuple[float, int, int] | None = None
    padded = smooth_up(n)
    while padded <= 1.05 * n + 32:
        resampled = max(2, 2 * round(padded * ratio / 2.0))
        error = abs(resampled / (padded * ratio) - 1.0)
        smooth = smooth_up(resampled) == resampled
        cost = padded / n + (0.0 if smooth else 0.3) + 1e4 * max(0.0, error - 1e-4)
        if best is None or cost < best[0]:
            best = (cost, padded, resampled)
        padded = smooth_up(padded + 2)
    assert best is not None
    return best[1], best[2]
