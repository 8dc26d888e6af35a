"""What the engine says of itself to other processes: a small file that is written anew each second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.core.plain import to_json

NAME = "engine.json"


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


def write_status(folder: Path, status: Status | None) -> None:
    """Write what the engine does, or remove it (``None``). A disk that is full must not stop the engine."""
    path, aside = folder / NAME, folder / f".{NAME}.part"
    with suppress(OSError):
        if status is None:
            path.unlink(missing_ok=True)
            return
        aside.write_text(to_json(vars(status)))
        aside.replace(path)


def read_status(folder: Path) -> Status | None:
    """What the engine last said, ``None`` where there is nothing whole."""
    try:
        return Status(**json.loads((folder / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None
