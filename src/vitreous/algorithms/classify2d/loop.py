"""The classification's verbs: start, iterate, summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from vitreous.algorithms.classify2d.expect import expect
from vitreous.algorithms.classify2d.images import Images
from vitreous.algorithms.classify2d.maximise import maximise
from vitreous.algorithms.classify2d.prepare import Prepared, block_rows
from vitreous.algorithms.classify2d.schedule import images_used, settled
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.starting import start
from vitreous.algorithms.classify2d.state import State
from vitreous.algorithms.classify2d.summary import summary
from vitreous.algorithms.classify2d.sums import Sums
from vitreous.core.progress import Progress, silent

__all__ = ["iterate", "settled", "start", "summary"]

Expectation = Callable[[Prepared, State, list[np.ndarray], Progress], Sums]
"""What makes the sums of an iteration over blocks of rows: ``expect``, or a way to share that work."""


def iterate(
    settings: Settings,
    images: Images | Prepared,
    state: State,
    progress: Progress = silent,
    share: Expectation = expect,
) -> State:
    """One iteration; the same state, settings, images and thread count give the same bits.

    Args:
        settings: of the classification.
        images: N particle images, or these prepared (faster where several iterations follow).
        state: before.
        progress: told the fraction of the images done; may cancel.
        share: makes the sums over all blocks; one that hands blocks to several processes gives the same bits.
    """
    began = time.monotonic()
    with threads(settings):
        prepared = images if isinstance(images, Prepared) else Prepared(settings, images)
        rows = images_used(settings, state, prepared.excluded())
        sums = share(prepared, state, list(block_rows(settings, rows)), progress)
        return maximise(prepared, state, sums, time.monotonic() - began)


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
