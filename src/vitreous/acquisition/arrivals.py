"""What is reported of a movie that is in the project's folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreous.acquisition.metadata import Description
from vitreous.acquisition.names import item_name
from vitreous.acquisition.placement import Placed
from vitreous.acquisition.reports import Arrival
from vitreous.formats.base import ImageHeader


@dataclass(frozen=True)
class Tested:
    """A movie that is whole and as expected: its header, and what is known of it."""

    header: ImageHeader
    about: Description


def arrival_of(source: Path, name: str, group: str, placed: Placed, tested: Tested, shift_group: str | None) -> Arrival:
    """The report of a movie; ``shift_group`` counts where its name does not say one."""
    about, found = tested.about, placed.fingerprint
    values = dict(about.values)
    if shift_group is not None:
        values.setdefault("shift_group", shift_group)
    warnings = list(about.warnings)
    if name != item_name(source.name):
        warnings.append(f"another image is called {item_name(source.name)}: this one is called {name}")
    return Arrival(
        path=placed.path,
        source_path=source,
        name=name,
        identity=found.identity,
        size=found.size,
        mtime=found.mtime,
        recorded=about.recorded,
        group=group,
        values=values,
        frames=tested.header.n_frames,
        shape=tested.header.shape,
        side_files=placed.sides,
        warnings=tuple(warnings),
    )


def group_of(wanted: str, relative: str, values: Mapping[str, Any]) -> str:
    """The group of an image: as wanted; where that is ``auto``, by its specimen, else by its folder."""
    if wanted != "auto":
        return wanted
    return str(values.get("specimen") or os.path.dirname(relative).replace("/", " ") or "Imported")
