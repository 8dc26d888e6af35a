"""The classification's three verbs: start, iterate, summarise."""

from __future__ import annotations

import torch

from vitreous.algorithms.classify2d.images import Images
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import State
from vitreous.algorithms.classify2d.summary import Summary
from vitreous.core.progress import Progress, silent


def start(settings: Settings, images: Images, references: torch.Tensor | None = None) -> State:
    """State before the first iteration.

    Args:
        settings: of the classification.
        images: N particle images, N ≥ 1.
        references: float32 ``[K, box, box]`` to start from, white; ``None``: averages of random subsets.
    """
    raise NotImplementedError


def iterate(settings: Settings, images: Images, state: State, progress: Progress = silent) -> State:
    """One iteration; the same state, settings, images and thread count give the same bits."""
    raise NotImplementedError


def summary(settings: Settings, state: State) -> Summary:
    """Population, resolution, quality and rank of each class."""
    raise NotImplementedError
