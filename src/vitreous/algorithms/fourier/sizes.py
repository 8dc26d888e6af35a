"""Array sizes whose Fourier transforms are fast."""

from __future__ import annotations


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


def smooth_up(n: int) -> int:
    """The smallest even 2-3-5-7-smooth number not below ``n``."""
    n = max(2, n + n % 2)
    while not _is_smooth(n):
        n += 2
    return n
