"""Words for people: near names, counts, durations."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(name: str, known: Iterable[str]) -> str | None:
    """``Did you mean motion?`` where a known name is like the given one, else ``None``."""
    found = _like(name, list(known), 0.6)
    return f"Did you mean {_either(found)}?" if found else None


def near_names(name: str, known: Iterable[str], count: int = 3) -> str:
    """The known names most like ``name``, for a hint; the first few known ones where none is like it."""
    candidates = list(known)
    return _either((_like(name, candidates, 0.5) or candidates)[:count]) or "(there is none)"


def _like(name: str, known: list[str], cutoff: float) -> list[str]:
    lower = {candidate.lower(): candidate for candidate in known}
    return [lower[found] for found in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=cutoff)]


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}" if names else ""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 movie``, ``3 movies``, ``1,200 movies``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """``12 s``, ``4 min``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
