"""Numbers and times as a report writes them."""

from __future__ import annotations

from datetime import datetime

import numpy as np


def text_of(value: float | None, digits: int) -> str:
    """A number, an en dash where it is not known."""
    return "–" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def moment(seconds: float | None) -> str:
    """Local date and time of day."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
