"""What a mistyped name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_names(name: str, known: Iterable[str], count: int = 3) -> str:
    """The known names most like ``name``, for a hint; the first few known ones where none is like it."""
    candidates = list(known)
    lower = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), lower, n=count, cutoff=0.5)
    found = [lower[candidate] for candidate in close] or candidates[:count]
    if not found:
        return "(there is none)"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"
