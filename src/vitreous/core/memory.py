"""The memory of the process, for work on large images."""

from __future__ import annotations

import contextlib
import ctypes


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed images for the next ones.

    By default glibc returns every large block to the system, which must zero each page again at the next image: a third
    of the CPU time of motion correction. Other C libraries have no ``mallopt``, and are left as they are.
    """
    m_trim_threshold, m_mmap_max = -1, -4
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(m_mmap_max, 0)
        library.mallopt(m_trim_threshold, 2**31 - 1)
