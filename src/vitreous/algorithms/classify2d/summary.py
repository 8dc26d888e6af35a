"""What a finished iteration says about each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
