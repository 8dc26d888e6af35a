"""Durations as people write them: 45, 45s, 4m 34s, 12h."""

from __future__ import annotations

import math
import re

from vitreous.core.errors import UsageError

SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(d|h|min|m|s|)\s*", re.IGNORECASE)


def parse_duration(value: float | int | str) -> float:
    """Seconds from a number of seconds or a text such as ``1h 4m 34s``.

    Raises:
        UsageError: the text is no duration, or it is negative or not finite.
    """
    if isinstance(value, str):
        at, seconds = 0, 0.0
        while at < len(value) and (part := PART.match(value, at)):
            seconds += float(part[1]) * SECONDS[part[2].lower()]
            at = part.end()
        if at < len(value) or not value.strip():
            raise UsageError(f"{value!r} is no duration", hint="Write seconds, or for example 1h 4m 34s")
    else:
        seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise UsageError(f"a duration of {seconds:g} s is not possible", hint="Give 0 or more seconds")
    return seconds


def say_duration(seconds: float) -> str:
    """A duration for people, to the second: ``1 h 4 min``, ``12 s``."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
