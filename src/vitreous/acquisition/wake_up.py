"""A hint that something changed in a folder, so that the next look comes sooner; looking itself stays the truth.

The kernel's notices (inotify) see what this computer writes, and nothing that others write to a network file system:
there none are asked for.
"""

from __future__ import annotations

import ctypes
import os
import select
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from vitreous.store.file_systems import file_system, is_network

CREATED, CLOSED, MOVED_HERE = 0x100, 0x8, 0x80
NON_BLOCKING, CLOSE_ON_EXEC = 0o4000, 0o2000000
SLICE = 0.2
"""s between two looks at the stop event."""
MIN_PAUSE = 0.2
"""s that pass at least: a camera that writes all the time must not make us look all the time."""


class WakeUp:
    """Waits for a time, or until a folder on a local disk changes."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Ask for notices of the local ones of ``folders``; where that fails, waiting is by time only."""
        self._handle = -1
        local = [folder for folder in folders if folder.is_dir() and not is_network(file_system(folder))]
        if not local:
            return
        try:
            library = ctypes.CDLL(None, use_errno=True)
            handle = int(library.inotify_init1(NON_BLOCKING | CLOSE_ON_EXEC))
        except (OSError, AttributeError):
            return
        if handle < 0:
            return
        self._handle = handle
        for folder in local:
            library.inotify_add_watch(handle, os.fsencode(folder), CREATED | CLOSED | MOVED_HERE)

    @property
    def listens(self) -> bool:
        """Whether any notice can come."""
        return self._handle >= 0

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait; whether a notice ended it before its time. Setting ``stop`` ends it within 0.2 s."""
        end = time.monotonic() + seconds
        earliest = time.monotonic() + min(seconds, MIN_PAUSE)
        while (left := end - time.monotonic()) > 0 and not stop.is_set():
            if not self.listens or time.monotonic() < earliest:
                stop.wait(min(left, SLICE))
            elif select.select([self._handle], [], [], min(left, SLICE))[0]:
                self._drain()
                return True
        return False

    def _drain(self) -> None:
        try:
            while os.read(self._handle, 1 << 16):
                pass
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
