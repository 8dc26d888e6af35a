"""What the engine says of itself to other processes: a small file that is written anew each second."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.core.plain import to_json

NAME = "engine.json"
LEAST_FREE = 2e6
"""Bytes without which no work is begun, whatever the project wants to keep free."""


@dataclass(frozen=True)
class Status:
    """What a running engine is doing.

    Attributes:
        time: s since 1970, when this was true.
        conditions: what hinders it, a sentence each.
        running: submissions: tasks ``[job, item]``, since when, fraction, what.
        workers: name, host, kind, what each does.
    """

    time: float
    conditions: Mapping[str, str]
    running: Sequence[Mapping[str, Any]]
    workers: Sequence[Mapping[str, Any]]


def lack_of_space(folder: Path, reserve: float | None) -> str | None:
    """In words, that the project's disk has less free space than is to be kept (GB, 1 unless given), else ``None``."""
    kept = max(1e9 * (1.0 if reserve is None else float(reserve)), LEAST_FREE)
    free = shutil.disk_usage(folder).free
    if free >= kept:
        return None
    return (
        f"{size(free)} are free on the project's disk, less than the {size(kept)} to be kept free; free some space,"
        " and work goes on by itself"
    )


def size(amount: float) -> str:
    """An amount of bytes in words."""
    return f"{amount / 1e9:.2f} GB" if amount >= 1e8 else f"{amount / 1e6:.1f} MB"


def write_status(folder: Path, status: Status | None) -> None:
    """Write what the engine does, or remove it (``None``). A disk that is full must not stop the engine."""
    path, aside = folder / NAME, folder / f".{NAME}.part"
    with suppress(OSError):
        if status is None:
            path.unlink(missing_ok=True)
            aside.unlink(missing_ok=True)  # a full disk may have left it half written
            return
        aside.write_text(to_json(vars(status)))
        aside.replace(path)


def read_status(folder: Path) -> Status | None:
    """What the engine last said, ``None`` where there is nothing whole."""
    try:
        return Status(**json.loads((folder / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None
