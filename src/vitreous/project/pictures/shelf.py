"""What was made of images is kept while there is room; nothing is made twice at the same time."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

_T = TypeVar("_T")

LIMIT = 100_000_000
"""Bytes that are kept."""


LARGE = 8_000_000
"""Bytes of an array that goes back to the system when it is freed."""


def give_freed_memory_back() -> None:
    """Let the C library return large arrays to the system at once, and share few pools between threads.

    By default glibc learns from freed arrays to keep ever larger ones, in a pool for each thread: a server with eight
    threads then holds several images that nobody looks at. Other C libraries are left as they are.
    """
    m_mmap_threshold, m_arena_max = -3, -8
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(m_mmap_threshold, LARGE)
        library.mallopt(m_arena_max, 2)


class Shelf:
    """Things by key, up to a number of bytes in all; may be used from several threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.used = 0
        self.heavy = threading.Semaphore(2)
        """Held by what takes a processor for long: others stay quick."""
        self._things: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        """The thing of that key; made where it is not there, once even if several ask at the same time."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key][0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._things:
                    return self._things[key][0]
            try:
                thing = make()
                self._put(key, thing, size(thing))
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return thing

    def _put(self, key: Hashable, thing: Any, size: int) -> None:
        if size > self.limit:
            return
        with self._lock:
            self._things[key] = (thing, size)
            self.used += size
            while self.used > self.limit:
                _, (_, freed) = self._things.popitem(last=False)
                self.used -= freed
