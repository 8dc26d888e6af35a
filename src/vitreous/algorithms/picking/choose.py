"""Choose among candidates by thresholds and distance, on plain arrays: pages choose again without torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def choose(
    candidates: Mapping[str, np.ndarray],
    min_score: float | None = None,
    max_score: float | None = None,
    min_power: float | None = None,
    max_power: float | None = None,
    distance: float | None = None,
) -> np.ndarray:
    """Which candidates are within the limits, and the best of those that are too near to each other.

    Args:
        candidates: ``coordinate_x``, ``coordinate_y`` (px), ``pick_score`` and, for limits on it, ``pick_power``.
        min_score, max_score, min_power, max_power: limits, inclusive; ``None`` is no limit. An unknown (NaN) score or
            power passes no limit.
        distance: px; of two chosen candidates nearer than this the one of lower score is left out.

    Returns:
        bool ``[n]``.
    """
    score = np.asarray(candidates["pick_score"], dtype=np.float64)
    kept = np.ones(len(score), dtype=bool)
    for name, low, high in (("pick_score", min_score, max_score), ("pick_power", min_power, max_power)):
        if low is None and high is None:
            continue
        values = np.asarray(candidates[name], dtype=np.float64)
        kept &= values >= (-np.inf if low is None else low)
        kept &= values <= (np.inf if high is None else high)
    if not distance:
        return kept
    places = np.stack([np.asarray(candidates[f"coordinate_{axis}"], dtype=np.float64) for axis in "xy"], axis=1)
    chosen = np.zeros(len(score), dtype=bool)
    left = kept.copy()
    for index in np.argsort(-score, kind="stable"):
        if left[index]:
            chosen[index] = True
            left &= ((places - places[index]) ** 2).sum(1) >= distance * distance
    return chosen


def usual_power(power: np.ndarray, widths: float = 10.0, fewest: int = 10) -> float | None:
    """The greatest local power that is not an outlier: median + robust deviations, at least three medians.

    Sigworth's validation by residual power: what holds far more power than the particles is no particle.

    Args:
        power: of the candidates above the threshold.
        widths: standard deviations (1.4826 × median absolute deviation).
        fewest: with fewer candidates nothing is known: ``None``.
    """
    known = power[np.isfinite(power)]
    if len(known) < fewest:
        return None
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return max(middle + widths * spread, 3.0 * middle)
