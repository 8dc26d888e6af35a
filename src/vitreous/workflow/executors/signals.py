"""Importing a library that takes over Ctrl-C, without letting it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def untouched_signals() -> Iterator[None]:
    """Ignore what is done to signal handlers meanwhile.

    dask-jobqueue sets handlers when it is imported: that would end an engine in the midst of its work, and fails in any
    thread but the main one.
    """

    def ignored(number: Any, handler: Any) -> Any:
        return signal.getsignal(number)

    before = signal.signal
    signal.signal = ignored  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = before
