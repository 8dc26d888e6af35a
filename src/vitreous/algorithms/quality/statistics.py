"""Statistics of an image's pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vitreous.core.errors import ComputeError

PERCENTILES = (0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9)
_SAMPLE = 1_000_000


@dataclass(frozen=True)
class Statistics:
    """In the units of the pixels.

    Attributes:
        mean, stddev, minimum, maximum: of all pixels.
        relative_stddev: 100 · stddev / mean, %; ``None`` where the mean is not positive.
        percentiles: value below which each of ``PERCENTILES`` % of the pixels lie.
    """

    mean: float
    stddev: float
    relative_stddev: float | None
    minimum: float
    maximum: float
    percentiles: dict[float, float]


def pixel_statistics(image: torch.Tensor) -> Statistics:
    """Statistics of a real image ``[..., y, x]``; percentiles are those of an even sample of a million pixels.

    Raises:
        ComputeError: the image holds NaN or infinity.
    """
    flat = image.reshape(-1).to(torch.float32)
    low, high = (float(v) for v in torch.aminmax(flat))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ComputeError("image holds NaN or infinite pixels", hint="Replace bad pixels first (vitreous motion)")
    mean = float(flat.mean(dtype=torch.float64))
    # About the mean, in blocks' own precision: the square of a large offset would swallow a small spread.
    stddev = math.sqrt(float((flat - mean).square_().mean(dtype=torch.float64)))
    # An odd stride walks over all columns of an image of even width.
    stride = max(1, flat.numel() // _SAMPLE) | 1
    sample = flat[::stride].sort().values
    last = sample.numel() - 1
    percentiles = {p: float(sample[round(p / 100.0 * last)]) for p in PERCENTILES}
    relative = 100.0 * stddev / mean if mean > 0.0 else None
    return Statistics(mean, stddev, relative, low, high, percentiles)
