"""The classification's verbs: start, iterate, summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from vitreous.algorithms.classify2d.expect import expect
from vitreous.algorithms.classify2d.images import Images
from vitreous.algorithms.classify2d.maximise import maximise
from vitreous.algorithms.classify2d.prepare import Prepared, block_rows
from vitreous.algorithms.classify2d.schedule import images_used
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.starting import start
from vitreous.algorithms.classify2d.state import State
from vitreous.algorithms.classify2d.summary import summary
from vitreous.core.progress import Progress, silent

__all__ = ["iterate", "start", "summary"]


def iterate(settings: Settings, images: Images | Prepared, state: State, progress: Progress = silent) -> State:
    """One iteration; the same state, settings, images and thread count give the same bits.

    Args:
        settings: of the classification.
        images: N particle images, or these prepared (faster where several iterations follow).
        state: before.
        progress: told the fraction of the images done; may cancel.
    """
    began = time.monotonic()
    with threads(settings):
        prepared = images if isinstance(images, Prepared) else Prepared(settings, images)
        rows = images_used(settings, state, prepared.excluded())
        sums = expect(prepared, state, _told(list(block_rows(settings, rows)), progress))
        last = state.iteration + 1 >= settings.cycles
        return maximise(prepared, state, sums, time.monotonic() - began, last)


@contextmanager
def threads(settings: Settings) -> Iterator[None]:
    """Torch's threads as the settings say, and afterwards as they were."""
    before = torch.get_num_threads()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _told(blocks: list[np.ndarray], progress: Progress) -> Iterator[np.ndarray]:
    for number, rows in enumerate(blocks):
        progress(number / len(blocks), "aligning images to the classes")
        yield rows
