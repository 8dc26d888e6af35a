"""What a finished iteration says about each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitreous.algorithms.classify2d.maximise import resolution
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import State


@dataclass(frozen=True)
class ClassSummary:
    """One class for people.

    Attributes:
        number: from 1.
        particles: images whose best class it is.
        population: share of all assigned images.
        resolution: Å where the correlation of the two half averages falls below 0.143; ``None``: nowhere above.
        quality: 0..1.
        rank: from 1, the best first.
        frc: float32 ``[rings]``, ring 0 first.
    """

    number: int
    particles: int
    population: float
    resolution: float | None
    quality: float
    rank: int
    frc: np.ndarray


@dataclass(frozen=True)
class Summary:
    """All classes, and the frequencies of their curves in 1/Å."""

    classes: tuple[ClassSummary, ...]
    frequencies: np.ndarray


def summary(settings: Settings, state: State) -> Summary:
    """Population, resolution, quality and rank of each class, by number."""
    counts = np.bincount(state.classes[state.classes >= 0], minlength=settings.n_classes)
    share = counts / max(1, int(counts.sum()))
    found = [resolution(settings, curve) if count else None for curve, count in zip(state.frc, counts, strict=True)]
    scores = quality(settings, share, found, state.contrast)
    order = np.lexsort((np.arange(len(scores)), -counts, -scores))
    rank = np.empty(len(scores), dtype=np.int64)
    rank[order] = np.arange(1, len(scores) + 1)
    classes = tuple(
        ClassSummary(k + 1, int(counts[k]), float(share[k]), found[k], float(scores[k]), int(rank[k]), state.frc[k])
        for k in range(settings.n_classes)
    )
    return Summary(classes, np.arange(state.frc.shape[1]) / settings.extent)


def quality(settings: Settings, share: np.ndarray, found: list[float | None], contrast: np.ndarray) -> np.ndarray:
    """Score 0..1 of each class: the geometric mean of three parts, each 0..1; float64 ``[K]``.

    Resolution: frequency over that of the best class with its fair share of images. Population: share of the images
    over half of 1/K, at most 1, so that a class of half the mean size loses nothing. Contrast: c²/(c²+1), c the
    deviation within the mask over that in the rim around it: junk and blank classes are flat.
    """
    frequency = np.array([0.0 if value is None else 1.0 / value for value in found])
    large = share >= 0.5 / len(share)
    best = frequency[large].max(initial=0.0) or frequency.max(initial=0.0) or 1.0
    clear = (frequency / best).clip(0.0, 1.0)
    full = (share * 2.0 * len(share)).clip(0.0, 1.0)
    square = np.square(contrast.astype(np.float64))
    return np.asarray(np.cbrt(clear * full * square / (square + 1.0)))
