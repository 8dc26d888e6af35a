"""Progress of long work: a callback that is told the fraction done, and may cancel by raising ``Cancelled``."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called as ``progress(fraction_done, what)`` with 0 ≤ fraction ≤ 1; raise ``Cancelled`` inside it to stop the work."""


def silent(fraction: float, what: str) -> None:
    """Report nothing."""


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """Map a sub-task's 0..1 onto ``start``..``stop`` of the whole."""
    return lambda fraction, what: progress(start + (stop - start) * fraction, what)
