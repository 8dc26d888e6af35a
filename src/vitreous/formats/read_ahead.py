"""Decode frames ahead of their use by a few threads, with a bounded number of decoded frames in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

MAX_WORKERS = 3


def usable_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def frames_ahead(read: Callable[[int], np.ndarray], indices: range) -> Iterator[np.ndarray]:
    """Yield ``read(i)`` in order, reading at most ``MAX_WORKERS`` frames ahead; inline on a single processor.

    An error of ``read`` is raised at its frame; leaving the loop early cancels what was not begun.
    """
    workers = min(MAX_WORKERS, usable_cpus(), len(indices))
    if workers < 2:
        yield from map(read, indices)
        return
    waiting: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="frames") as pool:
        try:
            for index in indices:
                if len(waiting) == workers:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(read, index))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
