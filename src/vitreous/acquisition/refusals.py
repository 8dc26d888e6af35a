"""Errors and conditions of the import, in words for people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from vitreous.acquisition.durations import say_duration
from vitreous.acquisition.import_params import ImportParams
from vitreous.acquisition.reports import Condition, KnownFile
from vitreous.acquisition.settle import Stamp
from vitreous.core.errors import DataError, UsageError

Error = Mapping[str, Any]


def unmatched_name(path: str, params: ImportParams) -> Error:
    """A name that the pattern does not fit."""
    pattern = params.name_pattern or f"of the layout {params.layout}"
    return UsageError(
        f"{path}: the name {os.path.basename(path)!r} does not fit the pattern {pattern}",
        hint="Correct the name pattern, set unmatched to accept, or add the name to the ignored ones",
        path=path,
        pattern=pattern,
    ).to_dict()


def no_side_file(path: str) -> Error:
    """An mdoc or XML that is waited for."""
    return DataError(
        f"{path}: its mdoc or XML is not there yet",
        hint="It is waited for up to the file timeout; set side_file to optional to take movies without",
        path=path,
    ).to_dict()


def more_to_come(path: str, found: int, stated: int) -> Error:
    """Fewer frames than the side file states."""
    return DataError(
        f"{path}: it has {found} of the {stated} frames that its side file states",
        hint="It may still be written; it is taken as it is after the file timeout",
        path=path,
        frames=found,
        stated=stated,
    ).to_dict()


def changed_after_import(path: str, known: KnownFile, stamp: Stamp, params: ImportParams) -> Error:
    """A file that is not what was imported any more."""
    linked = params.transfer == "link"
    effect = "what was computed from it is of its former content" if linked else "the project has its former content"
    return DataError(
        f"{path}: it changed after its import ({known.size:,} bytes then, {stamp.size:,} now); {effect}",
        hint="Run its jobs again, or set a longer settle delay" if linked else "Trash the image and import it again",
        path=path,
        size_before=known.size,
        size=stamp.size,
    ).to_dict()


def nothing_matches(params: ImportParams, others: int) -> Condition:
    """There are files, and none is a movie by its name."""
    return Condition(
        "nothing_matches",
        f"{others} files are in the camera's folders, and no name fits {' '.join(params.taken)}",
        "Correct the patterns or the ignored names, or look into sub-folders",
    )


def source_closed(limit: float) -> Condition:
    """The global timeout is over."""
    return Condition(
        "closed",
        f"the import has ended: nothing new came for {say_duration(limit)}",
        "Start it again, or set a longer global timeout",
    )
